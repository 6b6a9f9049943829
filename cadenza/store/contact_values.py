"""How does a value that was filled in for an enrollment get into the contact itself?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from cadenza.errors import WrongUse

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
