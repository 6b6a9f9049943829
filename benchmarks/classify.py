"""How well and how fast are incoming mails told apart, compared with flufl.bounce and with RFC 3464's fields alone?

Real reports are the sample mails of flufl.bounce, judged by us one by one (``tests/rig/bounce_labels.csv``), in halves:
the rules were written looking at the first only. A report without a stated reason counts as recognised or not, but has
no right answer for the other columns.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable
from email import message_from_bytes
from email.message import Message
from importlib.metadata import version
from pathlib import Path

from flufl.bounce import all_failures

from cadenza.mail.incoming import classify

RIG = Path(__file__).parents[1] / "tests" / "rig"
sys.path.insert(0, str(RIG))

from flufl_samples import HALVES, NotFetched, Sample, flufl_samples  # noqa: E402
from mail_samples import ANA, non_report_samples  # noqa: E402
from report_samples import report_samples  # noqa: E402

CACHE = Path(__file__).parents[1] / ".pytest_cache" / "d" / "flufl.bounce"
#: Is it a report, hard or soft, which status.
Answer = tuple[bool, str | None, str | None]


def main(size: int) -> None:
    """Print what is recognised, and the time of ``size`` mails."""
    try:
        real = flufl_samples(CACHE)
    except NotFetched as error:
        print(f"without real reports: {error}")
        real = []
    for half in HALVES if real else ():
        _print_reports(half, [sample for sample in real if sample.half == half])
    made = report_samples()
    right = sum(_ours(sample.raw) == (True, sample.hard_or_soft, sample.status) for sample in made)
    print(f"\n{len(made)} reports written for the tests: {right} recognised, hard or soft and status right")
    _print_others()
    _print_times([sample.raw for sample in real] + [sample.raw for sample in made], size)


def _ours(raw: bytes) -> Answer:
    incoming = classify(raw, [ANA])
    first = incoming.recipients[0] if incoming.recipients else None
    return incoming.kind == "bounce", first.kind.value if first else None, first.status if first else None


def _by_flufl(raw: bytes) -> Answer:
    temporary, permanent = all_failures(message_from_bytes(raw))
    return bool(temporary or permanent), "hard" if permanent else "soft" if temporary else None, None


def _by_fields(raw: bytes) -> Answer:
    for part in message_from_bytes(raw).walk():
        if part.get_content_type() == "message/delivery-status" and part.is_multipart():
            for fields in part.get_payload():
                if isinstance(fields, Message) and fields.get("action"):
                    status = str(fields.get("status", "")).split()[:1]
                    return True, "hard" if status and status[0].startswith("5.1.") else "soft", "".join(status) or None
    return False, None, None


def _print_reports(half: str, samples: list[Sample]) -> None:
    reports = [sample for sample in samples if sample.kind == "bounce"]
    judged = [sample for sample in reports if sample.hard_or_soft]
    with_status = [sample for sample in reports if sample.status]
    print(f"\nflufl.bounce {version('flufl.bounce')}, the half {half}: {len(reports)} reports")
    print(f"{'':24} {'recognised':>16} {'hard or soft':>16} {'status':>16}")
    answers: dict[str, Callable[[bytes], Answer]] = {
        "flufl.bounce alone": _by_flufl,
        "RFC 3464 alone": _by_fields,
        "Cadenza": _ours,
    }
    for name, answer in answers.items():
        recognised = sum(answer(sample.raw)[0] for sample in reports)
        kinds = sum(answer(sample.raw)[1] == sample.hard_or_soft for sample in judged)
        statuses = sum(answer(sample.raw)[2] == sample.status for sample in with_status)
        cells = ((recognised, reports), (kinds, judged), (statuses, with_status))
        print(f"{name:24}" + "".join(f"{n:5} of {len(of):3} {100 * n / len(of):3.0f} %" for n, of in cells))


def _print_others() -> None:
    taken: Counter[tuple[str, str]] = Counter()
    dates: Counter[bool] = Counter()
    for sample in non_report_samples(seed=2026):
        incoming = classify(sample.raw, [ANA])
        taken[sample.kind, incoming.kind.value] += 1
        if sample.back_on:
            dates[incoming.back_on == sample.back_on] += 1
    print(f"\n{sum(taken.values())} other mails, made from words in eight languages")
    for kind in sorted({kind for kind, _ in taken}):
        of = sum(number for (is_kind, _), number in taken.items() if is_kind == kind)
        print(f"{kind:12} {taken[kind, kind]:4} of {of:4} taken for it, {taken[kind, 'bounce']} called a report")
    print(f"return dates {dates[True]:4} of {sum(dates.values()):4} right")


def _print_times(reports: list[bytes], size: int) -> None:
    mails = reports + [sample.raw for sample in non_report_samples(copies=1)]
    seconds = []
    for number in range(size):
        started = time.process_time()
        classify(mails[number % len(mails)], [ANA])
        seconds.append(time.process_time() - started)
    seconds.sort()
    at = {"median": seconds[size // 2], "99 of 100 within": seconds[int(size * 0.99)], "slowest": seconds[-1]}
    print(f"\n{size} mails: {size / sum(seconds):,.0f} mails/s")
    for name, value in at.items():
        print(f"{name:24} {1e3 * value:8.2f} ms")
    huge = mails[0][:200] + b"\n" + b"a line of a mail of fifty megabytes, 550 5.1.1\n" * 1_100_000
    started = time.process_time()
    classify(huge, [ANA])
    print(f"{f'one of {len(huge) / 2**20:.0f} MB':24} {1e3 * (time.process_time() - started):8.2f} ms")
