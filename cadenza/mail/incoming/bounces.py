"""Is a mail a report that mails could not be delivered, and what does it say of whom?"""

from __future__ import annotations

from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from typing import Final

from flufl.bounce import all_failures

from cadenza.domain.incoming import BouncedRecipient
from cadenza.mail.incoming import bounce_signs
from cadenza.mail.incoming.delivery_status import DeliveryStatus, Fields, delivery_status, fields_in
from cadenza.mail.incoming.headers import addresses, normalized
from cadenza.mail.incoming.mime import Mail
from cadenza.mail.incoming.notice import Named, Notice, named_recipients, read_notice
from cadenza.mail.incoming.originals import original_ids, original_recipients
from cadenza.mail.incoming.statuses import judge

_LONGEST_REASON: Final = 300
_FOR_FLUFL: Final = 4_000


@dataclass(frozen=True, slots=True)
class Report:
    """What a mail server reports."""

    recipients: tuple[BouncedRecipient, ...]
    originals: tuple[str, ...]
    envelope_id: str | None
    is_delay: bool
    because: tuple[str, ...]
    #: A report that all is well.
    is_good_news: bool = False


def read_bounce(mail: Mail, raw: bytes) -> Report | None:
    """The report that a mail is; None: it is none."""
    notice = read_notice(mail.text)
    signs = bounce_signs.signs(mail, notice)
    if not signs:
        return None
    status = delivery_status(mail) or fields_in(mail.text)
    because = [name for _, name in signs]
    weight = sum(weight for weight, _ in signs)
    if weight < bounce_signs.ENOUGH:
        return None
    if status and status.enclosed:
        notice = read_notice(mail.text_of(status.enclosed))
    if status and status.recipients and all(entry.is_good_news for entry in status.recipients):
        return Report(
            (), original_ids(mail, mail.text, status.message_ids), status.envelope_id, False, tuple(because), True
        )
    subject = mail.header("subject")
    is_delay = bounce_signs.says_delay(subject, notice)
    named = named_recipients(notice, {*addresses([mail.header("from")]), *addresses(mail.all_of("to"))})
    reported = [entry for entry in status.recipients if not entry.is_good_news] if status else []
    if reported:
        reported = _each_once(reported)
        is_alone = len(reported) == 1
        judged = [_of_fields(entry, notice, named, is_alone=is_alone, is_delay=is_delay) for entry in reported]
        is_delay = all(entry.is_delay or (not entry["action"] and is_delay) for entry in reported)
    else:
        judged = [_of_words(entry, notice, is_delay=is_delay) for entry in _found(mail, raw, notice, named)]
    ids = original_ids(mail, mail.text, status.message_ids if status else "")
    return Report(
        tuple(recipient for recipient, _ in judged),
        ids,
        status.envelope_id if status else None,
        is_delay,
        (*because, *dict.fromkeys(why for _, why in judged)),
    )


def _of_fields(
    entry: Fields, notice: Notice, named: list[Named], *, is_alone: bool, is_delay: bool
) -> tuple[BouncedRecipient, str]:
    """A recipient as the report's fields tell it, with the words about it where the fields say too little."""
    address = entry.address
    final = normalized(entry["final-recipient"].partition("(")[0])
    about = "\n".join(each.words for each in named if each.address in (address, final))
    if is_alone or not about:
        about = f"{about}\n{notice.text}"
    if entry["action"]:
        is_delay = entry.is_delay
    diagnostic = entry["diagnostic-code"].partition(";")[2].strip() or entry["diagnostic-code"]
    comments = f"{entry['action']} {entry['status']}"
    verdict = judge(entry["status"], diagnostic or comments, about, is_delay=is_delay)
    return BouncedRecipient(address, verdict.kind, verdict.status, _reason(diagnostic or about)), verdict.because


def _each_once(entries: list[Fields]) -> list[Fields]:
    """One entry a recipient; aliases that were followed give many."""
    return list({entry.address or str(number): entry for number, entry in reversed(list(enumerate(entries)))}.values())[
        ::-1
    ]


def _of_words(entry: Named, notice: Notice, *, is_delay: bool) -> tuple[BouncedRecipient, str]:
    verdict = judge("", entry.words, notice.text, is_delay=is_delay)
    return BouncedRecipient(entry.address or None, verdict.kind, verdict.status, _reason(entry.words)), verdict.because


def _found(mail: Mail, raw: bytes, notice: Notice, named: list[Named]) -> list[Named]:
    """The recipients of a report without fields: named in a header, by its words, or by the mail that it returns."""
    by_address = {entry.address: entry for entry in named}
    if failed := addresses(mail.all_of("x-failed-recipients")):
        return [by_address.get(address, Named(address, notice.text)) for address in failed]
    if named and named[0].is_sure:
        return named
    if found := _by_flufl(raw):
        return [by_address.get(address, Named(address, notice.text)) for address in found]
    if named:
        return named
    to = addresses([mail.header("subject")])[:1] or original_recipients(mail, notice.returned)[:1]
    return [Named(address, notice.text) for address in to] or [Named("", notice.text)]


def _by_flufl(raw: bytes) -> list[str]:
    """The recipients that flufl.bounce finds, which knows many servers' own ways of naming them."""
    beginning = raw[:_FOR_FLUFL]
    if beginning.lower().count(b"boundary=") > 4:
        return []
    message: Message = message_from_bytes(beginning)
    try:
        failures = all_failures(message)
    except Exception:  # Whatever it stumbles upon: the words are read without it.
        return []
    found = [normalized(address.decode("ascii", "ignore")) for addresses in failures for address in sorted(addresses)]
    return [address for address in dict.fromkeys(found) if address]


def _reason(words: str) -> str:
    """The words of a report in one short line."""
    line = " ".join(words.split())
    return line if len(line) <= _LONGEST_REASON else f"{line[: _LONGEST_REASON - 1]}…"


__all__ = ["DeliveryStatus", "Report", "read_bounce"]
