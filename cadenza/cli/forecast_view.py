"""How does a person read what an enrollment would do?"""

from __future__ import annotations

from typing import Any


def run_preflight(
    sequence: str, sender: str, segment: str, filter: str, contact_ids: list[int], options: dict[str, Any]
) -> None:
    """Judge and forecast without writing, and print both."""
    from flows.preflight import preflight

    from flows.enroll_segment import EnrollmentForm

    preflight(sequence, sender, segment, filter, contact_ids or None, EnrollmentForm(**options))
