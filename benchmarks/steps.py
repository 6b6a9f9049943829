"""The mails of the dispatch benchmark: 1.5 kB of words with five tokens, three steps in a thread, fifty senders."""

from __future__ import annotations

from sqlalchemy import text

from benchmarks.world import vacuum
from cadenza.domain.sequence import Delay, EligibleDays, FollowUpPolicy, Sequence, Step, StepKind
from cadenza.mail.message import SenderIdentity
from cadenza.runtime import Runtime
from cadenza.store import database, sequences, team

SENDERS = 50
STEPS = 3
ZONE = "Europe/Berlin"
SUBJECT = "A word about {{ contact.company }}"
_WORDS = (
    "we met at the fair in {{ contact.city }} and spoke about what your warehouse needs until next spring. "
    "I have looked at the figures that you gave me, and I think that there is a way to bring the goods to your "
    "customers a day earlier without another shift. ",
    "As {{ contact.job_title }} you will know best whether this is worth a call. We have done the same for three "
    "companies of your size, and each of them had the costs back before the year was over. " * 2,
)
TEXT = "\n\n".join(["Dear {{ contact.first_name }},", *_WORDS, "Kind regards,\n{{ sender.name }}"])
HTML = "".join(f"<p>{part}</p>" for part in TEXT.split("\n\n"))
SEQUENCE = Sequence(
    "benchmark",
    "Benchmark",
    tuple(
        Step(n, StepKind.EMAIL, Delay(0), subject=SUBJECT, html=HTML, text=TEXT, reply_to_position=n - 1 or None)
        for n in range(1, STEPS + 1)
    ),
    follow_ups=FollowUpPolicy(EligibleDays.EVERYDAY),
)
SENDER = SenderIdentity("u1@sender.example", "Uma 1", "Hamburg", {"name": "Uma 1"})


_OWN_OPTIONS = """
    UPDATE enrollments SET
        token_values = jsonb_build_object('contact.first_name', 'Kim ' || id),
        overrides = jsonb_build_object('steps', jsonb_build_object(
            '1', jsonb_build_object('subject', 'Your question ' || id)
                 || CASE WHEN id % 100 = 0 THEN jsonb_build_object('text', :text || id) ELSE '{}' END,
            '2', jsonb_build_object('delay', jsonb_build_array(0, 'minutes'))
        ))
    WHERE id % 10 = 0
"""


def fill(ground: Runtime, contacts: int, port: int, *, with_own_options: bool = False) -> None:
    """Contacts of fifty senders, each enrolled and due now; no limits.

    ``with_own_options``: every tenth has subjects, a delay and a token of its own, every hundredth a whole text.
    """
    now = ground.clock.now()
    transport = {"kind": "smtp", "host": "127.0.0.1", "port": port, "security": "none"}
    users = [
        {
            "handle": f"u{n}",
            "email": f"u{n}@sender.example",
            "name": f"Uma {n}",
            "mailboxes": [
                {"address": f"u{n}@sender.example", "transport": transport, "limits": [], "postal_address": "Hamburg"}
            ],
        }
        for n in range(SENDERS)
    ]
    with database.transaction(ground.engine) as connection:
        team.save_team(connection, team.Team.model_validate({"users": users}))
        stored = sequences.save_sequence(connection, SEQUENCE, now)
        connection.execute(
            text("""
                INSERT INTO contacts (identity_key, email, email_normalized, first_name, company, city, job_title)
                SELECT 'email:' || i, a, a, 'Kim', 'Customer ' || i, 'Hamburg', 'buyer'
                FROM (SELECT i, 'c' || i || '@customer.example' AS a FROM generate_series(1, :n) i) x
            """),
            {"n": contacts},
        )
        connection.execute(
            text("""
                INSERT INTO enrollments (contact_id, sequence_id, sequence_version_id, mailbox_id, user_id, to_address,
                    status, time_zone, time_zone_source, next_position, next_kind, due_at, enrolled_at)
                SELECT c.id, :sequence_id, :version_id, m.id, m.user_id, c.email_normalized, 'active', :zone, 'contact',
                       1, 'email', :now, :now
                FROM contacts c JOIN mailboxes m ON m.id = 1 + c.id % (SELECT count(*) FROM mailboxes)
            """),
            {"sequence_id": stored.id, "version_id": stored.version_id, "zone": ZONE, "now": now},
        )
        if with_own_options:
            connection.execute(text(_OWN_OPTIONS), {"text": TEXT})
    vacuum(ground.engine)


def sent(ground: Runtime) -> int:
    """How many steps a server has taken."""
    with database.transaction(ground.engine) as connection:
        return int(connection.scalar(text("SELECT count(*) FROM deliveries WHERE state = 'sent'")) or 0)
