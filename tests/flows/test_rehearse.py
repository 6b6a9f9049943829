"""Rehearsals: all weeks of a sequence, on copies, by the code that sends for real."""

from __future__ import annotations

import email
from collections import Counter, defaultdict
from datetime import UTC, datetime, time, timedelta
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo

import httpx
import pytest
from pydantic import ValidationError
from sqlalchemy import text

from cadenza.domain.assumptions import Assumptions
from cadenza.domain.attachments import Attachment
from cadenza.domain.enrollment import EnrollmentOptions, Segment
from cadenza.domain.sequence import EligibleDays, FollowUpPolicy, SendWindow
from cadenza.mail.sink import Sink
from cadenza.store import database, lists
from flows.enroll_segment import EnrollmentForm
from flows.rehearse import AssumptionsForm, enroll, play, rehearse
from tasks.claim_steps import claim_steps
from tasks.look_back import look_back
from tasks.play_weeks import Play
from tasks.recover_deliveries import recover_deliveries
from tasks.send_email import hand_over
from tasks.set_stage import stage

ZONES = ("Europe/Berlin", "America/New_York", "Asia/Tokyo")
WINDOW = SendWindow(8 * 60 + 30, 17 * 60)


def ignore(progress):
    pass


@pytest.fixture
def fair(world):
    """Sixty contacts in three zones, two senders, and a sequence of three mails and a call over three weeks."""
    for handle in ("ana", "ben"):
        world.mailbox(handle)
    world.rows("UPDATE mailboxes SET limits = NULL")
    for zone in ZONES:
        for handle in ("ana", "ben"):
            world.contacts(10, time_zone=zone, owner_email=f"{handle}@northwind.example")
    world.sequence(
        world.email(1),
        world.email(2, days=3, reply_to_position=1, subject=""),
        world.todo(3, days=2),
        world.email(4, days=7),
        name="after_the_fair",
        follow_ups=FollowUpPolicy(EligibleDays.WEEKDAYS_ONLY, WINDOW),
    )
    with database.transaction(world.runtime.engine) as connection:
        fair = lists.save_static_list(connection, "fair", None, world.now)
        lists.add_members(
            connection, fair.id, [row.id for row in world.rows("SELECT id FROM contacts ORDER BY id")], world.now
        )
    return world


def rehearsed(sequence="after_the_fair", sender="@owner", whom=Segment(name="fair"), options=None, **people):  # noqa: B008
    return play(sequence, sender, whom, None, options or EnrollmentForm(), AssumptionsForm(**people), ignore)


def contents(world) -> dict[str, str]:
    """Every row of every table, as a hash of each table."""
    tables = world.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    return {
        name: world.one(f'SELECT count(*) || md5(string_agg(t::text, chr(10) ORDER BY t::text)) FROM "{name}" t')
        for (name,) in tables
    }


def databases(world) -> set[str]:
    return {name for (name,) in world.rows("SELECT datname FROM pg_database WHERE datname LIKE '%_rehearsal_%'")}


def local(mail) -> datetime:
    return mail.at.astimezone(ZoneInfo(mail.time_zone))


def test_the_same_seed_plays_the_same_weeks(fair):
    first = rehearsed(replies=0.2, bounces=0.02, seed=7)
    assert len(first.timeline) > 100
    assert rehearsed(replies=0.2, bounces=0.02, seed=7) == first
    assert rehearsed(replies=0.2, bounces=0.02, seed=8).timeline != first.timeline


def test_everybody_goes_all_the_way_when_nobody_answers(fair):
    rehearsal = rehearsed()
    assert (rehearsal.enrolled, rehearsal.held, rehearsal.refused) == (60, 0, 0)
    assert [(s.mails, s.todos, s.todos_done, s.finished, s.waiting) for s in rehearsal.steps] == [
        (60, 0, 0, 0, 0),
        (60, 0, 0, 0, 0),
        (0, 60, 60, 0, 0),
        (60, 0, 0, 60, 0),
    ]
    assert rehearsal.ended_at == max(mail.at for mail in rehearsal.timeline)
    assert {line.time_zone: (line.contacts, line.mails) for line in rehearsal.zones} == dict.fromkeys(ZONES, (20, 60))
    assert sum(line.mails for line in rehearsal.mailboxes) == len(rehearsal.timeline) == 180


def test_whoever_leaves_leaves_exactly_once(fair):
    rehearsal = rehearsed(replies=0.3, bounces=0.02)
    left = Counter()
    for step in rehearsal.steps:
        left.update(replied=step.replied, bounced=step.bounced, finished=step.finished)
    assert left["replied"] > 10
    assert left.total() == rehearsal.enrolled
    assert rehearsal.steps[-1].mails < rehearsal.steps[0].mails


def test_nothing_of_it_is_written_to_the_database_or_sent_to_a_real_server(fair, tmp_path):
    with Sink(tmp_path / "real") as real:
        fair.rows(
            "UPDATE mailboxes SET transport = jsonb_build_object('kind', 'smtp', 'host', '127.0.0.1', "
            "'port', CAST(:port AS int), 'security', 'none')",
            port=real.port,
        )
        before = contents(fair)
        assert len(rehearsed(replies=0.2, bounces=0.02).timeline) > 100
        assert contents(fair) == before
        assert real.messages() == []
    assert databases(fair) == set()
    assert list((fair.runtime.settings.home / "rehearsals").iterdir()) == []


def test_follow_ups_keep_to_weekdays_and_the_send_window(fair):
    fair.runtime.clock.at = datetime(2026, 3, 6, 3, 0, tzinfo=UTC)
    follow_ups = [local(mail) for mail in rehearsed(replies=0.1).timeline if mail.position > 1]
    assert len(follow_ups) > 60
    assert {at.weekday() for at in follow_ups} <= {0, 1, 2, 3, 4}
    assert all(time(8, 30) <= at.time() < time(17) for at in follow_ups)


def test_limits_hold_on_the_driven_clock_and_are_used(fair):
    fair.rows("""UPDATE mailboxes SET limits = '[{"count": 3, "seconds": 60}, {"count": 20, "seconds": 86400}]'""")
    rehearsal = rehearsed()
    by_mailbox = defaultdict(list)
    for mail in rehearsal.timeline:
        by_mailbox[mail.mailbox_id].append(mail.at)
    assert len(by_mailbox) == 2
    for instants in by_mailbox.values():
        for mails, seconds in ((3, 60), (20, 86_400)):
            window = timedelta(seconds=seconds)
            assert max(sum(start <= at < start + window for at in instants) for start in instants) == mails
    assert [[most for _, most in line.busiest] for line in rehearsal.mailboxes] == [[3, 20], [3, 20]]


def test_mails_that_were_really_sent_count_against_the_limits(fair):
    version = fair.sequence(name="earlier")
    mailbox = fair.one("SELECT id FROM mailboxes WHERE address LIKE 'ana@%'")
    [enrollment] = fair.enroll(fair.contacts(1), version, mailbox)
    fair.rows(
        """
        INSERT INTO deliveries (enrollment_id, position, mailbox_id, to_address, from_address, state, token,
                                message_id, subject, claimed_at, ended_at)
        SELECT :enrollment, p, :mailbox, 'c@customer.example', 'ana@northwind.example', 'sent', gen_random_uuid(),
               p || '@northwind.example', '', :now, CAST(:now AS timestamptz) - interval '20 seconds'
        FROM generate_series(1, 2) p
        """,
        enrollment=enrollment,
        mailbox=mailbox,
        now=fair.now,
    )
    ana = [mail.at for mail in rehearsed().timeline if mail.mailbox_id == mailbox]
    assert [(at - fair.now).total_seconds() for at in ana[:4]] == [0, 40, 40, 60]


def test_the_sink_holds_the_mails_of_the_timeline(fair):
    whom = Segment(name="fair")
    with stage(whom) as sink:
        batch = enroll("after_the_fair", "@owner", whom, EnrollmentOptions())
        weeks = Play(claim_steps.fn, hand_over, recover_deliveries.fn, Assumptions(replies=0.1), ignore)
        weeks.run()
        messages = [email.message_from_bytes(path.read_bytes()) for path in sink.messages()]
        rehearsal = look_back(batch, weeks.assumptions, weeks.pauses, len(messages))
    users = {line.mailbox_id: line.user for line in rehearsal.mailboxes}
    arrived = Counter((parsedate_to_datetime(m["Date"]), m["From"].split("<")[1].split("@")[0]) for m in messages)
    assert arrived == Counter((mail.at, users[mail.mailbox_id]) for mail in rehearsal.timeline)
    assert len({message["Message-ID"] for message in messages}) == len(messages)
    assert weeks.progress.mails == len(messages)


def test_it_names_the_files_that_mails_take_along_and_has_nothing_in_them(world):
    world.mailbox()
    world.sequence(
        world.email(1, attachments=(Attachment("brochure.pdf", "application/pdf", 4, "1"),)), documents={"1": b"%PDF"}
    )
    whom = Segment(contact_ids=tuple(world.contacts(2)))
    with stage(whom) as sink:
        batch = enroll("hello", "ana", whom, EnrollmentOptions())
        weeks = Play(claim_steps.fn, hand_over, recover_deliveries.fn, Assumptions(), ignore)
        weeks.run()
        [one, other] = [email.message_from_bytes(path.read_bytes()) for path in sink.messages()]
        assert look_back(batch, weeks.assumptions, (), 2).steps[0].what == "email, with brochure.pdf (0.1 KB)"
    for message in (one, other):
        file = message.get_payload()[1]
        assert (file.get_filename(), file.get_payload(decode=True)) == ("brochure.pdf", b"")


def test_a_to_do_that_nobody_does_lets_its_contacts_wait(fair):
    rehearsal = rehearsed(todo_days=None)
    assert [(step.mails, step.waiting) for step in rehearsal.steps] == [(60, 0), (60, 0), (0, 60), (0, 0)]
    assert rehearsal.held_by == ((None, 60),)
    assert rehearsal.ended_at is None


def test_what_waits_for_a_repair_does_not_keep_the_rehearsal_going(fair):
    fair.rows("UPDATE contacts SET first_name = NULL WHERE id = (SELECT min(id) FROM contacts)")
    rehearsal = rehearsed()
    assert rehearsal.held_by == (("TOKEN_MISSING", 1),)
    assert rehearsal.steps[0].waiting == 1
    assert rehearsal.steps[0].position == 0
    assert rehearsal.steps[-1].finished == 59


def test_the_guard_stops_mailboxes_whose_mails_come_back(fair):
    fair.runtime.settings.guard_least_mails = 10
    rehearsal = rehearsed(bounces=0.5)
    assert {pause.what for pause in rehearsal.pauses} <= {"mailbox", "sequence"}
    assert "came back" in rehearsal.pauses[0].reason
    assert rehearsal.waiting > 0
    assert fair.one("SELECT count(*) FROM mailboxes WHERE paused_at IS NOT NULL") == 0


def test_the_options_of_an_enrollment_count(fair):
    options = EnrollmentForm(start_position=4, send_at=datetime(2026, 3, 10, 9, 0), time_zone="Asia/Tokyo")  # noqa: DTZ001
    whom = Segment(filter="time_zone = 'Europe/Berlin'")
    rehearsal = rehearsed(whom=whom, options=options, sender="ana")
    assert [(step.position, step.mails) for step in rehearsal.steps] == [(1, 0), (2, 0), (3, 0), (4, 20)]
    assert {line.user for line in rehearsal.mailboxes} == {"ana"}
    assert local(rehearsal.timeline[0]) == datetime(2026, 3, 10, 9, 0, tzinfo=ZoneInfo("Asia/Tokyo"))


def test_contacts_that_are_in_a_sequence_already_are_refused_and_left_alone(fair):
    ids = [row.id for row in fair.rows("SELECT id FROM contacts ORDER BY id")]
    fair.enroll(ids[:5], fair.sequence(name="another"), 1)
    rehearsal = rehearsed()
    assert [(line.code, line.count) for line in rehearsal.by_code] == [("ALREADY_ENROLLED", 5)]
    assert rehearsal.steps[0].mails == 55


def test_nobody_to_enroll_is_no_mistake(fair):
    rehearsal = rehearsed(whom=Segment(filter="country = Atlantis"))
    assert (rehearsal.candidates, rehearsal.timeline, rehearsal.ended_at) == (0, (), None)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_whatever_ends_it_nothing_is_left_behind(fair, error):
    def interrupt(progress):
        if progress.mails > 20:
            raise error

    with pytest.raises(error):
        play("after_the_fair", "@owner", Segment(name="fair"), None, EnrollmentForm(), AssumptionsForm(), interrupt)
    assert databases(fair) == set()
    assert list((fair.runtime.settings.home / "rehearsals").iterdir()) == []


def test_what_a_killed_rehearsal_left_is_swept_and_what_another_plays_on_is_not(fair):
    name = fair.one("SELECT current_database()")
    dead, alive = f"{name}_rehearsal_00000000", f"{name}_rehearsal_11111111"
    foreign = f"{name}_rehearsal_notours"
    folders = fair.runtime.settings.home / "rehearsals"
    for each in (dead, alive, foreign):
        database.create_database(fair.runtime.engine, each)
        (folders / each).mkdir(parents=True)
    try:
        with database.autocommit(fair.runtime.engine) as other:
            other.execute(text("SELECT pg_advisory_lock(7267, hashtext(:name))"), {"name": alive})
            rehearsed()
            assert databases(fair) == {alive, foreign}
            assert {folder.name for folder in folders.iterdir()} == {alive}
            other.execute(text("SELECT pg_advisory_unlock_all()"))
        rehearsed()
        assert databases(fair) == {foreign}
    finally:
        for each in (dead, alive, foreign):
            database.drop_database(fair.runtime.engine, each)


def test_the_flow_shows_counts_and_no_address(prefect_server, fair):
    rehearsal = rehearse("after_the_fair", "fair", people=AssumptionsForm(replies=0.1))
    assert rehearsal.plot.read_bytes().startswith(b"\x89PNG")
    assert rehearsal.plot.parent == fair.runtime.settings.home / "reports"
    artifacts = httpx.post(
        f"{prefect_server}/artifacts/filter", json={"artifacts": {"key": {"like_": "rehearsal-after-the-fair"}}}
    ).json()
    [page] = [artifact["data"] for artifact in artifacts if artifact["type"] == "markdown"]
    [progress] = [artifact["data"] for artifact in artifacts if artifact["type"] == "progress"]
    assert "| 1 | email | 60 |" in page
    assert "@northwind" not in page
    assert "@customer" not in page
    assert progress == 100


def test_a_mistake_ends_the_flow_as_failed_with_its_message(prefect_server, fair):
    state = rehearse("after_the_fair", "fare", return_state=True)
    assert state.is_failed()
    assert "Is it 'fair'?" in state.message


@pytest.mark.parametrize(
    ("field", "value"),
    [("replies", 1.1), ("replies", -0.1), ("bounces", float("nan")), ("todo_days", -1), ("seed", -1)],
)
def test_the_form_knows_its_bounds(field, value):
    with pytest.raises(ValidationError, match=field):
        AssumptionsForm(**{field: value})


def test_more_answers_than_mails_make_no_sense():
    with pytest.raises(ValidationError, match="more than all mails"):
        AssumptionsForm(replies=0.6, bounces=0.5)
