"""May this contact be enrolled? The registry of rules: bit, code, severity, and a condition over the frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import pandas as pd

from cadenza.domain.refusals import CATALOGUE, Refusal, Severity
from data_contracts.conditions import (
    Flags,
    chosen_wrongly,
    flag,
    has_sender,
    is_cooling_down,
    is_in_other_sequence,
    is_in_this_sequence,
    is_known,
    is_over_daily_limit,
    is_too_large,
    is_without_slot,
    present,
    throughout,
)
from data_contracts.details import Details, cooled_down_on, numbered, on, said, started_at, zone_used
from data_contracts.policy import EnrollmentContext, Policy


class Scope(StrEnum):
    """What a rule looks at."""

    #: The batch as a whole: every contact breaks it, or none.
    BATCH = "batch"
    CONTACT = "contact"
    #: What is left of a limit: looks only at contacts that pass all other rules.
    CAPACITY = "capacity"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: who breaks it gets its bit in the mask."""

    code: str
    #: What holds of a contact that keeps it.
    prose: str
    #: True where the rule is broken.
    is_broken: Callable[[pd.DataFrame, EnrollmentContext], Flags]
    scope: Scope = Scope.CONTACT
    #: The column that shows a broken rule by itself, and the value of a contact that keeps it: the audit's second way.
    fact: tuple[str, bool | None] | None = None
    #: The cause in this case: a column of words, or words; never an address.
    detail: Details | None = None
    bit: int = 0

    @property
    def refusal(self) -> Refusal:
        """The rule's entry in the catalogue: cause and remedy."""
        return CATALOGUE[self.code]

    def severity(self, policy: Policy) -> Severity | None:
        """What breaking it does under a policy; None: nothing, the rule is off."""
        if self.code == "DAILY_LIMIT":
            return Severity(policy.over_daily_limit)
        if self.code == "EMAIL_ROLE_ADDRESS":
            return None if policy.role_addresses == "allow" else Severity(policy.role_addresses)
        return self.refusal.severity


_RULES: Final = (
    # The batch: nothing else matters as long as this is wrong.
    Rule(
        code="SEQUENCE_INACTIVE",
        prose="The sequence is switched on",
        scope=Scope.BATCH,
        is_broken=lambda frame, context: throughout(frame, not context.batch.is_sequence_active),
    ),
    Rule(
        code="SEQUENCE_EMPTY",
        prose="The sequence has steps",
        scope=Scope.BATCH,
        is_broken=lambda frame, context: throughout(frame, not context.batch.step_count),
    ),
    Rule(
        code="START_STEP_OUT_OF_RANGE",
        prose="The sequence has the step to start at",
        scope=Scope.BATCH,
        is_broken=lambda frame, context: (
            throughout(frame, context.batch.step_count > 0 and not context.batch.has_start)
            | chosen_wrongly(frame, "START_STEP_OUT_OF_RANGE")
        ),
        detail=started_at,
    ),
    Rule(
        code="BATCH_TOO_LARGE",
        prose="The batch holds no more contacts than one enrollment may",
        scope=Scope.BATCH,
        is_broken=lambda frame, context: throughout(frame, context.batch.size > context.policy.batch_limit),
        detail=said(lambda context: f"{context.batch.size:,} contacts, at most {context.policy.batch_limit:,}"),
    ),
    # Who is it, and is there anything to do at all?
    Rule(
        code="NO_ASSOCIATED_CONTACT",
        prose="A record that is enrolled has a contact",
        is_broken=lambda frame, _: flag(frame, "is_without_contact"),
        fact=("is_without_contact", False),
        detail=lambda frame, _: frame["record"],
    ),
    Rule(
        code="CONTACT_NOT_FOUND",
        prose="The contact exists",
        is_broken=lambda frame, _: ~flag(frame, "is_found"),
        fact=("is_found", True),
    ),
    Rule(
        code="DUPLICATE_IN_BATCH",
        prose="The contact is in the batch once",
        is_broken=lambda frame, _: flag(frame, "is_duplicate"),
        fact=("is_duplicate", False),
    ),
    Rule(
        code="ALREADY_IN_THIS_SEQUENCE",
        prose="The contact is not yet in this sequence",
        is_broken=is_in_this_sequence,
        detail=numbered("enrollment", "active_enrollment_id"),
    ),
    Rule(
        code="OVERRIDE_INVALID",
        prose="The options of the contact's own make sense",
        is_broken=lambda frame, _: chosen_wrongly(frame, "OVERRIDE_INVALID"),
        detail=lambda frame, _: frame["override_problem"],
    ),
    # The sender
    Rule(
        code="OWNER_PROPERTY_EMPTY",
        prose="A contact whose owner is to send has an owner",
        is_broken=lambda frame, _: is_known(frame) & ~has_sender(frame) & ~flag(frame, "is_sender_named"),
    ),
    Rule(
        code="SENDER_MISSING",
        prose="The sender is a user",
        is_broken=lambda frame, _: is_known(frame) & ~has_sender(frame) & flag(frame, "is_sender_named"),
    ),
    Rule(
        code="SENDER_INACTIVE",
        prose="The sender's account is switched on",
        is_broken=lambda frame, _: has_sender(frame) & ~flag(frame, "user_is_active"),
    ),
    Rule(
        code="NO_PERMISSION",
        prose="The users who enroll and send may enroll",
        is_broken=lambda frame, _: has_sender(frame) & ~flag(frame, "user_may_enroll"),
    ),
    Rule(
        code="NO_BULK_PERMISSION",
        prose="Who enrolls more than one contact may enroll in bulk",
        is_broken=lambda frame, context: (
            (has_sender(frame) & ~flag(frame, "user_may_bulk")) if context.batch.size > 1 else throughout(frame, False)
        ),
    ),
    Rule(
        code="SEQUENCE_NOT_SHARED",
        prose="The sequence is shared with the sender",
        is_broken=lambda frame, _: has_sender(frame) & ~flag(frame, "sequence_shared"),
    ),
    Rule(
        code="MAILBOX_SETTINGS_MISSING",
        prose="The sender has a mailbox",
        is_broken=lambda frame, _: has_sender(frame) & ~present(frame, "mailbox_id"),
    ),
    Rule(
        code="SEND_AS_DENIED",
        prose="Mailbox and alias are the sender's own",
        is_broken=lambda frame, _: (
            (present(frame, "mailbox_id") & ~flag(frame, "is_own_mailbox")) | flag(frame, "is_alias_denied")
        ),
    ),
    Rule(
        code="MAILBOX_NOT_CONNECTED",
        prose="The sender's mailbox is connected",
        is_broken=lambda frame, _: present(frame, "mailbox_id") & ~flag(frame, "mailbox_connected"),
    ),
    # The contact
    Rule(
        code="ALREADY_ENROLLED",
        prose="The contact is in no other sequence",
        is_broken=is_in_other_sequence,
        detail=numbered("enrollment", "active_enrollment_id"),
    ),
    Rule(
        code="EMAIL_MISSING",
        prose="The contact has an email address",
        is_broken=lambda frame, _: is_known(frame) & ~flag(frame, "has_email"),
    ),
    Rule(
        code="EMAIL_INVALID_SYNTAX",
        prose="The address is one well-formed email address",
        is_broken=lambda frame, _: flag(frame, "has_email") & ~flag(frame, "is_email_valid"),
    ),
    Rule(
        code="SPAM_COMPLAINT",
        prose="The person has not reported us as spam",
        is_broken=lambda frame, _: present(frame, "complained_at"),
        fact=("complained_at", None),
        detail=on("complained_at", "on"),
    ),
    Rule(
        code="OPTED_OUT_ALL",
        prose="The person has not opted out",
        is_broken=lambda frame, _: present(frame, "opted_out_at"),
        fact=("opted_out_at", None),
        detail=on("opted_out_at", "on"),
    ),
    Rule(
        code="OPTED_OUT_SENDER",
        prose="The person has not opted out of the sender's mails",
        is_broken=lambda frame, _: present(frame, "sender_opted_out_at"),
        fact=("sender_opted_out_at", None),
        detail=on("sender_opted_out_at", "on"),
    ),
    Rule(
        code="HARD_BOUNCED",
        prose="No earlier mail to the address came back for good",
        is_broken=lambda frame, _: present(frame, "bounced_at"),
        fact=("bounced_at", None),
        detail=on("bounced_at", "on"),
    ),
    Rule(
        code="ADDRESS_SUPPRESSED",
        prose="The address is not on the suppression list",
        is_broken=lambda frame, _: flag(frame, "address_suppressed"),
        fact=("address_suppressed", False),
    ),
    Rule(
        code="DOMAIN_SUPPRESSED",
        prose="The address's domain is not on the suppression list",
        is_broken=lambda frame, _: flag(frame, "domain_suppressed"),
        fact=("domain_suppressed", False),
    ),
    Rule(
        code="REENROLL_COOLDOWN",
        prose="The contact's last sequence ended long enough ago",
        is_broken=is_cooling_down,
        detail=cooled_down_on,
    ),
    Rule(
        code="TOKEN_MISSING",
        prose="The contact has every value that the templates need",
        is_broken=lambda frame, _: present(frame, "missing_tokens"),
        fact=("missing_tokens", None),
        detail=lambda frame, _: frame["missing_tokens"],
    ),
    Rule(
        code="ATTACHMENT_TOO_LARGE",
        prose="The mails fit through the mailbox with their attachments",
        is_broken=lambda frame, _: is_too_large(frame),
        fact=("too_large", None),
        detail=lambda frame, _: frame["too_large"],
    ),
    Rule(
        code="START_IN_PAST",
        prose="The chosen time is still to come in the contact's time zone",
        is_broken=lambda frame, _: flag(frame, "is_start_in_past"),
        fact=("is_start_in_past", False),
    ),
    Rule(
        code="EMAIL_ROLE_ADDRESS",
        prose="The address is a person's, not a role's",
        is_broken=lambda frame, _: flag(frame, "is_role_address"),
        fact=("is_role_address", False),
    ),
    Rule(
        code="TIMEZONE_INVALID",
        prose="The contact's time zone is a known one",
        is_broken=lambda frame, _: flag(frame, "is_zone_unknown"),
        fact=("is_zone_unknown", False),
        detail=zone_used,
    ),
    # Capacity
    Rule(
        code="NO_SLOT",
        prose="There is a time at which the first step may run",
        scope=Scope.CAPACITY,
        is_broken=is_without_slot,
    ),
    Rule(
        code="DAILY_LIMIT",
        prose="The mailbox's day has room for the first mail",
        scope=Scope.CAPACITY,
        is_broken=is_over_daily_limit,
        detail=numbered("left today:", "mailbox_daily_left"),
    ),
)

#: Every rule, in the order in which they are reasons among those of one severity.
RULES: Final = tuple(replace(rule, bit=1 << number) for number, rule in enumerate(_RULES))


def bits_by_severity(policy: Policy) -> dict[Severity, int]:
    """The bits of all rules that refuse, hold or warn under a policy."""
    bits = dict.fromkeys(Severity, 0)
    for rule in RULES:
        severity = rule.severity(policy)
        if severity:
            bits[severity] |= rule.bit
    return bits
