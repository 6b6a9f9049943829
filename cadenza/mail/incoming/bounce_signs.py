"""What shows that a mail is a report of a mail server?

No single sign does: people forward reports, answer them and write about deliveries; shops could not deliver parcels. So
signs are weighed, and one must be of the sender's.
"""

from __future__ import annotations

import re
from typing import Final

from cadenza.mail.incoming import away_words, report_words
from cadenza.mail.incoming.delivery_status import TYPES
from cadenza.mail.incoming.headers import addresses
from cadenza.mail.incoming.mime import ORIGINAL_TYPES, Mail
from cadenza.mail.incoming.notice import Notice
from cadenza.mail.incoming.phrases import plain

SERVER: Final = "from a mail server"
SUBJECT: Final = "subject of a report"
WORDS: Final = "words of a failed delivery"
RETURNS: Final = "returns a mail"
#: Sum of the weights from which a mail is a report.
ENOUGH: Final = 5

_DAEMON_ADDRESS: Final = re.compile(
    r"(?:(?:.*[._-])?(?:mailer|mail|mailr)[-_.]?d[ae]{1,2}mon|.*post[-_.]?master|mdaemon|postoffice"
    r"|mail[._-]?(?:delivery|adm|system|router|gateway)[^@]*|.*microsoftexchange[0-9a-f]+"
    r"|(?:.*[._-])?(?:ndr|dsn|non[-_]?delivery|undeliver\w*|mailerror|mmdf|uucp|listserv|mail[-_.]robot)"
    r"|smtp[-_.]?(?:gateway|daemon|server)|mta[-_\d]*|symantec_antivirus\w*)@",
    re.IGNORECASE,
)
#: An address that no person uses.
_DAEMON: Final = re.compile(r"(?:mailer|mail)[-_.]?daemon|microsoftexchange[0-9a-f]{8}", re.IGNORECASE)
_ANSWERED: Final = re.compile(
    r"(?:re|aw|antw|antwort|sv|vs|vb|fwd?|wg|tr|rv|enc|r|i|odp|pd|ynt|res|fw|doorst|ref|回复|转发|回覆|轉寄|返信|転送)\s*(?:\[\d+\])?\s*[:：]",
    re.I,
)
_BULK: Final = ("list-unsubscribe", "list-id", "feedback-id")
_NO_PATH: Final = re.compile(r"<>|<?mailer-daemon>?", re.IGNORECASE)
_LONGEST: Final = 6_000
_AUTOMATIC: Final = re.compile(r"auto-(?:generated|replied|notified)", re.I)


def signs(mail: Mail, notice: Notice) -> list[tuple[int, str]]:
    """The signs that a mail is a report, each with its weight; [] where what a person wrote could show as much."""
    if mail.report_type == "feedback-report":
        return []
    found: list[tuple[int, str]] = []
    subject = mail.header("subject")[:300]
    sender = mail.header("from")
    if _DAEMON.search(sender):
        found.append((3, SERVER))
    elif is_from_server(sender):
        found.append((2, SERVER))
    if mail.header("x-failed-recipients"):
        found.append((3, "X-Failed-Recipients"))
    if mail.content_type == "multipart/report" and mail.report_type in ("", "delivery-status"):
        found.append((2, "a delivery report by its type"))
    if any(mail.own(*TYPES)):
        found.append((3, "a delivery-status part"))
    is_by_machine = bool(found)
    if any(_NO_PATH.fullmatch(path.strip()) for path in mail.all_of("return-path")[:1]):
        found.append((1, "no return path"))
    if _AUTOMATIC.match(mail.header("auto-submitted")):
        found.append((1, "automatic"))
    is_answer = bool(_ANSWERED.match(subject.strip(" [(")))
    if is_answer or away_words.SUBJECT.starts(plain(subject)):
        if not is_by_machine:
            return []
        found.append((-2, "subject of an answer"))
    elif report_words.SUBJECT.first(plain(subject)):
        found.append((2, SUBJECT))
    if report_words.FAILED.first(plain(notice.text[:_LONGEST])):
        found.append((2, WORDS))
    if notice.has_returned or any(part.content_type in ORIGINAL_TYPES for part in mail.parts):
        found.append((1, RETURNS))
    names = {name for _, name in found}
    if is_by_machine:
        return found
    # Shops write like this, and machines that answer for people have no return path.
    is_bulk = RETURNS not in names and any(map(mail.header, _BULK))
    return [] if is_bulk or not names >= {SUBJECT, WORDS} or not names & {RETURNS, "no return path"} else found


def is_from_server(sender: str) -> bool:
    """Whether a From names a mail server's own account, or nobody."""
    address = next(iter(addresses([sender])), "")
    name = plain(sender.replace('"', "").partition("<")[0] if "<" in sender else sender)
    return (
        bool(_DAEMON_ADDRESS.match(address))
        or (bool(sender) and not address)
        or report_words.DAEMON_NAME.starts(name.strip(" '"))
        or "(mail delivery" in sender.lower()
    )


def says_delay(subject: str, notice: Notice) -> bool:
    """Whether the words say that it is tried again rather than given up."""
    words = plain(f"{subject}\n{notice.text[:_LONGEST]}")
    return report_words.DELAY.first(words) is not None and report_words.FINAL.first(words) is None
