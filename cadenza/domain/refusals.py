"""Why was a contact not enrolled, or a step not sent, and what can a person do about it?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Severity(StrEnum):
    """What a broken rule does to a contact, the worst first."""

    #: The contact is not enrolled.
    REFUSE = "refuse"
    #: The contact is enrolled; its step waits until the cause is gone.
    HOLD = "hold"
    #: The contact is enrolled; the report mentions it.
    WARN = "warn"


class Phase(StrEnum):
    """When a rule is checked."""

    ENROLLMENT = "enrollment"
    #: Again at every send, in the statement that reserves the delivery.
    SEND = "send"


ENROLLMENT: Final = (Phase.ENROLLMENT,)
SEND: Final = (Phase.SEND,)
ALWAYS: Final = (Phase.ENROLLMENT, Phase.SEND)


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason not to write to a contact, in words for people."""

    code: str
    #: What is the case.
    cause: str
    #: What to do about it.
    remedy: str
    severity: Severity = Severity.REFUSE
    phases: tuple[Phase, ...] = ALWAYS
    #: Whether the machine tries again by itself.
    is_retryable: bool = False
    #: False: nothing went wrong, there was just nothing to do.
    is_error: bool = True


_REFUSALS = (
    # The contact
    Refusal(
        "CONTACT_NOT_FOUND",
        "There is no contact with this id: it was deleted or merged into another one.",
        "Look the person up by address and enroll the contact that is left, or import the person again.",
    ),
    Refusal(
        "DUPLICATE_IN_BATCH",
        "The same person is in the batch more than once.",
        "Nothing: the first entry was judged, and only it. Remove the repetition from the list if it bothers you.",
        phases=ENROLLMENT,
    ),
    Refusal(
        "NO_ASSOCIATED_CONTACT",
        "The company, deal, ticket or record has no contact.",
        "Associate a contact with the record, then enroll it again.",
        phases=ENROLLMENT,
    ),
    Refusal(
        "STALE_CONTACT_DATA",
        "The contact's data is older than the policy allows.",
        "Verify the contact's data, for example by a fresh import, then enroll again.",
        phases=ENROLLMENT,
    ),
    # Its address
    Refusal("EMAIL_MISSING", "The contact has no email address.", "Add an address to the contact, then enroll it."),
    Refusal(
        "EMAIL_INVALID_SYNTAX",
        "What stands in the address field is not one email address.",
        "Correct the address; a cell with two addresses needs one of them removed.",
    ),
    Refusal(
        "EMAIL_DOMAIN_NO_MX",
        "The domain of the address takes no mail.",
        "Correct the domain of the address; it is looked up again at the next enrollment.",
        phases=ENROLLMENT,
        is_retryable=True,
    ),
    Refusal(
        "EMAIL_ROLE_ADDRESS",
        "The address belongs to a role (info@, sales@ …), not to a person.",
        "Find the person's own address, or set role_addresses to 'allow'.",
        severity=Severity.WARN,
        phases=ENROLLMENT,
    ),
    Refusal(
        "EMAIL_DISPOSABLE",
        "The address is from a provider of throw-away addresses.",
        "Ask the person for a lasting address.",
        phases=ENROLLMENT,
    ),
    Refusal(
        "EMAIL_CATCH_ALL",
        "The domain takes mail for any address: nobody knows whether this one is read.",
        "Verify the address in another way, or accept the risk of a bounce.",
        severity=Severity.WARN,
        phases=ENROLLMENT,
    ),
    Refusal(
        "EMAIL_UNVERIFIED",
        "Nobody has verified the address.",
        "Verify the address, or accept the risk of a bounce.",
        severity=Severity.WARN,
        phases=ENROLLMENT,
    ),
    # Whether we may write to it
    Refusal(
        "ADDRESS_SUPPRESSED",
        "The address is on the suppression list.",
        "Whoever keeps the list may remove the entry ('cadenza suppression remove'); until then do not write.",
    ),
    Refusal(
        "DOMAIN_SUPPRESSED",
        "The address's domain, or a domain above it, is on the suppression list.",
        "Whoever keeps the list may remove the domain's entry ('cadenza suppression remove').",
    ),
    Refusal(
        "HARD_BOUNCED",
        "An earlier mail to this address came back for good.",
        "Find a new address, or clear the bounce if the mailbox exists again ('cadenza suppression remove').",
    ),
    Refusal(
        "HARD_BOUNCED_ELSEWHERE",
        "Mail to this address came back for good in another system.",
        "Find a new address for the contact, or clear the bounce in the system that reported it.",
    ),
    Refusal(
        "SOFT_BOUNCE_LIMIT",
        "Several mails to this address came back for now.",
        "Wait: it is tried again, and counts as a hard bounce if that goes on. A new address helps at once.",
        severity=Severity.HOLD,
        phases=SEND,
        is_retryable=True,
    ),
    Refusal(
        "SPAM_COMPLAINT",
        "The person reported an earlier mail as spam.",
        "Never write to this address again; there is no way around it.",
    ),
    Refusal(
        "REJECTED_BY_RECIPIENT_SERVER",
        "The recipient's mail server refused the message for good.",
        "Use another address of the contact, or ask the recipient's administrators to let you in.",
        phases=SEND,
    ),
    Refusal(
        "OPTED_OUT_ALL",
        "The person opted out of all mail.",
        "Only the person can renew the consent; record it then ('cadenza suppression remove --consent').",
    ),
    Refusal(
        "OPTED_OUT_SENDER",
        "The person wants no more mails of this sender.",
        "Leave the person alone: only the person can take that back, on the page that every mail links to.",
    ),
    Refusal(
        "OPTED_OUT_TYPE",
        "The person opted out of this type of mail.",
        "Only the person can subscribe to the type again; record it when that has happened.",
    ),
    Refusal(
        "NO_LEGAL_BASIS",
        "No legal basis for writing to the contact is recorded.",
        "Record the basis at the contact, then enroll again.",
    ),
    Refusal(
        "CONSENT_UNCONFIRMED",
        "The person has not confirmed the consent.",
        "Wait for the confirmation, or send the request again.",
    ),
    Refusal(
        "LOW_ENGAGEMENT",
        "The person has not reacted to any of the latest mails.",
        "Leave the person alone, or reach out in another way than by a sequence.",
        phases=ENROLLMENT,
    ),
    # Other sequences, other people
    Refusal(
        "ALREADY_IN_THIS_SEQUENCE",
        "The contact is in this sequence already.",
        "Nothing to do: the enrollment goes on as it is.",
        phases=ENROLLMENT,
        is_error=False,
    ),
    Refusal(
        "ALREADY_ENROLLED",
        "The contact is in another sequence; only one at a time is allowed.",
        "Wait until the other sequence is finished, or unenroll the contact from it first.",
        phases=ENROLLMENT,
    ),
    Refusal(
        "REENROLL_COOLDOWN",
        "The contact's last sequence ended only a short time ago.",
        "Wait until the shown date, or choose a shorter cool-down (cooldown_days).",
        is_retryable=True,
    ),
    Refusal(
        "STEP_ALREADY_SENT",
        "The contact has got this step already.",
        "Start at a later step; a step is never sent twice.",
        is_retryable=True,
    ),
    Refusal(
        "OWNER_CONFLICT",
        "The contact belongs to another user.",
        "Ask the owner to release the contact, or let the owner be the sender.",
    ),
    Refusal(
        "COMPANY_ALREADY_ENGAGED",
        "A colleague of the contact is in conversation with another user.",
        "Talk to that user; the contact can be enrolled when the conversation is released.",
    ),
    # Automation
    Refusal(
        "RULE_FIRED_BEFORE",
        "The automation has enrolled the contact before, or is about to.",
        "Nothing, or let the automation take a contact more than once (repeat: true).",
        phases=ENROLLMENT,
        is_error=False,
    ),
    Refusal(
        "TRIGGER_REVERSED",
        "The opposite of what the automation waits for came during its delay.",
        "Nothing: the contact is taken when it happens again.",
        phases=ENROLLMENT,
        is_error=False,
    ),
    Refusal(
        "AUTOMATION_OFF",
        "The automation was switched off or taken away while the contact waited.",
        "Switch it on ('cadenza automation on') and enroll those who waited yourself: they are not taken again.",
        phases=ENROLLMENT,
    ),
    Refusal(
        "NOT_IN_THIS_SEQUENCE",
        "The automation unenrolls from a sequence that the contact is not in.",
        "Nothing to do.",
        phases=ENROLLMENT,
        is_error=False,
    ),
    # The batch and who asked for it
    Refusal(
        "NO_PERMISSION",
        "The user may not enroll contacts.",
        "Ask an administrator for the permission 'may_enroll', or let another user enroll.",
        phases=ENROLLMENT,
    ),
    Refusal(
        "NO_BULK_PERMISSION",
        "The user may enroll one contact at a time only.",
        "Ask an administrator for the permission 'may_bulk_enroll', or enroll the contacts one by one.",
        phases=ENROLLMENT,
    ),
    Refusal(
        "BATCH_TOO_LARGE",
        "The batch holds more contacts than one enrollment may.",
        "Split the segment, or raise the limit (batch_limit; out of a draft: interactive_limit).",
        phases=ENROLLMENT,
    ),
    # The sequence
    Refusal(
        "SEQUENCE_NOT_SHARED",
        "The sequence is not shared with the sender.",
        "Share the sequence with the sender or one of the sender's teams (shared_with), or choose another sender.",
        phases=ENROLLMENT,
    ),
    Refusal(
        "SEQUENCE_INACTIVE",
        "The sequence is switched off.",
        "Activate the sequence (is_active: true), or choose another one.",
        phases=ENROLLMENT,
    ),
    Refusal(
        "SEQUENCE_EMPTY",
        "The sequence has no steps.",
        "Add a step to the sequence, then enroll again.",
        phases=ENROLLMENT,
    ),
    Refusal(
        "START_STEP_OUT_OF_RANGE",
        "The sequence has no step with the chosen number.",
        "Choose a start step between 1 and the number of steps.",
        phases=ENROLLMENT,
    ),
    Refusal(
        "OVERRIDE_INVALID",
        "An option that was chosen for this contact makes no sense.",
        "Correct the option that is named, in the draft or in the column of the list, then enroll the contact again.",
        phases=ENROLLMENT,
    ),
    # The sender
    Refusal(
        "OWNER_PROPERTY_EMPTY",
        "The contact's owner is to be the sender, but the contact has no owner.",
        "Set the contact's owner, or choose a user as the sender.",
    ),
    Refusal(
        "SENDER_MISSING",
        "There is no user for the sender.",
        "Choose a user who exists, or correct the contact's owner.",
    ),
    Refusal(
        "SENDER_INACTIVE",
        "The sender's account is switched off.",
        "Activate the user, set another owner, or choose another sender.",
    ),
    Refusal(
        "MAILBOX_SETTINGS_MISSING",
        "The sender has no mailbox.",
        "Connect a mailbox for the sender, or choose a mailbox that exists.",
        is_retryable=True,
    ),
    Refusal(
        "SEND_AS_DENIED",
        "The chosen mailbox belongs to another user, or it has no such alias.",
        "Choose a mailbox of the sender and an alias that the mailbox has, or the mailbox's user as the sender.",
        is_retryable=True,
    ),
    Refusal(
        "MAILBOX_NOT_CONNECTED",
        "The sender's mailbox is not connected.",
        "Reconnect the mailbox; the enrollment is kept and goes on by itself.",
        severity=Severity.HOLD,
        is_retryable=True,
    ),
    Refusal(
        "FROM_INVALID",
        "The mail server does not accept the sender's address.",
        "Correct the mailbox's address; the enrollment is kept and goes on by itself.",
        severity=Severity.HOLD,
        is_retryable=True,
    ),
    # Limits and times
    Refusal(
        "DAILY_LIMIT",
        "The mailbox's limit for 24 hours is reached.",
        "Wait for the shown time, use a mailbox with room, or raise the limit (mailbox_limits).",
        severity=Severity.HOLD,
        is_retryable=True,
    ),
    Refusal(
        "MINUTE_LIMIT",
        "The mailbox's limit for a minute is reached.",
        "Wait: the mail leaves in its turn.",
        severity=Severity.HOLD,
        is_retryable=True,
    ),
    Refusal(
        "PROVIDER_LIMIT",
        "The mail provider takes no more from this mailbox for now.",
        "Wait for the shown time; a lower limit for the mailbox avoids it.",
        severity=Severity.HOLD,
        is_retryable=True,
    ),
    Refusal(
        "ACTIVE_CAP",
        "The sender has as many contacts in sequences as is allowed at once.",
        "Wait until some have finished, or choose another sender.",
        severity=Severity.HOLD,
        is_retryable=True,
    ),
    Refusal(
        "FREQUENCY_CAP",
        "The contact has got as many mails lately as is allowed.",
        "Wait for the shown time.",
        severity=Severity.HOLD,
        is_retryable=True,
    ),
    Refusal(
        "NO_SLOT",
        "Window, days, holidays and limits leave no time at which the first step could run.",
        "Widen the send window or the eligible days of the sequence.",
        phases=ENROLLMENT,
    ),
    Refusal(
        "START_IN_PAST",
        "The chosen date and time have passed in the contact's time zone.",
        "Choose a later date and time, or none to start as soon as possible.",
        phases=ENROLLMENT,
    ),
    Refusal(
        "TIMEZONE_INVALID",
        "The contact's time zone is no known one; another hint was used in its place.",
        "Correct the contact's time zone to a name like Europe/Berlin if the one used is wrong.",
        severity=Severity.WARN,
        phases=ENROLLMENT,
    ),
    # The message
    Refusal(
        "TOKEN_MISSING",
        "The contact lacks a value that the templates need.",
        "Fill in the named fields, or give them a default or a fallback in the sequence.",
    ),
    Refusal(
        "TEMPLATE_ERROR",
        "A template cannot be filled for this contact.",
        "Correct the template at the named place and save the sequence.",
    ),
    Refusal(
        "ATTACHMENT_TOO_LARGE",
        "The mail is larger with its attachments than the mailbox may send.",
        "Shrink the file, or send a link to it; what a mailbox may send is a setting, too (largest_mail_mb).",
    ),
    # The hand-over
    Refusal(
        "SEND_TRANSIENT",
        "The mail server did not take the message for now.",
        "Wait: it is tried again by itself, a bounded number of times.",
        severity=Severity.HOLD,
        phases=SEND,
        is_retryable=True,
    ),
    Refusal(
        "SEND_PERMANENT",
        "The mail server refused the message for good.",
        "Read the server's answer, correct what it names, and enroll the contact again.",
        phases=SEND,
    ),
    Refusal(
        "SEND_UNKNOWN",
        "The connection broke after the message was handed over: nobody knows whether it arrived.",
        "Look into the mailbox's sent folder and decide whether to send it again; it is never resent blindly.",
        severity=Severity.HOLD,
        phases=SEND,
    ),
    Refusal(
        "SEND_CANCELLED",
        "The mail was cancelled by a person or by a guard.",
        "Read who cancelled it and why; enroll the contact again if it was a mistake.",
        phases=SEND,
    ),
    Refusal(
        "OUT_OF_OFFICE",
        "An automatic answer says that the person is away.",
        "Wait: the sequence goes on by itself when the person is back.",
        severity=Severity.HOLD,
        phases=SEND,
        is_retryable=True,
    ),
    Refusal(
        "GUARD_PAUSED",
        "Too many bounces or complaints: the guard has paused the mailbox.",
        "Clean the list that caused it, then resume the mailbox; the enrollments are kept.",
        severity=Severity.HOLD,
        is_retryable=True,
    ),
    Refusal(
        "INTERNAL",
        "Something went wrong inside Cadenza.",
        "Try again; if it stays, report it with the trace id.",
        severity=Severity.HOLD,
        is_retryable=True,
    ),
)

#: Every refusal by its code, in the order of docs/contracts.md.
CATALOGUE: Final[Mapping[str, Refusal]] = MappingProxyType({refusal.code: refusal for refusal in _REFUSALS})
