"""Which column of a source is which field of a contact?"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Final

from cadenza.domain.contact import property_name
from cadenza.errors import SourceContractBroken, WrongUse

#: The headers that exports use for each field, best first, as ``property_name`` writes them: HubSpot, Eventbrite,
#: Salesforce, plain English, German.
KNOWN_HEADERS: Final[Mapping[str, tuple[str, ...]]] = {
    "email": (
        "email", "e_mail", "email_address", "e_mail_address", "attendee_email", "buyer_email", "work_email",
        "business_email", "primary_email", "mail", "e_mail_adresse", "email_adresse", "mailadresse", "e_mail_1_value",
    ),
    "first_name": ("first_name", "firstname", "attendee_first_name", "given_name", "vorname", "buyer_first_name"),
    "last_name": (
        "last_name", "lastname", "attendee_last_name", "attendee_surname", "surname", "family_name", "nachname",
        "familienname", "zuname", "buyer_last_name",
    ),
    "company": (
        "company", "company_name", "associated_company", "account_name", "organization", "organisation", "employer",
        "firma", "firmenname", "unternehmen", "unternehmensname",
    ),
    "job_title": (
        "job_title", "jobtitle", "title", "position", "role", "funktion", "stellenbezeichnung", "berufsbezeichnung",
    ),
    "phone": (
        "phone", "phone_number", "business_phone", "work_phone", "telephone", "mobile_phone_number", "mobile_phone",
        "mobile", "cell_phone", "telefon", "telefonnummer", "tel", "mobil", "mobiltelefon", "handy", "mobilnummer",
    ),
    "country": ("country", "country_region", "mailing_country", "billing_country", "home_country", "land", "staat"),
    "city": ("city", "mailing_city", "billing_city", "town", "home_city", "stadt", "ort", "wohnort"),
    "language": ("language", "preferred_language", "locale", "sprache"),
    "time_zone": ("time_zone", "timezone", "hs_timezone", "zeitzone"),
    "owner_email": (
        "owner_email", "contact_owner_email", "contact_owner", "owner", "lead_owner", "account_owner",
        "zuständig", "zuständige_person", "betreuer", "kontaktinhaber", "ansprechpartner_intern",
    ),
    "external_id": (
        "external_id", "record_id", "contact_id", "lead_id", "attendee_no", "id", "kontakt_id", "kundennummer",
        "datensatz_id", "teilnehmer_nr",
    ),
    "company_domain": ("company_domain", "company_domain_name", "firmendomain"),
    "company_country": ("company_country", "company_country_region", "firmenland"),
    "company_time_zone": ("company_time_zone", "firmenzeitzone"),
    "opted_out": (
        "opted_out", "hs_email_optout", "unsubscribed_from_all_email", "email_opt_out", "hasoptedoutofemail", "opt_out",
        "unsubscribed", "do_not_email", "von_allen_e_mails_abgemeldet",
    ),
    "bounced": (
        "bounced", "hs_email_hard_bounce_reason_enum", "hs_email_hard_bounce_reason", "email_hard_bounce_reason",
        "hard_bounce_reason", "hard_bounced", "hard_bounce", "email_bounced_date", "email_bounced_reason",
    ),
}  # fmt: skip

#: The same for the fields of a record; beside them "<kind>_id" and "<kind>_name".
KNOWN_RECORD_HEADERS: Final[Mapping[str, tuple[str, ...]]] = {
    "external_id": ("external_id", "record_id", "id", "object_id", "datensatz_id"),
    "name": ("name", "subject", "title", "betreff", "titel"),
    "contact_email": (
        "contact_email", "contact_emails", "email", "e_mail", "email_address", "associated_contact",
        "associated_contacts", "contact", "contacts", "kontakt", "kontakte",
    ),
    "contact_id": ("contact_id", "contact_ids", "associated_contact_id", "associated_contact_ids", "kontakt_id"),
    "is_primary": ("is_primary", "primary", "primary_contact", "is_primary_contact", "hauptkontakt"),
}  # fmt: skip

#: As a target in an explicit mapping: leave the column out.
LEAVE_OUT: Final = "-"


def map_columns(columns: Sequence[str], explicit: Mapping[str, str] | None = None) -> dict[str, str]:
    """For each column the field or property it becomes; columns that are left out are missing.

    An explicit mapping goes first (from header to field, property or ``-``), then the known headers; every other
    column becomes a property.

    Raises:
        WrongUse: the explicit mapping names a column that is not there, or a field twice.
        SourceContractBroken: no column is the address.
    """
    mapping = _mapped(columns, explicit or {}, KNOWN_HEADERS)
    if "email" not in mapping.values():
        raise SourceContractBroken(
            f"No column holds the e-mail addresses; nothing was imported. The columns are {', '.join(columns)}: "
            'give a mapping, such as {"<column>": "email"}.'
        )
    return {column: mapping[column] for column in columns if mapping[column] != LEAVE_OUT}


def map_record_columns(columns: Sequence[str], kind: str, explicit: Mapping[str, str] | None = None) -> dict[str, str]:
    """For each column of a source of records the field or property it becomes; columns that are left out are missing.

    Raises:
        WrongUse: the explicit mapping names a column that is not there, or a field twice.
        SourceContractBroken: no column tells one record from the other.
    """
    known = {
        field: (f"{kind}_{word}", f"{kind}{word}", *headers)
        if (word := {"external_id": "id", "name": "name"}.get(field))
        else headers
        for field, headers in KNOWN_RECORD_HEADERS.items()
    }
    mapping = _mapped(columns, explicit or {}, known)
    if not {"external_id", "name"} & {*mapping.values()}:
        raise SourceContractBroken(
            f"No column tells one {kind} from the other; nothing was imported. The columns are {', '.join(columns)}: "
            'give a mapping, such as {"<column>": "external_id"}.'
        )
    return {column: mapping[column] for column in columns if mapping[column] != LEAVE_OUT}


def _mapped(
    columns: Sequence[str], explicit: Mapping[str, str], known: Mapping[str, tuple[str, ...]]
) -> dict[str, str]:
    """Every column with its target: what is said explicitly, the known headers, else a property."""
    mapping = _explicit(columns, explicit)
    free = {property_name(column): column for column in reversed(columns) if column not in mapping}
    taken = set(mapping.values())
    for field, headers in known.items():
        header = next((header for header in headers if header in free), None)
        if header and field not in taken:
            mapping[free.pop(header)] = field
            taken.add(field)
    if known is KNOWN_HEADERS and "last_name" not in taken and "first_name" in taken and "name" in free:
        mapping[free.pop("name")] = "last_name"
    for column in columns:
        if column not in mapping:
            mapping[column] = _free_property(property_name(column), {*mapping.values(), *known})
    return mapping


def _explicit(columns: Sequence[str], explicit: Mapping[str, str]) -> dict[str, str]:
    mapping: dict[str, str] = {}
    by_name = {" ".join(column.split()).casefold(): column for column in reversed(columns)}
    for header, target in explicit.items():
        column = by_name.get(" ".join(header.split()).casefold())
        if column is None:
            near = difflib.get_close_matches(header, columns, n=3, cutoff=0.3) or columns
            raise WrongUse(f"The mapping names a column {header!r} that is not there: is it {', '.join(near)}?")
        name = target.strip() if target.strip() in ("", LEAVE_OUT) else property_name(target)
        name = name or LEAVE_OUT
        if name != LEAVE_OUT and name in mapping.values():
            raise WrongUse(f"The mapping fills {name!r} from two columns: choose one, and '{LEAVE_OUT}' for the other.")
        mapping[column] = name
    return mapping


def _free_property(name: str, taken: set[str]) -> str:
    """A name that neither another column nor a built-in field has."""
    candidate, copy = name or "column", 1
    while candidate in taken:
        copy += 1
        candidate = f"{name or 'column'}_{copy}"
    return candidate
