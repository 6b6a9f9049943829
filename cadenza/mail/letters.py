"""What do the due steps of many contacts say?"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from cadenza.domain.advance import NextStep, after_step
from cadenza.domain.claim import DueStep, OpenTodo, Refused, Reservation
from cadenza.domain.overrides import NOTHING, Overrides, overrides_of
from cadenza.domain.sequence import UNTRACKED, Sequence, Step, Tracking, Variant
from cadenza.domain.variants import chosen, written
from cadenza.errors import TemplateInvalid, TokenMissing
from cadenza.mail.attachments import is_too_large
from cadenza.mail.links import MailLinks, unsubscribe_token
from cadenza.mail.message import Letter, SenderIdentity, StepComposer, message_id
from cadenza.mail.templates import compile_template

#: Composers of so many steps, variants and senders are kept.
KEPT_COMPOSERS = 2_000


@dataclass
class Writer:
    """Writes the mails and to-dos of due steps; what is common to a step and a sender is prepared once."""

    sequences: Mapping[int, Sequence]
    senders: Mapping[int, SenderIdentity]
    key: bytes
    public_url: str
    #: Kept between claims; sequence versions are immutable, a changed sender is another key.
    composers: dict[Any, StepComposer] = field(default_factory=dict)
    #: Variants that have won, by version and position.
    winners: Mapping[tuple[int, int], str] = field(default_factory=dict)
    #: Of sequences that do not say themselves what is noted.
    tracking: Tracking = UNTRACKED
    #: Of texts that contacts have of their own: not kept, so that they do not push out what all the others share.
    _own_composers: dict[Any, StepComposer] = field(default_factory=dict)

    def write_mail(self, due: DueStep, now: datetime) -> Reservation | Refused:
        """The mail of an email step, or why it cannot be written."""
        if due.refusal:
            return Refused(due.enrollment_id, due.refusal)
        own = overrides_of(due.overrides) if due.overrides else NOTHING
        sequence = own.applied_to(self.sequences[due.version_id])
        sender, mailbox = self._sender(due, own), self.senders[due.mailbox_id]
        if sender is None:
            return Refused(due.enrollment_id, "SEND_AS_DENIED")
        step = sequence.step(due.position)
        # A contact's own words are no variant's.
        has_own_words = due.position in own.steps and own.steps[due.position].has_words
        winner = self.winners.get((due.version_id, due.position))
        variant = None if has_own_words else chosen(step, due.enrollment_id, winner)
        thread = self._thread(sequence, step, due)
        tracking = UNTRACKED if due.is_untracked else sequence.tracking or self.tracking
        letter = Letter(
            to_address=due.to_address,
            to_name=" ".join(filter(None, (due.contact.get("first_name"), due.contact.get("last_name")))),
            message_id=own_message_id(self.key, mailbox.address, due.enrollment_id, due.position, due.to_address),
            date=now,
            values=token_values(sequence, due),
            unsubscribe_url=f"{self.public_url}/unsubscribe/{unsubscribe_token(self.key, due.enrollment_id)}",
            thread_subject=thread[0][1] if thread else None,
            references=tuple(message for message, _ in thread),
            links=MailLinks(self.key, self.public_url, due.enrollment_id, due.position) if tracking.is_any else None,
        )
        try:
            composed = self._composer(due, sequence, step, variant, sender, own, tracking).compose(letter)
        except TokenMissing:
            return Refused(due.enrollment_id, "TOKEN_MISSING")
        except TemplateInvalid:
            return Refused(due.enrollment_id, "TEMPLATE_ERROR")
        if step.attachments and is_too_large(composed.message, step.attachments, mailbox.largest_mail):
            return Refused(due.enrollment_id, "ATTACHMENT_TOO_LARGE")
        return Reservation(
            due.enrollment_id,
            due.position,
            due.mailbox_id,
            due.to_address,
            sender.address,
            letter.message_id,
            composed.subject,
            composed.message,
            variant.name if variant else None,
        )

    def write_todo(self, due: DueStep, now: datetime) -> OpenTodo | Refused:
        """The to-do of a to-do step, or why it cannot be written."""
        if due.refusal:
            return Refused(due.enrollment_id, due.refusal)
        own = overrides_of(due.overrides) if due.overrides else NOTHING
        sequence = own.applied_to(self.sequences[due.version_id])
        step = sequence.step(due.position)
        sender = self._sender(due, own) or self.senders[due.mailbox_id]
        values = {**token_values(sequence, due), "sender": sender.values}
        try:
            title, notes = (compile_template(part, is_html=False).render(values) for part in (step.title, step.notes))
        except TokenMissing:
            return Refused(due.enrollment_id, "TOKEN_MISSING")
        except TemplateInvalid:
            return Refused(due.enrollment_id, "TEMPLATE_ERROR")
        follows = (
            NextStep()
            if step.is_blocking
            else after_step(sequence, due.position, now, due.time_zone, due.country, due.enrollment_id)
        )
        return OpenTodo(
            due.enrollment_id,
            due.position,
            due.user_id,
            due.contact_id,
            step.todo_kind.value,
            title,
            notes,
            step.priority,
            step.is_blocking,
            follows.kind,
            follows.due_at,
        )

    def _sender(self, due: DueStep, own: Overrides) -> SenderIdentity | None:
        """From whom the mail is; None: the mailbox has no such address any more."""
        sender, alias = self.senders[due.mailbox_id], own.from_alias
        if alias in (None, sender.address):
            return sender
        if alias not in sender.aliases:
            return None
        return replace(sender, address=alias, values={**sender.values, "email": alias})

    def _composer(
        self,
        due: DueStep,
        sequence: Sequence,
        step: Step,
        variant: Variant | None,
        sender: SenderIdentity,
        own: Overrides,
        tracking: Tracking,
    ) -> StepComposer:
        identity = (sender.address, sender.display_name, sender.postal_address, tuple(sorted(sender.values.items())))
        has_files = bool(step.attachments)
        key = (due.version_id, due.position, variant and variant.name, tracking, has_files, identity)
        if due.position in own.steps and own.steps[due.position].has_words:
            words = (*key, step.subject, step.html, step.text)
            if words not in self._own_composers:
                self._own_composers[words] = StepComposer(step, sequence, sender, tracking)
            return self._own_composers[words]
        if key not in self.composers:
            if len(self.composers) >= KEPT_COMPOSERS:
                self.composers.clear()
            self.composers[key] = StepComposer(written(step, variant), sequence, sender, tracking)
        return self.composers[key]

    def _thread(self, sequence: Sequence, step: Step, due: DueStep) -> list[tuple[str, str]]:
        """Message-IDs and subjects of the earlier mails that this one answers, oldest first.

        The first email of all answers the conversation that the enrollment goes on with, and whatever answers it does.
        """
        sent = dict(zip(due.sent_positions, zip(due.sent_message_ids, due.sent_subjects, strict=True), strict=True))
        chain: list[tuple[str, str]] = []
        answered = set()
        position = step.reply_to_position
        while position is not None:
            if position in sent:
                chain.append(sent[position])
                answered.add(position)
            position = sequence.step(position).reply_to_position
        if due.thread and (not sent or min(sent) in answered):
            chain += [(message, due.thread["subject"]) for message in reversed(due.thread["references"])]
        return chain[::-1]


def own_message_id(key: bytes, from_address: str, enrollment_id: int, position: int, to_address: str) -> str:
    """The Message-ID of a step's mail to somebody: the same for every try, guessed by nobody, found again by us."""
    name = f"{enrollment_id}.{position}"
    secret = hmac.digest(key, f"{name} {to_address}".encode(), "sha256").hex()[:16]
    return message_id(from_address.rpartition("@")[2], f"{name}.{secret}")


def token_values(sequence: Sequence, due: DueStep) -> dict[str, Any]:
    """What the tokens of a contact stand for: its own values, then the sequence's fallbacks."""
    values: dict[str, Any] = {
        "contact": {**due.properties, **due.contact},
        "company": {**due.company_properties, **due.company},
        "sequence": {"title": sequence.title, "name": sequence.name},
    }
    for path, value in due.token_values.items():
        root, _, name = path.partition(".")
        if root in values:
            values[root][name] = value
    for path, value in sequence.fallbacks.items():
        root, _, name = path.partition(".")
        if root in values and not str(values[root].get(name) or "").strip():
            values[root][name] = value
    return values
