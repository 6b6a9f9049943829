"""What is to be enrolled into what?"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

from prefect import runtime, task
from prefect.cache_policies import NO_CACHE

from cadenza.domain.batch import Batch
from cadenza.domain.enrollment import EnrollmentOptions, Segment
from cadenza.domain.overrides import Overrides
from cadenza.domain.records import Records
from cadenza.domain.zones import zone_named
from cadenza.errors import BatchTooLarge, OverrideInvalid, WrongUse
from cadenza.mail.overridden import changed_for_all
from cadenza.runtime import current
from cadenza.store import batches, candidates, database
from cadenza.store.documents import check_documents
from cadenza.store.sequences import find_sequence
from tasks.retrying import WAITS, waiting_helps

logger = logging.getLogger(__name__)


def segment_of(
    segment: str = "", filter: str = "", contact_ids: Sequence[int] | None = None, records: Records | None = None
) -> Segment:
    """Whom a form or a command line names: a list, a filter, chosen contacts, or records."""
    if records and records.contacts is None:
        records = replace(records, contacts=current().settings.record_contacts)
    return Segment(segment or None, filter or None, tuple(contact_ids or ()), records)


def check_choice(segment: Segment, options: EnrollmentOptions) -> None:
    """See that a person names no more contacts one by one than the settings, or the options, allow.

    Raises:
        BatchTooLarge: names the number and the remedy.
    """
    chosen, most = len(segment.contact_ids), options.batch_limit or current().settings.interactive_limit
    if chosen > most:
        raise BatchTooLarge(
            f"{chosen:,} contacts are named one by one, at most {most:,} are enrolled so at once: put them on a list, "
            "or raise the setting interactive_limit."
        )


@task(cache_policy=NO_CACHE, retries=len(WAITS), retry_delay_seconds=WAITS, retry_condition_fn=waiting_helps)
def begin_batch(
    sequence: str,
    sender: str,
    segment: Segment,
    options: EnrollmentOptions,
    contact_overrides: Mapping[int, Overrides] | None = None,
) -> Batch:
    """A new batch, stored. ``contact_overrides`` are what is different for single contacts, by id.

    Raises:
        NotFound: there is no such sequence or list; names those that come nearest.
        FilterInvalid: names the position and what may stand there.
        WrongUse: the segment is not exactly one of a name, a filter, a choice and records; there is no such time zone;
            who is new is asked of no list.
        OverrideInvalid: an option for everybody makes no sense; names it, and of two that contradict each other both.
    """
    batch = _outlined(sequence, sender, segment, options, contact_overrides)
    with database.transaction(current().engine) as connection:
        check_documents(connection, [options.for_all, *batch.contact_overrides.values()])
        begun = replace(batch, id=batches.start_batch(connection, batch, runtime.flow_run.id))
    logger.info("Batch %d: %d candidates for %s", begun.id, begun.size, sequence)
    return begun


@task(cache_policy=NO_CACHE, retries=len(WAITS), retry_delay_seconds=WAITS, retry_condition_fn=waiting_helps)
def outline_batch(
    sequence: str,
    sender: str,
    segment: Segment,
    options: EnrollmentOptions,
    contact_overrides: Mapping[int, Overrides] | None = None,
) -> Batch:
    """The same batch for a preflight: without an id, nothing is stored. Raises what ``begin_batch`` raises."""
    return _outlined(sequence, sender, segment, options, contact_overrides)


def _outlined(
    sequence: str,
    sender: str,
    segment: Segment,
    options: EnrollmentOptions,
    contact_overrides: Mapping[int, Overrides] | None,
) -> Batch:
    _agree(options)
    if options.new_only:
        if segment.name is None:
            raise WrongUse("Only of a list can those be taken who are new on it: name one, or leave out new_only.")
        segment = replace(segment, new_to=sequence)
    with database.transaction(current().engine) as connection:
        stored = find_sequence(connection, sequence)
        size = candidates.count_candidates(connection, segment)
    return Batch(
        id=None,
        segment=segment,
        sender=sender,
        options=options,
        sequence_id=stored.id,
        sequence_version_id=stored.version_id,
        sequence=changed_for_all(stored.sequence, options.for_all),
        is_sequence_active=stored.is_active,
        size=size,
        started_at=current().clock.now(),
        contact_overrides=contact_overrides or {},
    )


def _agree(options: EnrollmentOptions) -> None:
    """See that what is chosen twice is the same."""
    if options.time_zone and zone_named(options.time_zone) is None:
        raise WrongUse(
            f"There is no time zone {options.time_zone!r}: give a name such as Europe/Berlin or America/New_York."
        )
    for name in ("time_zone", "send_at", "mailbox_id"):
        one, other = getattr(options, name), getattr(options.overrides, name)
        if one is not None and other is not None and one != other:
            problem = f"the option {name} says something else: choose one of the two."
            raise OverrideInvalid.of(f"overrides.{name}", problem)
