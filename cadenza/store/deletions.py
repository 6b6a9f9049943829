"""What goes away, and what becomes of the enrollments that run then? What was counted stays."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, text

from cadenza.errors import NotFound, WrongUse
from cadenza.store.choices import Choice, contacts_named, running
from cadenza.store.database import driver_connection
from cadenza.store.enrollments import unenroll
from cadenza.store.moves import move_enrollments
from cadenza.store.sequences import find_sequence
from cadenza.store.users import find_user

#: What becomes of the running enrollments of a deleted sequence: they go on to their end, or end now.
Running = Literal["finish", "unenroll"]


def delete_sequence(connection: Connection, name: str, rest: Running | None, actor: str, now: datetime) -> int:
    """Delete a sequence: nobody can be enrolled any more. Returns how many enrollments were running.

    Raises:
        NotFound: there is no such sequence.
        WrongUse: enrollments are running and it is not said what becomes of them, or they could not go on.
    """
    stored = find_sequence(connection, name)
    connection.execute(text("SELECT id FROM sequences WHERE id = :id FOR UPDATE"), {"id": stored.id})
    ids = running(connection, Choice(sequence=name))
    if ids and rest is None:
        raise WrongUse(
            f"{len(ids):,} contacts are in {name}: say what becomes of them, finish (they go on to the end) or "
            "unenroll (they end now)."
        )
    if ids and rest == "finish" and stored.paused_at:
        raise WrongUse(f"{name} is paused: its {len(ids):,} contacts could not go on. Resume it, or unenroll them.")
    if rest == "unenroll":
        unenroll(connection, ids, actor, now, reason="SEQUENCE_DELETED")
    connection.execute(text("UPDATE sequences SET deleted_at = :now WHERE id = :id"), {"id": stored.id, "now": now})
    driver_connection(connection).execute(
        "INSERT INTO events (kind, at, noted_at, actor, data) VALUES ('sequence_delete', %s, %s, %s, %s)",
        [now, now, actor, Jsonb({"sequence_id": stored.id, "running": rest if ids else None})],
    )
    return len(ids)


def deactivate_user(
    connection: Connection, handle: str, move_to: str | None, is_unenrolled: bool, actor: str, now: datetime
) -> int:
    """Switch a user's account off; the contacts in sequences move to another user, or are unenrolled. Returns how many.

    Raises:
        NotFound: there is no such user.
        WrongUse: contacts are in sequences and it is not said what becomes of them; the other user cannot take them.
    """
    user = find_user(connection, handle)
    ids = list(
        connection.scalars(
            text("SELECT id FROM enrollments WHERE user_id = :id AND status IN ('active', 'paused') ORDER BY id"),
            {"id": user.id},
        )
    )
    if move_to is not None and is_unenrolled:
        raise WrongUse("Choose one: move the contacts to another user, or unenroll them.")
    if ids and move_to is None and not is_unenrolled:
        raise WrongUse(f"{len(ids):,} contacts get mails of {handle}: move them to another user, or unenroll them.")
    if is_unenrolled:
        unenroll(connection, ids, actor, now, reason="SENDER_REMOVED")
    elif move_to is not None:
        _move(connection, user.id, handle, move_to, actor, now)
    connection.execute(text("UPDATE users SET is_active = false WHERE id = :id"), {"id": user.id})
    return len(ids)


def _move(connection: Connection, user_id: int, handle: str, move_to: str, actor: str, now: datetime) -> None:
    other = find_user(connection, move_to)
    if other.id == user_id or not other.is_active:
        raise WrongUse(f"{move_to} cannot take the contacts of {handle}: choose another active user.")
    mailbox = connection.scalar(
        text(
            "SELECT id FROM mailboxes WHERE user_id = :id AND is_connected ORDER BY paused_at IS NOT NULL, id LIMIT 1"
        ),
        {"id": other.id},
    )
    if mailbox is None:
        raise WrongUse(f"{move_to} has no connected mailbox: connect one, or choose another user.")
    sending = connection.scalars(
        text("""
            SELECT DISTINCT mailbox_id FROM enrollments
            WHERE user_id = :id AND status IN ('active', 'paused') ORDER BY 1
        """),
        {"id": user_id},
    )
    for one in sending.all():
        move_enrollments(connection, one, mailbox, actor, now)


def erase_contact(connection: Connection, contact: str, actor: str, now: datetime) -> int:
    """Forget who a contact is: ends what it is in, and leaves only numbers behind. Returns the contact's id.

    Enrollments, deliveries and answers stay counted, without any word about the person. Opt-outs, bounces and
    suppressions of its addresses stay, too: without them it would be written to again.

    Raises:
        NotFound: there is no such contact.
        WrongUse: a mail to it is under way right now.
    """
    id_ = connection.scalar(
        text("SELECT id FROM contacts WHERE id = ANY (:ids) AND erased_at IS NULL ORDER BY id LIMIT 1 FOR UPDATE"),
        {"ids": contacts_named(connection, contact)},
    )
    if id_ is None:
        raise NotFound(f"Contact {contact} is erased already.")
    given = {"id": id_, "now": now, "nobody": f"erased-{id_}@invalid"}
    enrollments = list(connection.scalars(text("SELECT id FROM enrollments WHERE contact_id = :id FOR UPDATE"), given))
    unenroll(connection, enrollments, actor, now, reason="CONTACT_ERASED")
    is_under_way = connection.scalar(
        text("SELECT EXISTS (SELECT FROM deliveries WHERE enrollment_id = ANY (:ids) AND state = 'in_flight')"),
        {"ids": enrollments},
    )
    if is_under_way:
        raise WrongUse(f"A mail to contact {contact} is being handed over right now: try again in a minute.")
    for statement in _FORGET:
        connection.execute(text(statement), given | {"ids": enrollments})
    driver_connection(connection).execute(
        "INSERT INTO events (kind, contact_id, at, noted_at, actor) VALUES ('erase', %s, %s, %s, %s)",
        [id_, now, now, actor],
    )
    return int(id_)


_FORGET = (
    """
    UPDATE contacts SET identity_key = 'erased:' || id, erased_at = :now, external_id = NULL, email = NULL,
        email_normalized = NULL, first_name = NULL, last_name = NULL, company = NULL, company_id = NULL,
        job_title = NULL, phone = NULL, country = NULL, city = NULL, language = NULL, time_zone = NULL,
        owner_email = NULL, properties = '{}', updated_at = :now
    WHERE id = :id
    """,
    "DELETE FROM contact_addresses WHERE contact_id = :id",
    "DELETE FROM list_members WHERE contact_id = :id",
    "DELETE FROM record_contacts WHERE contact_id = :id",
    "UPDATE filed_mails SET contact_id = NULL, thread = '{}' WHERE contact_id = :id",
    """
    UPDATE enrollments SET to_address = :nobody, token_values = '{}', overrides = '{}', thread = NULL
    WHERE contact_id = :id
    """,
    """
    UPDATE deliveries SET to_address = :nobody, subject = '', message = NULL, reply_text = '',
        state = CASE state WHEN 'claimed' THEN 'deferred' ELSE state END,
        token = CASE state WHEN 'claimed' THEN gen_random_uuid() ELSE token END,
        lease_until = CASE state WHEN 'claimed' THEN NULL ELSE lease_until END
    WHERE enrollment_id = ANY (:ids)
    """,
    "UPDATE todos SET title = '', notes = '' WHERE contact_id = :id",
    # Of what came in, only what it changed: the rest may be the person's words or addresses.
    """
    UPDATE events SET data = jsonb_strip_nulls(jsonb_build_object(
        'change', data -> 'change', 'status', data -> 'status', 'scope', data -> 'scope', 'machine', data -> 'machine'
    ))
    WHERE contact_id = :id OR enrollment_id = ANY (:ids)
    """,
    "UPDATE refusals SET detail = '' WHERE contact_id = :id",
)
