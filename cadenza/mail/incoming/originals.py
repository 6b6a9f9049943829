"""Which mail of ours is a report about?"""

from __future__ import annotations

import re
from email.message import Message
from typing import Final

from cadenza.mail.incoming.headers import addresses, message_ids
from cadenza.mail.incoming.mime import Mail

_LINE: Final = re.compile(r"^[> \t|*]*(?:x-)?(?:original-)?message-?id[ \t]*[:=][ \t]*(<[^<>\s]{1,400}>)", re.I | re.M)
_NEXT_LINE: Final = re.compile(r"^[> \t|*]*message-?id[ \t]*:[ \t]*\n[ \t]+(<[^<>\s]{1,400}>)", re.I | re.M)
_TO: Final = re.compile(r"^[> \t|]*(?:to|x-original-to|original-recipient)[ \t]*:[ \t]*([^\n]{1,500})", re.I | re.M)
#: Where some providers keep the id that we gave, after they have put in their own.
_OTHER_IDS: Final = (
    "message-id",
    "x-original-message-id",
    "x-google-original-message-id",
    "x-microsoft-original-message-id",
)
_LONGEST: Final = 100_000


def original_ids(mail: Mail, text: str, fields: str) -> tuple[str, ...]:
    """The Message-IDs of the mail that a report is about, the surest first.

    From the returned mail or its headers, from the report's fields, from headers quoted in its words, and last from
    what the report itself says that it answers.
    """
    found: dict[str, None] = {}
    for headers in mail.originals:
        found |= dict.fromkeys(_ids_of(headers))
        if headers.get_content_type() != "multipart/report":
            break
    found |= dict.fromkeys(message_ids(fields))
    # Soft line breaks of a mail that was quoted encoded.
    text = text[:_LONGEST].replace("=\n", "")
    found |= dict.fromkeys([*_LINE.findall(text), *_NEXT_LINE.findall(text)])
    found |= dict.fromkeys(message_ids(mail.header("in-reply-to") + " " + mail.header("references")))
    found.pop(mail.header("message-id"), None)
    return tuple(found)[:20]


def original_recipients(mail: Mail, returned: str) -> tuple[str, ...]:
    """Whom the returned mail was to."""
    for headers in mail.originals:
        if to := addresses(str(value)[:4000] for value in headers.get_all("to", [])[:3]):
            return to
    return addresses(_TO.findall(returned[:_LONGEST])[:1])


def _ids_of(headers: Message) -> list[str]:
    return [found for name in _OTHER_IDS for found in message_ids(str(headers.get(name, "")))]
