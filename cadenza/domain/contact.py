"""What do we know of a contact?"""

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
