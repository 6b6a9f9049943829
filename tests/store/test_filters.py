"""How does a filter become SQL?"""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from cadenza.domain.enrollment import Segment
from cadenza.errors import FilterInvalid
from cadenza.store import database
from cadenza.store.lists import count_members, members

PEOPLE = [
    {
        "first_name": "Ana",
        "country": "Germany",
        "city": "München",
        "properties": {"number_of_employees": "50", "score": "007"},
    },
    {
        "first_name": "Ben",
        "country": " germany ",
        "city": None,
        "properties": {"number_of_employees": "7", "plan": "None"},
    },
    {"first_name": "Chloé", "country": "France", "city": "", "properties": {"number_of_employees": "about 100"}},
    {"first_name": "O'Neil", "country": None, "city": "100% Town", "properties": {"a_b_c": "x", "date": "2026-03-02"}},
]


@pytest.fixture
def connection(engine: Engine):
    with database.transaction(engine) as connection:
        for number, person in enumerate(PEOPLE):
            connection.execute(
                text("""
                    INSERT INTO contacts (identity_key, first_name, country, city, properties)
                    VALUES (:key, :first_name, :country, :city, CAST(:properties AS jsonb))
                """),
                {**person, "key": f"external:{number}", "properties": json.dumps(person["properties"])},
            )
        yield connection


def names(connection, expression: str) -> str:
    fragment = members(connection, Segment(filter=expression))
    query = text(f"SELECT first_name FROM contacts WHERE id IN ({fragment.text}) ORDER BY id")
    return " ".join(connection.scalars(query, dict(fragment.compile().params)))


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("country = GERMANY", "Ana Ben"),
        ("country != germany", "Chloé O'Neil"),
        ("not country = germany", "Chloé O'Neil"),
        ("country in (germany, 'france')", "Ana Ben Chloé"),
        ("country not in (germany)", "Chloé O'Neil"),
        ("city is empty", "Ben Chloé"),
        ("city is not empty", "Ana O'Neil"),
        ("city contains MÜN", "Ana"),
        ("city not contains mün", "Ben Chloé O'Neil"),
        ("city contains '%'", "O'Neil"),
        ("city contains '_'", ""),
        ("city starts with 100", "O'Neil"),
        ("number_of_employees > 9", "Ana"),
        ("number_of_employees >= 7 and 'Number of employees' < 50", "Ben"),
        ("'Number of Employees' = 50.0", "Ana"),
        ("Score = 7", "Ana"),
        ("Score = '7'", ""),
        ("Plan = None", "Ben"),
        ("date >= '2026-03-01' and date < '2026-04-01'", "O'Neil"),
        ("date > 2026-03-01", "O'Neil"),
        ('"a\'b\\"c" = x', "O'Neil"),
        ("first_name = 'O\\'Neil'", "O'Neil"),
        ("country = france or country = germany and city is empty", "Ben Chloé"),
        ("(country = france or country = germany) and city is empty", "Ben Chloé"),
        ("not (country = france or country = germany)", "O'Neil"),
        ("FIRST_NAME = ana", "Ana"),
        ("unheard_of = 1", ""),
        ("unheard_of != 1", "Ana Ben Chloé O'Neil"),
    ],
)
def test_a_filter_finds(connection, expression, found):
    assert names(connection, expression) == found


@pytest.mark.parametrize(
    "hostile",
    [
        "first_name = 'x'' OR true --'",
        'first_name = "x\'; DROP TABLE contacts; --"',
        "\"first_name' = '' OR '1'='1\" = x",
        '"x\') FROM contacts; DELETE FROM contacts; --" is not empty',
        "first_name = ':segment_0'",
        "\"properties ->> 'x'\" = '%s %(a)s :b {c}'",
        "\"\\\\\" = '\\\\'",
    ],
)
def test_a_hostile_filter_finds_nobody_and_breaks_nothing(connection, hostile):
    with contextlib.suppress(FilterInvalid):
        assert count_members(connection, Segment(filter=hostile)) == 0
    assert connection.scalar(text("SELECT count(*) FROM contacts")) == len(PEOPLE)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    name=st.text(min_size=1), operand=st.text(), operator=st.sampled_from(["=", "!=", "<", "contains", "starts with"])
)
def test_any_name_and_value_is_a_filter_or_refused(connection, name, operand, operator):
    quoted = [json.dumps(part, ensure_ascii=False).replace("\\n", "\n") for part in (name, operand)]
    try:
        fragment = members(connection, Segment(filter=f"{quoted[0]} {operator} {quoted[1]}"))
    except FilterInvalid:
        return
    nobody = connection.scalar(text(f"SELECT count(*) FROM ({fragment.text}) m"), dict(fragment.compile().params))
    assert 0 <= nobody <= len(PEOPLE)


class TestHistory:
    """What the enrollments of contacts tell of them."""

    @pytest.fixture
    def found(self, world):
        """Asks for contacts by number: 1 finished twice, 2 was unenrolled, 3 is in a sequence, 4 was never in any."""
        mailbox = world.mailbox()
        first, second = world.sequence(name="first"), world.sequence(name="second")
        world.contacts(4)
        enrolled = world.enroll([1], first, mailbox)
        world.rows(
            "UPDATE enrollments SET status = 'finished', ended_at = '2026-02-01Z' WHERE id = ANY (:i)", i=enrolled
        )
        world.rows("UPDATE enrollments SET enrolled_at = '2026-01-10Z'")
        again = world.enroll([1], second, mailbox)
        world.rows("UPDATE enrollments SET status = 'finished', ended_at = '2026-02-20Z' WHERE id = ANY (:i)", i=again)
        ended = world.enroll([2], first, mailbox)
        world.rows(
            "UPDATE enrollments SET status = 'ended', ending = 'removed', ended_at = '2026-02-25Z' WHERE id = ANY (:i)",
            i=ended,
        )
        world.enroll([3], first, mailbox)

        def ask(expression: str) -> list[int]:
            with database.transaction(world.runtime.engine) as connection:
                fragment = members(connection, Segment(filter=expression))
                return sorted(connection.scalars(fragment))

        return ask

    @pytest.mark.parametrize(
        ("expression", "contacts"),
        [
            ("last_sequence = first", [2, 3]),
            ("last_sequence = SECOND", [1]),
            ("last_sequence != first", [1, 4]),
            ("last_sequence is empty", [4]),
            ("not last_sequence is empty", [1, 2, 3]),
            ("enrollments = 0", [4]),
            ("enrollments >= 2", [1]),
            ("enrollments < 2", [2, 3, 4]),
            ("last_enrolled_at >= 2026-03-02", [1, 2, 3]),
            ("last_enrolled_at < 2026-03-02", []),
            ("last_finished_at > 2026-02-15", [1]),
            ("last_ended_at >= '2026-02-25 00:00' and last_ended_at < 2026-02-26", [2]),
            ("last_unenrolled_at is not empty", [2]),
            ("last_finished_at is empty and enrollments > 0", [2, 3]),
            ("last_sequence in (first, second) and first_name = Kim", [1, 2, 3]),
        ],
    )
    def test_contacts_are_found_by_their_last_sequence(self, found, expression, contacts):
        assert found(expression) == contacts
