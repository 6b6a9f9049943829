"""Which running enrollments does a person mean?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, text

from cadenza.domain.freemail import FREEMAIL_DOMAINS
from cadenza.errors import NotFound, WrongUse
from cadenza.store.sequences import find_sequence
from cadenza.store.users import find_user

#: Whether an enrollment ``e`` of a contact ``c`` is of the company that ``company_named`` found, if one is asked for.
AT_COMPANY: Final = """
    (CAST(:company AS text) IS NULL OR c.company_id = ANY (:companies) OR lower(c.company) = lower(:company)
     OR split_part(e.to_address, '@', 2) = :domain)
"""


@dataclass(frozen=True, slots=True)
class Choice:
    """Enrollments that run: of one contact, of a sequence, at a company, or every one."""

    #: Id or address.
    contact: str | None = None
    sequence: str | None = None
    #: Name or domain of the company; the domain of a mail provider is nobody's.
    company: str | None = None
    is_all: bool = False
    #: Handle of the user who enrolled them; None: whoever it was.
    enrolled_by: str | None = None
    #: Of paused ones: only those that were paused with this reason.
    paused_reason: str | None = None


def running(connection: Connection, choice: Choice) -> list[int]:
    """The ids of the active and paused enrollments that are meant.

    Who enrolled is the user who asked for the batch, else its sender.

    Raises:
        WrongUse: it is not said whose, or in two ways.
        NotFound: there is no such contact, sequence, company or user.
    """
    given = [choice.contact is not None, choice.sequence is not None or choice.company is not None, choice.is_all]
    if given.count(True) != 1:
        raise WrongUse("Name one contact, or a sequence, a company or both, or all: exactly one of these.")
    if choice.sequence is not None:
        find_sequence(connection, choice.sequence)
    if choice.enrolled_by is not None:
        find_user(connection, choice.enrolled_by)
    contacts = None if choice.contact is None else contacts_named(connection, choice.contact)
    companies, domain = company_named(connection, choice.company) if choice.company is not None else ([], None)
    ids = connection.scalars(
        text(f"""
            SELECT e.id
            FROM enrollments e
            JOIN contacts c ON c.id = e.contact_id
            JOIN sequences s ON s.id = e.sequence_id
            JOIN users u ON u.id = e.user_id
            LEFT JOIN batches b ON b.id = e.batch_id
            WHERE e.status IN ('active', 'paused')
              AND (CAST(:contacts AS bigint[]) IS NULL OR e.contact_id = ANY (:contacts))
              AND (CAST(:sequence AS text) IS NULL OR s.name = :sequence)
              AND {AT_COMPANY}
              AND (CAST(:enrolled_by AS text) IS NULL
                   OR coalesce(b.options ->> 'enrolled_by', u.handle) = :enrolled_by)
              AND (CAST(:reason AS text) IS NULL OR e.paused_reason = :reason)
            ORDER BY e.id
        """),  # noqa: S608
        {
            "contacts": contacts,
            "sequence": choice.sequence,
            "company": choice.company and choice.company.strip(),
            "companies": list(companies),
            "domain": domain,
            "enrolled_by": choice.enrolled_by,
            "reason": choice.paused_reason,
        },
    ).all()
    if not ids and contacts is not None:
        _explain(connection, contacts, choice.contact or "")
    return list(ids)


def contacts_named(connection: Connection, words: str) -> list[int]:
    """The contacts with an id or an address.

    Raises:
        NotFound: there is none.
    """
    wanted = words.strip()
    ids = connection.scalars(
        text("SELECT id FROM contacts WHERE id = :id OR email_normalized = :address ORDER BY id"),
        {"id": int(wanted) if re.fullmatch(r"\d{1,18}", wanted) else None, "address": wanted.lower()},
    ).all()
    if not ids:
        raise NotFound(f"There is no contact {words!r}: give its id or its address.")
    return list(ids)


def company_named(connection: Connection, name: str) -> tuple[Sequence[int], str | None]:
    """The companies of a name or domain, and the domain of addresses that belong to them.

    Raises:
        NotFound: neither a company nor a contact's address has it.
    """
    wanted = name.strip().lower()
    domain = wanted if "." in wanted and wanted not in FREEMAIL_DOMAINS else None
    rows = connection.execute(
        text(
            "SELECT id, lower(domain) AS domain FROM companies WHERE lower(name) = :wanted OR lower(domain) = :wanted"
        ),
        {"wanted": wanted},
    ).all()
    if rows:
        own = next((row.domain for row in rows if row.domain and row.domain not in FREEMAIL_DOMAINS), None)
        return [row.id for row in rows], domain or own
    is_known = connection.scalar(
        text("""
            SELECT EXISTS (SELECT FROM contacts WHERE lower(company) = :wanted
                           OR split_part(email_normalized, '@', 2) = :domain)
        """),
        {"wanted": wanted, "domain": domain},
    )
    if not is_known:
        raise NotFound(f"There is no company {name!r}: give its name or its domain as its contacts have it.")
    return [], domain


def _explain(connection: Connection, contacts: Sequence[int], contact: str) -> None:
    """Say why a contact has no such enrollment.

    Raises:
        NotFound: it is in no sequence, or in one that is not meant.
    """
    is_running = connection.scalar(
        text("""
            SELECT EXISTS (SELECT FROM enrollments WHERE contact_id = ANY (:ids) AND status IN ('active', 'paused'))
        """),
        {"ids": list(contacts)},
    )
    if is_running:
        raise NotFound(f"Contact {contact} was enrolled by somebody else, or paused for another reason.")
    raise NotFound(f"Contact {contact} is in no sequence now: see 'cadenza enrollments --contact {contact}'.")
