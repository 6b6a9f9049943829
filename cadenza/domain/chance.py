"""What does chance give an enrollment? The same to everybody who asks, and nothing that could be foreseen."""

from __future__ import annotations

from functools import cache
from hashlib import blake2b
from math import gcd

#: The part of a circle that spreads points over it most evenly, however many there are.
_GOLDEN = 0.6180339887498949


def drawn(enrollment_id: int, position: int, what: str, size: int) -> int:
    """A number from 0 to ``size`` - 1, each as likely; for one enrollment, step and question always the same."""
    seed = blake2b(f"{what}/{enrollment_id}.{position}".encode(), digest_size=8).digest()
    return int.from_bytes(seed, "big") % size


def dealt(enrollment_id: int, position: int, what: str, size: int) -> int:
    """A number from 0 to ``size`` - 1, dealt in blocks: each comes once in every ``size`` enrollments in a row.

    Numbers that lie together do not come together, so that small batches have a fair share, too. Blocks and steps are
    independent of each other.
    """
    block, place = divmod(enrollment_id, size)
    return (place * _stride(size) + drawn(block, position, what, size)) % size


@cache
def _stride(size: int) -> int:
    """A step that visits all places of a circle before it comes back to the first."""
    wanted = round(size * _GOLDEN) or 1
    return next(step for offset in range(size) for step in (wanted + offset, wanted - offset) if gcd(step, size) == 1)
