"""How is an enrollment prepared, reviewed and changed before anything of it begins?"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from cadenza.domain.batch import Batch
from cadenza.domain.enrollment import EnrollmentOptions, Outcome, Segment
from cadenza.domain.overrides import Overrides
from cadenza.domain.report import ContactOutcome, Forecast
from cadenza.errors import NotFound
from cadenza.mail.overridden import check_words
from cadenza.runtime import current
from cadenza.store import candidates, contact_values, database, drafts
from cadenza.store.batches import options_data, options_of
from cadenza.store.documents import check_documents
from flows.enroll_now import enroll_now
from tasks.begin_batch import outline_batch
from tasks.check_enrollability import check_enrollability
from tasks.forecast_sends import forecast_sends, queue_of
from tasks.load_candidates import load_candidates
from tasks.publish_forecast import Preview, publish_forecast
from tasks.time_first_steps import time_first_steps


def create(
    sequence: str,
    sender: str,
    segment: Segment,
    options: EnrollmentOptions = EnrollmentOptions(),  # noqa: B008 - frozen
    created_by: str | None = None,
    contact_overrides: Mapping[int, Overrides] | None = None,
) -> drafts.Draft:
    """A new draft with the contacts that the segment has now.

    Raises:
        NotFound, FilterInvalid, WrongUse, OverrideInvalid: as ``begin_batch``.
    """
    batch = outline_batch.fn(sequence, sender, segment, options, contact_overrides)
    for own in batch.contact_overrides.values():
        _check(batch, own)
    batch = replace(batch, options=replace(options, new_only=False))  # who is new is decided now
    with database.transaction(current().engine) as connection:
        return drafts.find_draft(connection, drafts.create_draft(connection, batch, created_by))


def choose_for_all(draft_id: int, overrides: Overrides) -> drafts.Draft:
    """Change what holds for all contacts of a draft; what was chosen before and is not named stays.

    Raises:
        NotFound, WrongUse: there is no such draft, or it was discarded.
        OverrideInvalid: names the option, and of two that contradict each other both.
    """
    with database.transaction(current().engine) as connection:
        draft = drafts.open_draft(connection, draft_id)
    options = options_of(draft.options)
    # What an enrollment itself has is chosen there, so that nothing is said twice.
    own = {name: value for name in _OWN if (value := getattr(overrides, name)) is not None}
    rest = replace(overrides, start_position=None, time_zone=None, send_at=None, mailbox_id=None)
    changed = replace(options, **own, overrides=rest.over(options.overrides))
    outline_batch.fn(draft.sequence, draft.sender, Segment(contact_ids=(0,)), changed)
    with database.transaction(current().engine) as connection:
        check_documents(connection, [overrides])
        drafts.set_options(connection, draft_id, options_data(changed))
        return drafts.find_draft(connection, draft_id)


_OWN = ("start_position", "time_zone", "send_at", "mailbox_id")


def choose_for(draft_id: int, contact_ids: Sequence[int], overrides: Overrides, *, anew: bool = False) -> int:
    """Change what is different for single contacts; returns for how many. ``anew``: what they had before goes.

    Raises:
        NotFound, WrongUse: there is no such draft, or it was discarded; none of the contacts is in it.
        OverrideInvalid: names the option, and of two that contradict each other both.
    """
    batch, known = _outlined(draft_id, contact_ids)
    changed = {
        id_: overrides if anew else overrides.over(batch.contact_overrides.get(id_, Overrides())) for id_ in known
    }
    for own in changed.values():
        _check(batch, own)
    with database.transaction(current().engine) as connection:
        drafts.open_draft(connection, draft_id)
        check_documents(connection, [overrides])
        drafts.set_overrides(connection, draft_id, changed)
    return len(changed)


def fill(
    draft_id: int, path: str, value: str, contact_ids: Sequence[int] | None = None, *, write_back: bool = False
) -> int:
    """Give a token a value for contacts of a draft that have none, one or all of them; returns how many.

    Whoever is not named keeps a value that its own options give, those in columns of the list included.
    ``write_back``: their own property or field gets it too, for ever.
    """
    batch, known = _outlined(draft_id, contact_ids)
    filled = Overrides.from_data({"token_values": {path: value}})
    told = _told(batch, path) if contact_ids is None else frozenset()
    with database.transaction(current().engine) as connection:
        lacking = candidates.missing_tokens(connection, known, [path]).keys() - told
        own = batch.contact_overrides
        changed = {id_: filled.over(own.get(id_, Overrides())) for id_ in lacking}
        drafts.open_draft(connection, draft_id)
        drafts.set_overrides(connection, draft_id, changed)
        if write_back:
            contact_values.write_back(connection, list(lacking), path, filled.token_values[path], current().clock.now())
    return len(changed)


def remove(draft_id: int, contact_ids: Sequence[int]) -> int:
    """Take contacts out of a draft; ``restore`` puts them back. Returns how many."""
    with database.transaction(current().engine) as connection:
        drafts.open_draft(connection, draft_id)
        return drafts.set_removed(connection, draft_id, contact_ids, current().clock.now())


def restore(draft_id: int, contact_ids: Sequence[int]) -> int:
    """Put removed contacts back into a draft. Returns how many."""
    with database.transaction(current().engine) as connection:
        drafts.open_draft(connection, draft_id)
        return drafts.set_removed(connection, draft_id, contact_ids, None)


def discard(draft_id: int) -> None:
    """Give a draft up; what was enrolled out of it stays."""
    with database.transaction(current().engine) as connection:
        drafts.open_draft(connection, draft_id)
        drafts.discard(connection, draft_id, current().clock.now())


def review(draft_id: int) -> Forecast:
    """What enrolling everybody who is left would do, when each would be mailed, and which tokens are missing."""
    batch, _ = _outlined(draft_id)
    preview = Preview(batch)
    for chunk in load_candidates.fn(batch):
        timed = time_first_steps.fn(chunk, batch)
        verdict = check_enrollability.fn(timed, batch, preview.counted.taken)
        planned = forecast_sends.fn(verdict, batch, preview.ahead)
        preview.add(verdict, planned, queue_of(planned))
    return publish_forecast.fn(preview)


def enroll(
    draft_id: int, contact_ids: Sequence[int] | None = None, *, enrolled_by: str | None = None
) -> list[ContactOutcome]:
    """Enroll those who are left in a draft, one or all of them. Who is refused stays in it, to be corrected.

    Raises:
        NotFound, WrongUse: there is no such draft, or it was discarded; nobody is left.
    """
    batch, known = _outlined(draft_id, contact_ids)
    outcomes = enroll_now(
        batch.sequence.name,
        batch.sender,
        known,
        batch.options,
        enrolled_by=enrolled_by,
        contact_overrides=batch.contact_overrides,
    )
    done = [one for one in outcomes if one.outcome is not Outcome.REFUSED and one.batch_id is not None]
    with database.transaction(current().engine) as connection:
        for batch_id in {one.batch_id for one in done if one.batch_id is not None}:
            ids = [one.contact_id for one in done if one.batch_id == batch_id]
            drafts.note_enrolled(connection, draft_id, ids, batch_id, current().clock.now())
    return outcomes


def _outlined(draft_id: int, contact_ids: Sequence[int] | None = None) -> tuple[Batch, list[int]]:
    """A draft as a batch of those who are left, one or all of them, and their ids."""
    with database.transaction(current().engine) as connection:
        draft = drafts.open_draft(connection, draft_id)
        known = drafts.waiting_contacts(connection, draft_id, contact_ids)
        own = drafts.draft_contacts(connection, draft_id, known)
    if not known:
        raise NotFound(f"Nobody of these is left in draft {draft_id}: see 'cadenza draft show {draft_id}'.")
    overrides = {one.contact_id: Overrides.from_data(one.overrides) for one in own if one.overrides}
    segment = Segment(contact_ids=tuple(known))
    options = options_of(draft.options)
    if options.batch_limit is None:
        options = replace(options, batch_limit=current().settings.interactive_limit)
    return outline_batch.fn(draft.sequence, draft.sender, segment, options, overrides), known


def _told(batch: Batch, path: str) -> frozenset[int]:
    """The contacts of a batch whose options say what a token is."""
    told: set[int] = set()
    for chunk in load_candidates.fn(batch):
        if "token_values" in chunk:
            known = chunk["token_values"].dropna().map(lambda values: path in json.loads(values)).astype(bool)
            told |= set(chunk["contact_id"].loc[known.index[known]].tolist())
    return frozenset(told)


def _check(batch: Batch, own: Overrides) -> None:
    own.check(batch.sequence, batch.start_position)
    check_words(own)
