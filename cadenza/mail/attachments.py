"""How do files travel with a mail, and how large is it with them?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from email import policy
from email.message import MIMEPart
from typing import Final

from cadenza.domain.attachments import Attachment, megabytes
from cadenza.domain.sequence import Sequence, Step
from cadenza.domain.variants import written
from cadenza.errors import SequenceInvalid
from cadenza.mail.encoding import quoted

#: Neither base64 nor the other boundary has it.
_BOUNDARY: Final = "=_cadenza_attachments"
#: Before the bodies of a mail with attachments; ``appendix`` is what follows them.
OPENING: Final = f'Content-Type: multipart/mixed; boundary="{_BOUNDARY}"\r\n\r\n--{_BOUNDARY}\r\n'
#: Headers, and what values put in for tokens add to the templates.
_ROOM: Final = 32 * 1024


def mail_size(step: Step) -> int:
    """How large a mail of a step becomes, in bytes: a little more than most will be."""
    texts = [written(step, variant) for variant in step.variants] or [step]
    bodies = max(len(quoted(text.html)) + len(quoted(text.text)) for text in texts)
    return sum(one.encoded_size for one in step.attachments) + 2 * bodies + _ROOM


def check_sizes(sequences: Iterable[Sequence], largest: int) -> None:
    """See that every mail fits through the mailbox that takes most.

    Raises:
        SequenceInvalid: names each step whose mail is too large, and its attachments.
    """
    too_large = [
        f"{sequence.name}, step {step.position}: the mail comes to {megabytes(mail_size(step))} with "
        f"{', '.join(one.words for one in step.attachments)}, and no mailbox takes more than {megabytes(largest)}: "
        "shrink a file, or send a link to it."
        for sequence in sequences
        for step in sequence.steps
        if step.attachments and mail_size(step) > largest
    ]
    if too_large:
        raise SequenceInvalid("\n".join(too_large))


def is_too_large(message: bytes, attachments: Iterable[Attachment], largest: int | None) -> bool:
    """Whether a mail that was written does not fit through its mailbox with its attachments."""
    return largest is not None and len(message) + sum(one.encoded_size for one in attachments) > largest


def appendix(attachments: Iterable[Attachment], documents: Mapping[str, bytes]) -> bytes:
    """What follows the bodies of a mail: its attachments as they travel, the same for every contact."""
    parts = []
    for one in attachments:
        part = MIMEPart(policy.SMTP)
        maintype, _, subtype = one.media_type.partition("/")
        part.set_content(documents[one.sha256], maintype, subtype, disposition="attachment", filename=one.name)
        parts.append(part.as_bytes())
    between = f"--{_BOUNDARY}\r\n".encode()
    return b"".join(between + part for part in parts) + f"--{_BOUNDARY}--\r\n".encode()
