"""Whom does a link in a mail speak of? Only this installation can tell."""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass
from urllib.parse import quote

from cadenza.errors import LinkInvalid

_SIGNATURE_BYTES = 16


def unsubscribe_token(key: bytes, enrollment_id: int) -> str:
    """A signed token that names nobody: the enrollment's number is masked, and nobody can make another one."""
    return _token(key, b"unsubscribe", enrollment_id.to_bytes(8, "big"))


def read_unsubscribe_token(key: bytes, token: str) -> int:
    """The enrollment that a token was made for, at any age.

    Raises:
        LinkInvalid: this installation did not make it.
    """
    return int.from_bytes(_read(key, b"unsubscribe", token, 8), "big")


@dataclass(frozen=True, slots=True)
class MailLinks:
    """What the opens and clicks of one mail, a step of an enrollment, are told by."""

    key: bytes
    public_url: str
    enrollment_id: int
    position: int

    @property
    def open_url(self) -> str:
        """Of the picture that nobody sees."""
        return f"{self.public_url}/o/{_token(self.key, b'open', self._mail)}.gif"

    def click_url(self, target: str) -> str:
        """A link of ours that leads to a web address; any other target stays as it is, and so do links of ours.

        Unsubscribing must not depend on anything else.
        """
        if not target.lower().startswith(("http://", "https://")) or target.startswith(f"{self.public_url}/"):
            return target
        return f"{self.public_url}/c/{_token(self.key, b'click', self._mail, target)}?to={quote(target, safe='')}"

    @property
    def _mail(self) -> bytes:
        return self.enrollment_id.to_bytes(8, "big") + self.position.to_bytes(2, "big")


#: The enrollment and the position of the step that a mail was sent for.
Mail = tuple[int, int]


def read_open_token(key: bytes, token: str) -> Mail:
    """The mail whose picture was fetched.

    Raises:
        LinkInvalid: this installation did not make it.
    """
    return _mail_of(_read(key, b"open", token, 10))


def read_click_token(key: bytes, token: str, target: str) -> Mail:
    """The mail whose link to ``target`` was followed.

    Raises:
        LinkInvalid: this installation made no such link; it may have been made for another target.
    """
    return _mail_of(_read(key, b"click", token, 10, target))


def _mail_of(data: bytes) -> Mail:
    return int.from_bytes(data[:8], "big"), int.from_bytes(data[8:], "big")


def _token(key: bytes, purpose: bytes, data: bytes, bound: str = "") -> str:
    """Masked data with a signature of it, which also holds for what is ``bound`` to it."""
    signature = _mac(key, purpose + b"/sign", data + bound.encode())[:_SIGNATURE_BYTES]
    return base64.urlsafe_b64encode(signature + _masked(key, purpose, signature, data)).decode().rstrip("=")


def _read(key: bytes, purpose: bytes, token: str, size: int, bound: str = "") -> bytes:
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except ValueError as error:
        raise LinkInvalid from error
    signature, hidden = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
    if len(hidden) != size:
        raise LinkInvalid
    data = _masked(key, purpose, signature, hidden)
    expected = _mac(key, purpose + b"/sign", data + bound.encode("utf-8", "surrogatepass"))[:_SIGNATURE_BYTES]
    if not hmac.compare_digest(signature, expected):
        raise LinkInvalid
    return data


def _masked(key: bytes, purpose: bytes, signature: bytes, data: bytes) -> bytes:
    """Hides data, and shows it again."""
    return bytes(a ^ b for a, b in zip(data, _mac(key, purpose + b"/mask", signature), strict=False))


def _mac(key: bytes, purpose: bytes, data: bytes) -> bytes:
    return hmac.digest(key, purpose + b"/" + data, "sha256")
