"""Does an event come from whom it should?"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from cadenza.web.api.errors import Problem

TIMESTAMP, SIGNATURE = "Cadenza-Timestamp", "Cadenza-Signature"
#: So long before and after its timestamp a signature is believed.
WINDOW = timedelta(minutes=5)


def sign(key: str, timestamp: int, body: bytes) -> str:
    """The signature of a body sent at a Unix time: HMAC-SHA256 over ``<timestamp>.<body>``."""
    return f"sha256={hmac.digest(key.encode(), f'{timestamp}.'.encode() + body, 'sha256').hex()}"


def is_signed(headers: Mapping[str, str]) -> bool:
    """Whether a request claims to know the key."""
    return SIGNATURE in headers or "Authorization" in headers


def check_sender(key: str, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
    """Make sure that a request knows the key: by a signature, or by showing it.

    Raises:
        Problem: it does not (401), or it is too old (401).
    """
    if SIGNATURE in headers:
        _check_signature(key, headers, body, now)
        return
    shown = headers.get("Authorization", "").removeprefix("Bearer ").strip()
    if not shown:
        raise Problem(
            401, f"The request is not signed: send {TIMESTAMP} and {SIGNATURE}, or the key.", "SIGNATURE_MISSING"
        )
    if not hmac.compare_digest(shown.encode(), key.encode()):
        raise Problem(401, "The key is not ours: 'cadenza automation keys' shows it.", "KEY_INVALID")


def _check_signature(key: str, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
    said = headers.get(TIMESTAMP, "")
    if not (said.isascii() and said.isdecimal() and len(said) <= 12):
        raise Problem(401, f"{TIMESTAMP} is no Unix time in seconds.", "SIGNATURE_INVALID")
    if not hmac.compare_digest(headers[SIGNATURE].encode(), sign(key, int(said), body).encode()):
        raise Problem(
            401, "The signature does not fit: sign '<timestamp>.<body>', byte for byte as sent.", "SIGNATURE_INVALID"
        )
    if abs(datetime.fromtimestamp(int(said), UTC) - now) > WINDOW:
        raise Problem(
            401, f"The signature is from {said}, too far from now: sign the request anew.", "SIGNATURE_EXPIRED"
        )
