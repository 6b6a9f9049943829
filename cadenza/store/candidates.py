"""What do we know of the contacts that somebody wants to enroll? One row a candidate, one column a fact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

import pandas as pd
from sqlalchemy import Connection, text

from cadenza.domain.batch import Batch
from cadenza.domain.contact import CONTACT_FIELDS
from cadenza.domain.enrollment import CONTACT_OWNER, Segment
from cadenza.domain.override_columns import PATTERN
from cadenza.domain.role_addresses import ROLE_ADDRESSES
from cadenza.domain.throttle import Limit
from cadenza.store.frames import FLAG, INSTANT, NUMBER, WORDS, copy_frame
from cadenza.store.lists import count_members, count_rows, members, values_of
from cadenza.store.mailboxes import limits_json
from cadenza.store.records import candidates_of

if TYPE_CHECKING:
    import pyarrow as pa

#: The columns of a candidate frame. Numbers that may be missing are Int64, flags are never missing.
COLUMNS: Final[dict[str, pa.DataType]] = {
    "ordinal": NUMBER,
    "contact_id": NUMBER,
    "is_found": FLAG,
    "is_duplicate": FLAG,
    "has_email": FLAG,
    "email_normalized": WORDS,
    "is_email_valid": FLAG,
    "is_role_address": FLAG,
    "bounced_at": INSTANT,
    "complained_at": INSTANT,
    "opted_out_at": INSTANT,
    "sender_opted_out_at": INSTANT,
    "address_suppressed": FLAG,
    "domain_suppressed": FLAG,
    "active_enrollment_id": NUMBER,
    "active_sequence_id": NUMBER,
    "last_ended_at": INSTANT,
    "missing_tokens": WORDS,
    "own_columns": WORDS,
    "is_sender_named": FLAG,
    "user_id": NUMBER,
    "user_is_active": FLAG,
    "user_may_enroll": FLAG,
    "user_may_bulk": FLAG,
    "sequence_shared": FLAG,
    "mailbox_id": NUMBER,
    "is_own_mailbox": FLAG,
    "mailbox_connected": FLAG,
    "mailbox_daily_left": NUMBER,
    "time_zone": WORDS,
    "phone": WORDS,
    "country": WORDS,
    "company_country": WORDS,
    "company_time_zone": WORDS,
    "sender_time_zone": WORDS,
}

#: What a candidate that comes from a record has besides.
RECORD_COLUMNS: Final[dict[str, pa.DataType]] = {"is_without_contact": FLAG, "record": WORDS}

_FILES: Final = resources.files("cadenza.store")
_ALLOWANCES: Final = _FILES.joinpath("allowances.sql").read_text()
_STATEMENT: Final = _FILES.joinpath("candidates.sql").read_text().replace("{allowances}", _ALLOWANCES.strip())

#: Properties that may say what is different for a contact, as JSON.
_OWN_COLUMNS: Final = """(
               SELECT CAST(jsonb_object_agg(own.key, own.value) AS text) FROM jsonb_each_text(c.properties) own
               WHERE own.key ~ :own_columns AND btrim(own.value) <> '')"""

#: Columns of companies that a token may name; every other name is a property.
_COMPANY_COLUMNS: Final = {"name": "coalesce(k.name, c.company)", "domain": "k.domain", "country": "k.country"}


@dataclass(frozen=True, slots=True)
class Place:
    """How far the candidates of a segment were read: after a contact's id, and of chosen contacts an ordinal."""

    contact_id: int = 0
    ordinal: int = 0

    @classmethod
    def behind(cls, chunk: pd.DataFrame) -> Place:
        """The place behind a chunk, which is not empty."""
        last = chunk.iloc[-1]
        return cls(int(last["contact_id"]), int(last["ordinal"]))


def load_candidates(
    connection: Connection, batch: Batch, after: Place, size: int, default_limits: Sequence[Limit] = ()
) -> pd.DataFrame:
    """The facts of the next ``size`` candidates, in the columns of ``COLUMNS``, from records also ``RECORD_COLUMNS``.

    A list is read in the order of its contacts' ids, chosen contacts as they were chosen; ordinals count on from
    chunk to chunk. ``default_limits`` are those of mailboxes that have none of their own.
    """
    asked, parameters = _asked(connection, batch.segment, after, size)
    missing, tokens = _missing_tokens(batch.sequence.required_tokens)
    statement = (
        _STATEMENT.replace("{asked}", asked)
        .replace("{missing_tokens}", missing)
        .replace("{is_found}", "c.id IS NOT NULL" + (" OR a.is_without_contact" if batch.segment.records else ""))
        .replace("{of_record}", ", is_without_contact, record" if batch.segment.records else "")
        .replace("{own_columns}", _OWN_COLUMNS if batch.options.from_columns else "CAST(NULL AS text)")
        .replace("{sender_of_person}", "sender.email = p.owner_email" if batch.sender == CONTACT_OWNER else "true")
    )
    parameters |= tokens | {
        "now": batch.started_at,
        "sequence_id": batch.sequence_id,
        "sender": batch.sender,
        "contact_owner": CONTACT_OWNER,
        "enrolled_by": batch.options.enrolled_by,
        "mailbox_id": batch.options.for_all.mailbox_id,
        "role_addresses": list(ROLE_ADDRESSES),
        "own_columns": PATTERN,
        "default_limits": limits_json(default_limits),
    }
    columns = COLUMNS | RECORD_COLUMNS if batch.segment.records else COLUMNS
    return copy_frame(connection, statement, parameters, columns, never_missing=frozenset({"ordinal", "contact_id"}))


def missing_tokens(connection: Connection, contact_ids: Sequence[int], paths: Sequence[str]) -> dict[int, list[str]]:
    """Those of the tokens that contacts have no value for, by contact; who has them all is left out."""
    missing, parameters = _missing_tokens(paths)
    rows = connection.execute(
        text(f"""
            SELECT id, missing FROM (
                SELECT c.id, {missing} AS missing
                FROM contacts c LEFT JOIN companies k ON k.id = c.company_id WHERE c.id = ANY (:contact_ids)
            ) asked
            WHERE missing IS NOT NULL
        """),  # noqa: S608
        {**parameters, "contact_ids": list(contact_ids)},
    )
    return {row.id: row.missing.split(", ") for row in rows}


@dataclass(frozen=True, slots=True)
class MailboxFacts:
    """What matters of a mailbox that was chosen for a contact."""

    id: int
    user_id: int
    is_connected: bool
    addresses: frozenset[str]
    #: What is left of its day; None: no limit.
    daily_left: int | None


def mailbox_facts(
    connection: Connection, mailbox_ids: Sequence[int], default_limits: Sequence[Limit], now: datetime
) -> dict[int, MailboxFacts]:
    """The facts of those of the mailboxes that exist."""
    rows = connection.execute(
        text(f"""
            WITH {_ALLOWANCES}
            SELECT b.id, b.user_id, b.is_connected, array_prepend(b.address, b.aliases) AS addresses, a.daily_left
            FROM mailboxes b LEFT JOIN allowances a ON a.mailbox_id = b.id WHERE b.id = ANY (:ids)
        """),  # noqa: S608
        {"ids": list(mailbox_ids), "default_limits": limits_json(default_limits), "now": now},
    )
    return {
        row.id: MailboxFacts(
            row.id, row.user_id, row.is_connected, frozenset(map(str.lower, row.addresses)), row.daily_left
        )
        for row in rows
    }


def count_candidates(connection: Connection, segment: Segment) -> int:
    """How many candidates a segment has: repeated ones count as often, and a record without a contact once."""
    if segment.records:
        return count_rows(connection, candidates_of(connection, segment.records))
    return len(segment.contact_ids) or count_members(connection, segment)


def _asked(connection: Connection, segment: Segment, after: Place, size: int) -> tuple[str, dict[str, Any]]:
    """The next candidates (ordinal, contact_id, is_repeated) as SQL, with its parameters.

    Those of records have the ``RECORD_COLUMNS`` too; where there is no contact, its id is 0.
    """
    parameters: dict[str, Any] = {"after_ordinal": after.ordinal, "size": size}
    if segment.records:
        found = candidates_of(connection, segment.records)
        of_records = f"""
            SELECT ordinal, coalesce(contact_id, 0) AS contact_id, is_repeated, record,
                   contact_id IS NULL AS is_without_contact
            FROM ({found.text}) found
            WHERE ordinal > :after_ordinal ORDER BY ordinal LIMIT :size"""  # noqa: S608
        return of_records, parameters | values_of(found)
    fragment = members(connection, segment)  # also says what is wrong with a segment
    if segment.contact_ids:
        chosen = """
            SELECT ordinal, contact_id, is_repeated
            FROM (
                SELECT ordinal, contact_id,
                       row_number() OVER (PARTITION BY contact_id ORDER BY ordinal) > 1 AS is_repeated
                FROM unnest(CAST(:contact_ids AS bigint[])) WITH ORDINALITY AS chosen(contact_id, ordinal)
            ) numbered
            WHERE ordinal > :after_ordinal ORDER BY ordinal LIMIT :size"""
        return chosen, parameters | {"contact_ids": list(segment.contact_ids)}
    resolved = f"""
        SELECT row_number() OVER (ORDER BY contact_id) + :after_ordinal AS ordinal, contact_id, false AS is_repeated
        FROM (
            SELECT contact_id FROM ({fragment.text}) AS member
            WHERE contact_id > :after_contact_id ORDER BY contact_id LIMIT :size
        ) page"""  # noqa: S608
    return resolved, parameters | {"after_contact_id": after.contact_id} | values_of(fragment)


def _missing_tokens(paths: Sequence[str]) -> tuple[str, dict[str, str]]:
    """The required tokens that a contact has no value for, as SQL, with its parameters."""
    if not paths:
        return "CAST(NULL AS text)", {}
    cases: list[str] = []
    parameters: dict[str, str] = {}
    for number, path in enumerate(paths):
        root, _, name = path.partition(".")
        parameters |= {f"token_{number}": path}
        if root == "company" and name in _COMPANY_COLUMNS:
            value = _COMPANY_COLUMNS[name]
        elif root == "contact" and name in CONTACT_FIELDS:
            value = f"c.{name}"
        else:
            value = f"{'k' if root == 'company' else 'c'}.properties ->> :key_{number}"
            parameters |= {f"key_{number}": name}
        cases.append(f"CASE WHEN coalesce(btrim({value}), '') = '' THEN :token_{number} END")
    return f"CASE WHEN c.id IS NOT NULL THEN nullif(concat_ws(', ', {', '.join(cases)}), '') END", parameters
