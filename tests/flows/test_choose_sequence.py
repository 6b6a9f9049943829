"""Which sequences somebody may be enrolled into: the rules of an enrollment, for all sequences at once."""

from __future__ import annotations

import pytest
from sqlalchemy import event

from cadenza.domain.attachments import MEGABYTE, Attachment
from cadenza.domain.enrollment import EnrollmentOptions, Segment
from cadenza.errors import NotFound
from flows.choose_sequence import choose_sequence
from flows.enroll_now import foresee


@pytest.fixture
def office(world):
    """Sequences with which something is the matter, and one that fits."""
    world.mailbox()
    world.mailbox("ben")
    film = Attachment("film.mp4", "video/mp4", 30 * MEGABYTE, "1")
    world.sequence(name="fits")
    world.sequence(name="of_ben", shared_with=("user:ben",))
    world.sequence(name="off", is_active=False)
    world.sequence(name="tokens", required_tokens=("contact.first_name", "contact.job_title"))
    world.sequence(world.email(1, attachments=(film,)), name="with_film")
    return world


def told(choices):
    return {one.sequence: next((reason.code for reason in one.by_code if reason.count), None) for one in choices}


def chosen(*contact_ids):
    return Segment(contact_ids=contact_ids)


def test_each_sequence_says_whether_a_contact_gets_in_and_why_not(office):
    [id] = office.contacts(1)
    choices = choose_sequence(chosen(id), "ana")
    assert told(choices) == {
        "fits": None,
        "off": "SEQUENCE_INACTIVE",
        "tokens": "TOKEN_MISSING",
        "with_film": "ATTACHMENT_TOO_LARGE",
    }
    by_name = {one.sequence: one for one in choices}
    assert (by_name["fits"].enrolled, by_name["tokens"].refused) == (1, 1)
    assert by_name["tokens"].details == {"TOKEN_MISSING": "contact.job_title"}
    assert by_name["tokens"].by_code[0].remedy
    assert office.one("SELECT count(*) FROM batches") == 0


@pytest.mark.parametrize(
    "change",
    [
        "SELECT 1",
        "UPDATE contacts SET bounced_at = now()",
        "UPDATE users SET may_enroll = false",
        "UPDATE mailboxes SET is_connected = false",
        """UPDATE mailboxes SET limits = '[{"count": 1, "seconds": 86400}]'""",
        "UPDATE contacts SET time_zone = 'Mars/Olympus'",
    ],
)
def test_it_says_what_an_enrollment_says(office, change):
    ids = office.contacts(2)
    version = office.one("SELECT max(id) FROM sequence_versions WHERE definition ->> 'name' = 'tokens'")
    office.enroll(ids[:1], version, office.one("SELECT min(id) FROM mailboxes"))
    office.rows(change)
    for one in choose_sequence(chosen(*ids), "ana"):
        foreseen = foresee(one.sequence, "ana", ids, EnrollmentOptions())
        assert sum(outcome.outcome.value == "enrolled" for outcome in foreseen) == one.enrolled
        assert {outcome.code for outcome in foreseen} - {None} == {
            reason.code for reason in one.by_code if reason.count
        }


def test_with_the_owner_as_the_sender_a_sequence_must_be_shared_with_the_owner(office):
    [id] = office.contacts(1, owner_email="ben@northwind.example")
    assert told(choose_sequence(chosen(id), "@owner"))["of_ben"] is None
    [other] = office.contacts(1, owner_email="ana@northwind.example")
    assert told(choose_sequence(chosen(other), "@owner"))["of_ben"] == "SEQUENCE_NOT_SHARED"


def test_a_list_is_counted_and_more_sequences_ask_no_more_questions(office):
    office.contacts(3, country="Germany", job_title="CEO")
    office.contacts(2, country="Germany")
    asked = []
    event.listen(office.runtime.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    [tokens] = [one for one in choose_sequence(Segment(filter="country = Germany"), "ana") if one.sequence == "tokens"]
    assert (tokens.enrolled, tokens.refused) == (3, 2)
    before = len(asked)
    for number in range(10):
        office.sequence(name=f"more_{number}")
    asked.clear()
    assert len(choose_sequence(Segment(filter="country = Germany"), "ana")) == 14
    assert len(asked) == before


def test_somebody_unknown_is_named(office):
    with pytest.raises(NotFound, match="'anna'"):
        choose_sequence(chosen(1), "anna")
