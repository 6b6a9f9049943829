"""Whom does a link in a mail speak of? Only this installation can tell."""

from __future__ import annotations

import base64
import hmac

from cadenza.errors import LinkInvalid

_SIGNATURE_BYTES = 16


def unsubscribe_token(key: bytes, enrollment_id: int) -> str:
    """A signed token that names nobody: the enrollment's number is masked, and nobody can make another one."""
    signature = _mac(key, b"sign", enrollment_id.to_bytes(8, "big"))[:_SIGNATURE_BYTES]
    mask = _mac(key, b"mask", signature)[:8]
    hidden = bytes(a ^ b for a, b in zip(enrollment_id.to_bytes(8, "big"), mask, strict=True))
    return base64.urlsafe_b64encode(signature + hidden).decode().rstrip("=")


def read_unsubscribe_token(key: bytes, token: str) -> int:
    """The enrollment that a token was made for, at any age.

    Raises:
        LinkInvalid: this installation did not make it.
    """
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except ValueError as error:
        raise LinkInvalid from error
    signature, hidden = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
    if len(hidden) != 8:
        raise LinkInvalid
    number = bytes(a ^ b for a, b in zip(hidden, _mac(key, b"mask", signature)[:8], strict=True))
    if not hmac.compare_digest(signature, _mac(key, b"sign", number)[:_SIGNATURE_BYTES]):
        raise LinkInvalid
    return int.from_bytes(number, "big")


def _mac(key: bytes, purpose: bytes, data: bytes) -> bytes:
    return hmac.digest(key, b"unsubscribe/" + purpose + b"/" + data, "sha256")
