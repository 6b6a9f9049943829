"""How many mails can be composed in a second, compared with the standard library's EmailMessage?

The same words of the same sequence step: both rendered by Jinja, the baseline encoded by ``EmailMessage.as_bytes``.
"""

from __future__ import annotations

import email.policy
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from pathlib import Path

from cadenza.mail.message import Letter, SenderIdentity, StepComposer
from cadenza.mail.sequence_file import read_sequence

SEQUENCE = Path(__file__).parents[1] / "examples" / "sequences" / "post_event.yaml"
POLICY = email.policy.SMTP.clone(max_line_length=998)
SENDER = SenderIdentity(
    "ana@northwind.example",
    "Ana Petersen",
    "Northwind GmbH, Kaistraße 14, 20457 Hamburg, Germany",
    {"name": "Ana Petersen", "title": "Head of Sales", "calendar": "https://northwind.example/meet/ana"},
)


def main(size: int) -> None:
    """Compose ``size`` mails, and a twentieth of them by the standard library; the better of two passes of each."""
    sequence = read_sequence(SEQUENCE)
    composer = StepComposer(sequence.steps[0], sequence, SENDER)
    letters = [_letter(number) for number in range(size)]
    few = letters[: max(size // 20, 100)]
    taken = {
        "EmailMessage.as_bytes": _seconds_each(lambda letter: _standard(composer, letter), few),
        "Cadenza": _seconds_each(lambda letter: composer.compose(letter).message, letters),
    }
    baseline = taken["EmailMessage.as_bytes"]
    for name, seconds in taken.items():
        print(
            f"{name:24} {1e6 * seconds:8.1f} µs a mail {1 / seconds:9,.0f} mails/s {baseline / seconds:6.1f} × baseline"
        )
    started = time.process_time()
    for number in range(20):
        StepComposer(sequence.steps[0], sequence, replace(SENDER, postal_address=f"Kaistraße {number}, Hamburg"))
    each = (time.process_time() - started) / 20
    length = len(composer.compose(letters[0]).message)
    print(f"{'compiling a step, once':24} {1e3 * each:8.1f} ms; a mail has {length:,} bytes")


def _letter(number: int) -> Letter:
    names = ("Kim", "Jörg", "Zoë", "Tanaka", "María José")
    contact = {
        "first_name": names[number % len(names)],
        "company": f"Customer {number}",
        "job_title": "Head of Logistics" if number % 2 else "",
        "city": "Köln",
    }
    return Letter(
        f"c{number}@customer.example",
        f"{contact['first_name']} Doe",
        f"<{number}.1.0123456789abcdef@northwind.example>",
        datetime(2026, 3, 2, 9, 0, number % 60, tzinfo=UTC),
        {"contact": contact, "company": {}, "sequence": {"title": "After the trade fair"}},
        f"https://cadenza.example/unsubscribe/{number:032d}",
    )


def _standard(composer: StepComposer, letter: Letter) -> bytes:
    values = {**letter.values, "sender": dict(SENDER.values), "unsubscribe_url": letter.unsubscribe_url}
    mail = EmailMessage(policy=POLICY)
    mail["From"] = Address(SENDER.display_name, addr_spec=SENDER.address)
    mail["To"] = Address(letter.to_name, addr_spec=letter.to_address)
    mail["Subject"] = composer.subject.render(values)
    mail["Date"] = letter.date
    mail["Message-ID"] = letter.message_id
    mail["List-Unsubscribe"] = f"<{letter.unsubscribe_url}>"
    mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(composer.bodies.text.render(values), cte="quoted-printable")
    mail.add_alternative(composer.bodies.html.render(values), subtype="html", cte="quoted-printable")
    return mail.as_bytes()


def _seconds_each(compose: Callable[[Letter], bytes], letters: list[Letter]) -> float:
    best = float("inf")
    for _ in range(2):
        started = time.process_time()
        for letter in letters:
            compose(letter)
        best = min(best, time.process_time() - started)
    return best / len(letters)
