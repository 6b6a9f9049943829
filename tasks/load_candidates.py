"""Which contacts does an enrollment look at, and what do we know of them?"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from prefect import task
from prefect.cache_policies import NO_CACHE

from cadenza.domain.attachments import megabytes
from cadenza.domain.batch import Batch
from cadenza.domain.override_columns import overrides_of_columns
from cadenza.domain.overrides import NOTHING, Overrides, as_json
from cadenza.domain.passage import Passage
from cadenza.domain.sequence import Sequence as ContactSequence
from cadenza.errors import OverrideInvalid
from cadenza.mail.attachments import mail_size
from cadenza.mail.overridden import Chooser
from cadenza.runtime import current
from cadenza.store import candidates, database, mailboxes

logger = logging.getLogger(__name__)

#: Candidates of one chunk: what a process holds at a time, however large the segment is.
CHUNK_SIZE = 100_000

_WORDS: Final = pd.StringDtype(na_value=float("nan"))


@task(cache_policy=NO_CACHE)
def load_candidates(batch: Batch, size: int = CHUNK_SIZE) -> Iterator[pd.DataFrame]:
    """The candidates of a batch, ``size`` at a time, in the columns of ``candidates.COLUMNS``.

    A chunk is read when the one before it is done with, so that its facts know what was just enrolled. Where contacts
    have options of their own there are columns for them: ``start_position``, ``is_mail_first``, ``chosen_zone``,
    ``send_at``, ``override_code``, ``override_problem``, and what is stored of them: ``overrides``, ``token_values``.
    Where mails have attachments there is ``too_large``: words, if one of them does not fit through the mailbox.
    """
    runtime = current()
    place = candidates.Place()
    chunk = None
    while chunk is None or len(chunk) == size:
        with database.transaction(runtime.engine) as connection:
            chunk = candidates.load_candidates(connection, batch, place, size, runtime.settings.limits)
        if chunk.empty:
            return
        place = candidates.Place.behind(chunk)
        logger.info("%d of %d candidates loaded", place.ordinal, batch.size)
        yield with_sizes(_with_own_options(chunk, batch), batch)


def with_sizes(chunk: pd.DataFrame, batch: Batch) -> pd.DataFrame:
    """The candidates, where mails have attachments with ``too_large``: words of those whose mailboxes take less."""
    own = {id_: chosen for id_, chosen in batch.contact_overrides.items() if chosen.attachments}
    if not own and not any(step.attachments for step in batch.sequence.steps):
        return chunk
    runtime = current()
    with database.transaction(runtime.engine) as connection:
        boxes = mailboxes.mailboxes_by_id(connection)
    limits = {box.id: box.largest_mail(runtime.settings.largest_mail_mb) for box in boxes.values()}
    ids = chunk["mailbox_id"].to_numpy(dtype=np.int64, na_value=-1)
    starts = (
        chunk["start_position"].to_numpy()
        if "start_position" in chunk.columns
        else np.full(len(chunk), batch.start_position)
    )
    words = _too_large(batch.sequence, ids, starts, limits)
    contacts = chunk["contact_id"].to_numpy()
    for row in np.flatnonzero(np.isin(contacts, [*own])).tolist():
        sequence = own[int(contacts[row])].applied_to(batch.sequence)
        words[row : row + 1] = _too_large(sequence, ids[row : row + 1], starts[row : row + 1], limits)
    return chunk.assign(too_large=pd.Series(words, index=chunk.index, dtype=_WORDS))


def _too_large(
    sequence: ContactSequence, ids: NDArray[np.int64], starts: NDArray[np.int64], limits: Mapping[int, int]
) -> NDArray[np.object_]:
    """What is said of the first mail that is too large, by the mailboxes and first steps of contacts."""
    sizes = {step.position: mail_size(step) for step in sequence.steps if step.attachments}
    words = np.full(len(ids), None, dtype=object)
    for box_id, largest in limits.items():
        for position, size in reversed(sizes.items()):  # the first of them is told
            if size > largest:
                said = f"step {position}: {megabytes(size)}, the mailbox may send {megabytes(largest)}"
                words[(ids == box_id) & (starts <= position)] = said
    return words


def _with_own_options(chunk: pd.DataFrame, batch: Batch) -> pd.DataFrame:
    """The candidates as they are when their own options are laid over those of all."""
    choices = _choices(chunk, batch)
    alias = batch.options.for_all.from_alias
    if not choices and not alias:
        return chunk
    own = chunk.copy(deep=False)
    if choices:
        _put_in(own, choices, Chooser(batch).same, batch)
        _fill_tokens(own, choices, batch)
    aliases = {row: choice.from_alias for row, choice in choices.items() if not choice.code}
    chosen = {row: choice.mailbox_id for row, choice in choices.items() if choice.mailbox_id is not None}
    ids = {*chosen.values(), *(own["mailbox_id"].dropna().unique().tolist() if alias or any(aliases.values()) else ())}
    facts = _mailboxes(sorted(ids), batch)
    _choose_mailboxes(own, chosen, facts)
    denied = np.zeros(len(own), dtype=bool)
    mailboxes = own["mailbox_id"].to_numpy(dtype=np.int64, na_value=-1)
    if alias:
        able = [id_ for id_, fact in facts.items() if alias in fact.addresses]
        denied = ~np.isin(mailboxes, able)
    for row, name in aliases.items():
        fact = facts.get(int(mailboxes[row]))
        denied[row] = bool(name) and fact is not None and name not in fact.addresses
    own["is_alias_denied"] = denied & (mailboxes >= 0)
    return own


def _choices(chunk: pd.DataFrame, batch: Batch) -> dict[int, Passage]:
    """What holds for the contacts that have options of their own, by row; each different option is read once."""
    has_own = chunk["contact_id"].isin(batch.contact_overrides.keys()).to_numpy() if batch.contact_overrides else False
    rows = np.flatnonzero(chunk["own_columns"].notna().to_numpy() | has_own)
    chooser = Chooser(batch)
    known: dict[tuple[str | None, int], Passage] = {}
    choices = {}
    told = chunk["own_columns"].astype(object).to_numpy()
    for row, contact_id in zip(rows.tolist(), chunk["contact_id"].to_numpy()[rows].tolist(), strict=True):
        columns = told[row] if isinstance(told[row], str) else None
        overrides = batch.contact_overrides.get(contact_id, NOTHING)
        key = columns, id(overrides)
        if key not in known:
            known[key] = _choice(chooser, columns, overrides)
        choices[row] = known[key]
    return choices


def _choice(chooser: Chooser, columns: str | None, overrides: Overrides) -> Passage:
    try:
        listed = overrides_of_columns(json.loads(columns)) if columns else NOTHING
    except OverrideInvalid as error:
        return chooser.refused(error)
    return chooser.choice(overrides.over(listed))


def _put_in(own: pd.DataFrame, choices: Mapping[int, Passage], same: Passage, batch: Batch) -> None:
    """Add a column for each option; where a contact has none of its own stands what holds for all."""
    for_all = batch.options.for_all
    tokens = as_json(for_all.token_values) if for_all.token_values else None
    defaults = {"overrides": for_all.as_stored(), "token_values": tokens}
    rows = list(choices)
    for name, source in (
        ("start_position", "start_position"), ("is_mail_first", "is_mail_first"), ("chosen_zone", "time_zone"),
        ("send_at", "send_at"), ("overrides", "overrides"), ("token_values", "token_values"),
        ("override_code", "code"), ("override_problem", "problem"),
    ):  # fmt: skip
        values = np.full(len(own), defaults.get(name, getattr(same, source)), dtype=object)
        values[rows] = [getattr(choice, source) for choice in choices.values()]
        kind = {"start_position": "int64", "is_mail_first": "bool", "send_at": "datetime64[us]"}.get(name, _WORDS)
        own[name] = pd.Series(values, index=own.index, dtype=kind)


def _mailboxes(ids: Sequence[int], batch: Batch) -> dict[int, candidates.MailboxFacts]:
    runtime = current()
    if not ids:
        return {}
    with database.transaction(runtime.engine) as connection:
        return candidates.mailbox_facts(connection, ids, runtime.settings.limits, batch.started_at)


def _fill_tokens(own: pd.DataFrame, choices: Mapping[int, Passage], batch: Batch) -> None:
    """Look at the tokens that contacts with options of their own need."""
    ids = own["contact_id"].to_numpy()
    known = set(batch.sequence.required_tokens)
    wanting = {row: choice.needed - known for row, choice in choices.items() if choice.needed and choice.needed - known}
    more: dict[int, list[str]] = {}
    if wanting:
        paths = sorted(set().union(*wanting.values()))
        with database.transaction(current().engine) as connection:
            more = candidates.missing_tokens(connection, [int(ids[row]) for row in wanting], paths)
    told = own["missing_tokens"].astype(object).to_numpy().copy()
    for row, choice in choices.items():
        if choice.needed is None:
            continue
        missing = told[row].split(", ") if isinstance(told[row], str) else []
        missing += more.get(int(ids[row]), []) if row in wanting else []
        told[row] = ", ".join(path for path in missing if path in choice.needed) or None
    own["missing_tokens"] = pd.Series(told, index=own.index, dtype=_WORDS)


def _choose_mailboxes(
    own: pd.DataFrame, chosen: Mapping[int, int], facts: Mapping[int, candidates.MailboxFacts]
) -> None:
    """Put the facts of the mailboxes in that single contacts have of their own."""
    if not chosen:
        return
    rows = list(chosen)
    found = [facts.get(id_) for id_ in chosen.values()]
    users = own["user_id"].iloc[rows].tolist()
    columns = {
        "mailbox_id": [box.id if box else pd.NA for box in found],
        "is_own_mailbox": [box is not None and box.user_id == user for box, user in zip(found, users, strict=True)],
        "mailbox_connected": [box is not None and box.is_connected for box in found],
        "mailbox_daily_left": [pd.NA if box is None or box.daily_left is None else box.daily_left for box in found],
    }
    for name, values in columns.items():
        changed = own[name].copy()
        changed.iloc[rows] = values
        own[name] = changed
