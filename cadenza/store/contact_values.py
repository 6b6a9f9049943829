"""What does an enrollment write into the contacts themselves? Nothing, unless somebody asks for it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from cadenza.domain.batch import Batch
from cadenza.errors import WrongUse


def set_properties(
    connection: Connection, batch: Batch, contact_ids: Sequence[int], properties: Mapping[str, str]
) -> None:
    """Set properties of those of the contacts whom a batch enrolled."""
    connection.execute(
        text("""
            UPDATE contacts c SET properties = c.properties || CAST(:properties AS jsonb), updated_at = :now
            FROM enrollments e
            WHERE e.batch_id = :batch_id AND e.contact_id = c.id AND c.id = ANY (:ids)
        """),
        {"batch_id": batch.id, "ids": contact_ids, "properties": json.dumps(properties), "now": batch.started_at},
    )


#: Fields that are written back; addresses, owners and the like decide about more than words.
_FIELDS = ("first_name", "last_name", "company", "job_title", "phone", "country", "city", "language")


def write_back(connection: Connection, contact_ids: Sequence[int], path: str, value: str, now: datetime) -> int:
    """Store the value of a token as the contacts' own. Returns how many.

    Raises:
        WrongUse: the token is not about the contact, or about a field that is not written back.
    """
    root, _, name = path.partition(".")
    if root != "contact" or name in ("email", "time_zone", "owner_email", "external_id"):
        raise WrongUse(f"{path} is not written back: only words about the contact are, such as contact.first_name.")
    if name in _FIELDS:
        change = f"{name} = :value"
    else:
        change = "properties = properties || jsonb_build_object(CAST(:name AS text), CAST(:value AS text))"
    return connection.execute(
        text(f"UPDATE contacts SET {change}, updated_at = :now WHERE id = ANY (:ids)"),  # noqa: S608
        {"ids": list(contact_ids), "value": value, "now": now, **({} if name in _FIELDS else {"name": name})},
    ).rowcount
