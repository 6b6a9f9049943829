"""What do we know of a contact?"""

import re
import unicodedata
from typing import Final

#: The built-in fields of a contact, in the order in which pages show them. Every other column is a property.
CONTACT_FIELDS: Final = (
    "email",
    "first_name",
    "last_name",
    "company",
    "job_title",
    "phone",
    "country",
    "city",
    "language",
    "time_zone",
    "owner_email",
    "external_id",
)

#: What a contact's row may say of the company.
COMPANY_FIELDS: Final = ("company_domain", "company_country", "company_time_zone")


def property_name(header: str) -> str:
    """The name of a column as templates and filters use it: "Ticket Type" is ``ticket_type``.

    Names of built-in fields stay what they are. A header without any letter or digit gives an empty name.
    """
    name = re.sub(r"\W+", "_", unicodedata.normalize("NFC", header).casefold()).strip("_")
    return f"_{name}" if name[:1].isdigit() else name
