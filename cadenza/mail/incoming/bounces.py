"""Is a mail a report that mails could not be delivered, and what does it say of whom?"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from email import message_from_string
from typing import Final

from flufl.bounce import all_failures

from cadenza.domain.incoming import BouncedRecipient
from cadenza.mail.incoming import bounce_signs
from cadenza.mail.incoming.charsets import decoded
from cadenza.mail.incoming.delivery_status import NO_FIELDS, Fields, delivery_status, fields_in
from cadenza.mail.incoming.headers import addresses, normalized
from cadenza.mail.incoming.mime import Mail
from cadenza.mail.incoming.notice import Named, Notice, named_recipients, read_notice
from cadenza.mail.incoming.originals import original_ids, original_recipients
from cadenza.mail.incoming.statuses import Words, judge

_LONGEST_REASON: Final = 300
_FOR_FLUFL: Final = 4_000
_LONGEST_LINE: Final = 200
_MOST_BOUNDARIES: Final = 4

# It logs a traceback for each mail that it stumbles over, and strangers write those.
logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)


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
    if sum(weight for weight, _ in signs) < bounce_signs.ENOUGH:
        return None
    because = tuple(name for _, name in signs)
    status = delivery_status(mail) or fields_in(mail.text) or NO_FIELDS
    ids = original_ids(mail, mail.text, status.message_ids)
    if status.recipients and all(entry.is_good_news for entry in status.recipients):
        return Report((), ids, status.envelope_id, False, because, is_good_news=True)
    if status.enclosed:
        notice = read_notice(mail.text_of(status.enclosed))
    is_delay = bounce_signs.says_delay(mail.header("subject"), notice)
    named = named_recipients(notice, {*addresses([mail.header("from")]), *addresses(mail.all_of("to"))})
    around = Words(notice.text)
    if reported := _each_once(entry for entry in status.recipients if not entry.is_good_news):
        is_alone = len(reported) == 1
        judged = [_of_fields(entry, named, around, is_alone=is_alone, is_delay=is_delay) for entry in reported]
        is_delay = all(entry.is_delay or (not entry["action"] and is_delay) for entry in reported)
    else:
        judged = [_of_words(entry, around, is_delay=is_delay) for entry in _found(mail, raw, notice, named)]
    recipients = tuple(recipient for recipient, _ in judged)
    because += tuple(dict.fromkeys(why for _, why in judged))
    return Report(recipients, ids, status.envelope_id, is_delay, because)


def _each_once(entries: Iterable[Fields]) -> list[Fields]:
    """One entry a recipient; aliases that were followed give many."""
    once: dict[str | int, Fields] = {}
    for number, entry in enumerate(entries):
        once.setdefault(entry.address or number, entry)
    return list(once.values())


def _of_fields(
    entry: Fields, named: list[Named], around: Words, *, is_alone: bool, is_delay: bool
) -> tuple[BouncedRecipient, str]:
    """A recipient as the report's fields tell it, with the words about it where the fields say too little."""
    address = entry.address
    final = normalized(entry["final-recipient"].partition("(")[0])
    about = Words("\n".join(each.words for each in named if each.address in (address, final)))
    diagnostic = entry["diagnostic-code"].partition(";")[2].strip() or entry["diagnostic-code"]
    # Some write the server's words behind a field instead.
    nearest = Words(diagnostic or f"{entry['action']} {entry['status']}")
    said = [nearest, about, around] if is_alone or not about.text else [nearest, about]
    verdict = judge(entry["status"], said, is_delay=entry.is_delay if entry["action"] else is_delay)
    reason = _reason(diagnostic or about.text or around.text)
    return BouncedRecipient(address, verdict.kind, verdict.status, reason), verdict.because


def _of_words(entry: Named, around: Words, *, is_delay: bool) -> tuple[BouncedRecipient, str]:
    verdict = judge("", [Words(entry.words), around], is_delay=is_delay)
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
    # Short lines, because some of its patterns take the square of a line's length.
    beginning = "\n".join(line[:_LONGEST_LINE] for line in decoded(raw[:_FOR_FLUFL]).splitlines())
    if beginning.lower().count("boundary=") > _MOST_BOUNDARIES:
        return []
    message = message_from_string(beginning)
    if not addresses([str(message.get("from", ""))]):
        del message["from"]
        message["from"] = "nobody@invalid"
    try:
        failures = all_failures(message)
    except Exception:  # It stumbles over some broken mails; the words are read without it.
        return []
    found = [normalized(address.decode("ascii", "ignore")) for failed in failures for address in sorted(failed)]
    return [address for address in dict.fromkeys(found) if address]


def _reason(words: str) -> str:
    """The words of a report in one short line."""
    line = " ".join(words.split())
    return line if len(line) <= _LONGEST_REASON else f"{line[: _LONGEST_REASON - 1]}…"
