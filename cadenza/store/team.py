"""Which users and mailboxes does a team file name?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, EmailStr, Field, PositiveInt, ValidationError
from sqlalchemy import Connection, text

from cadenza.errors import SettingsInvalid


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")


class MailboxLimit(_Entry):
    """At most ``mails`` in any ``seconds``."""

    mails: PositiveInt
    seconds: PositiveInt


class MailboxEntry(_Entry):
    """A mailbox of a team file; secrets are named (``password_env``, ``password_secret`` …), never written down.

    What it leaves out of transport and IMAP settings stays as it is: somebody may have connected the mailbox.
    """

    address: EmailStr
    display_name: str = ""
    aliases: list[EmailStr] = []
    postal_address: str = ""
    #: A new mailbox that names none uses the sink.
    transport: dict[str, Any] | None = None
    imap: dict[str, Any] | None = None
    limits: list[MailboxLimit] | None = None


class UserEntry(_Entry):
    """A user of a team file."""

    handle: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")
    email: EmailStr
    name: str = Field(min_length=1)
    time_zone: str | None = None
    teams: list[str] = []
    is_active: bool = True
    may_enroll: bool = True
    may_bulk_enroll: bool = True
    properties: dict[str, str] = {}
    mailboxes: list[MailboxEntry] = []


class Team(_Entry):
    """The users of an installation."""

    users: list[UserEntry]


def read_team(path: Path) -> Team:
    """The users that a YAML file names.

    Raises:
        SettingsInvalid: the file cannot be read, or names each wrong field.
    """
    try:
        return Team.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise SettingsInvalid(f"{path}: {error.strerror}. Name an existing team file.") from error
    except yaml.YAMLError as error:
        raise SettingsInvalid(f"{path} is not YAML: {error}") from error
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}" for problem in error.errors()
        )
        raise SettingsInvalid(f"{path}: {problems}") from error


def save_team(connection: Connection, team: Team) -> None:
    """Add the users and mailboxes, or bring those that exist up to date; nobody is removed."""
    connection.execute(
        text("""
            INSERT INTO users
                (handle, email, name, time_zone, teams, is_active, may_enroll, may_bulk_enroll, properties)
            SELECT handle, lower(email), name, time_zone, coalesce(teams, '{}'),
                   is_active, may_enroll, may_bulk_enroll, properties
            FROM jsonb_to_recordset(CAST(:users AS jsonb))
                 AS u(handle text, email text, name text, time_zone text, teams text[], is_active bool, may_enroll bool,
                      may_bulk_enroll bool, properties jsonb)
            ON CONFLICT (handle) DO UPDATE
            SET email = excluded.email, name = excluded.name, time_zone = excluded.time_zone, teams = excluded.teams,
                is_active = excluded.is_active, may_enroll = excluded.may_enroll,
                may_bulk_enroll = excluded.may_bulk_enroll, properties = excluded.properties
        """),
        {"users": json.dumps([user.model_dump(exclude={"mailboxes"}) for user in team.users])},
    )
    mailboxes = [
        {
            "handle": user.handle,
            **mailbox.model_dump(exclude={"limits", "display_name"}),
            "display_name": mailbox.display_name or user.name,
            "limits": None
            if mailbox.limits is None
            else [{"count": limit.mails, "seconds": limit.seconds} for limit in mailbox.limits],
        }
        for user in team.users
        for mailbox in user.mailboxes
    ]
    connection.execute(
        text("""
            INSERT INTO mailboxes
                (user_id, address, display_name, aliases, postal_address, transport, imap, limits)
            SELECT u.id, lower(m.address), m.display_name, coalesce(m.aliases, '{}'), m.postal_address,
                   coalesce(nullif(m.transport, 'null'), k.transport, '{"kind": "sink"}'),
                   CASE WHEN m.imap <> 'null' THEN m.imap
                        WHEN coalesce(m.transport ->> 'kind', '') <> 'sink' THEN k.imap END,
                   nullif(m.limits, 'null')
            FROM jsonb_to_recordset(CAST(:mailboxes AS jsonb))
                 AS m(handle text, address text, display_name text, aliases text[], postal_address text,
                      transport jsonb, imap jsonb, limits jsonb)
            JOIN users u ON u.handle = m.handle
            LEFT JOIN mailboxes k ON k.address = lower(m.address)
            ON CONFLICT (address) DO UPDATE
            SET user_id = excluded.user_id, display_name = excluded.display_name, aliases = excluded.aliases,
                postal_address = excluded.postal_address, transport = excluded.transport, imap = excluded.imap,
                limits = excluded.limits
        """),
        {"mailboxes": json.dumps(mailboxes)},
    )
