"""Files go with the mails of a step: kept once, read once, never too large for the mailbox."""

from __future__ import annotations

import email
import email.policy
from hashlib import sha256

import pytest
from sqlalchemy import event

from cadenza.domain.attachments import MEGABYTE, Attachment
from cadenza.domain.enrollment import EnrollmentOptions, Segment
from cadenza.domain.overrides import Overrides, StepOverride
from cadenza.errors import OverrideInvalid
from tasks.begin_batch import begin_batch, outline_batch
from tasks.claim_steps import claim_steps
from tasks.load_candidates import load_candidates
from tasks.send_email import hand_over

CONTENT = b"%PDF-1.7 " + bytes(range(256)) * 400


def brochure(content=CONTENT):
    return Attachment("brochure.pdf", "application/pdf", len(content), sha256(content).hexdigest())


def sequence(world, content=CONTENT, **fields):
    one = brochure(content)
    return world.sequence(world.email(1, attachments=(one,), **fields), documents={one.sha256: content})


def run(world):
    return hand_over(claim_steps.fn("Europe/Berlin").delivery_ids)


def files_of(path):
    mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    return [(part.get_filename(), part.get_content()) for part in mail.iter_attachments()]


def test_each_mail_takes_the_file_along_and_the_database_keeps_it_once(world, sink):
    world.enroll(world.contacts(3), sequence(world), world.mailbox())
    run(world)
    assert [files_of(path) for path in sink.messages()] == [[("brochure.pdf", CONTENT)]] * 3
    assert world.one("SELECT count(*) FROM documents") == 1
    assert world.one("SELECT max(length(message)) FROM deliveries") < 5_000


def test_a_process_reads_a_file_once_and_mails_without_any_read_none(world, sink):
    read = []
    listener = lambda *given: read.append(given[2]) if "FROM documents" in given[2] else None  # noqa: E731
    event.listen(world.runtime.engine, "before_cursor_execute", listener)
    mailbox = world.mailbox()
    world.enroll(world.contacts(2), world.sequence(name="plain"), mailbox)
    run(world)
    assert read == []
    for _ in range(3):
        world.enroll(world.contacts(2), sequence(world), mailbox)
        run(world)
    assert len(read) == 1
    assert len(sink.messages()) == 8


def test_only_other_bytes_make_another_version(world):
    first = sequence(world)
    assert sequence(world) == first
    second = sequence(world, CONTENT + b"!")
    assert second != first
    assert world.one("SELECT count(*) FROM documents") == 2


@pytest.mark.usefixtures("sink")
def test_a_mail_that_became_too_large_for_its_mailbox_waits_until_it_fits(world):
    film = bytes(MEGABYTE)
    world.enroll(world.contacts(1), sequence(world, film), world.mailbox())
    world.rows("""UPDATE mailboxes SET transport = transport || '{"largest_mail_mb": 1}'""")
    assert claim_steps.fn("Europe/Berlin").held == 1
    assert world.rows("SELECT status, held_reason FROM enrollments") == [("active", "ATTACHMENT_TOO_LARGE")]
    world.rows("""UPDATE mailboxes SET transport = transport || '{"largest_mail_mb": 2}'""")
    world.runtime.clock.wait(13 * 3600)
    assert len(run(world)) == 1


def test_a_contacts_own_text_goes_with_the_files_of_the_step(world, sink):
    own = '{"steps": {"1": {"text": "Just for you."}}}'
    version = sequence(world)
    world.enroll(world.contacts(1), version, world.mailbox(), overrides=own)
    run(world)
    [path] = sink.messages()
    assert b"Just for you." in path.read_bytes()
    assert files_of(path) == [("brochure.pdf", CONTENT)]


def named(content, name="offer.pdf"):
    return {"name": name, "size": len(content), "sha256": sha256(content).hexdigest()}


@pytest.mark.parametrize(
    ("attachments", "expected"),
    [
        pytest.param([named(b"offer")], [("offer.pdf", b"offer")], id="another file"),
        pytest.param([], [], id="none"),
    ],
)
def test_an_enrollment_may_have_files_of_its_own(world, sink, attachments, expected):
    version = sequence(world)
    world.sequence(name="other", documents={sha256(b"offer").hexdigest(): b"offer"})
    own = Overrides.from_data({"steps": {"1": {"attachments": attachments}}}).as_stored()
    world.enroll(world.contacts(1), version, world.mailbox(), overrides=own)
    world.enroll(world.contacts(1), version, world.mailbox())
    run(world)
    assert sorted(map(files_of, sink.messages())) == sorted([expected, [("brochure.pdf", CONTENT)]])


@pytest.mark.parametrize(
    ("attachments", "told"),
    [
        ("offer.pdf", "a list"),
        ([named(b"x")] * 11, "at most 10"),
        (["offer.pdf"], "has a name"),
        ([named(b"x") | {"sha256": "../../etc/passwd"}], "64 hexadecimal"),
        ([named(b"x") | {"size": True}], "size"),
        ([named(b"x", "a.pdf\r\nBcc: x@evil.example")], "rename it"),
        ([named(b"x", "../a.pdf")], "rename it"),
        ([named(b"x", "a.exe")], ".exe"),
    ],
)
def test_files_that_make_no_sense_are_refused_with_the_field(attachments, told):
    with pytest.raises(OverrideInvalid, match=r"steps\.1\.attachments") as caught:
        Overrides.from_data({"steps": {"1": {"attachments": attachments}}})
    assert told in str(caught.value)


@pytest.mark.parametrize("changed", [{"sha256": "0" * 64}, {"size": 1}])
def test_a_file_that_is_not_kept_is_refused_before_anything_is_stored(world, changed):
    sequence(world)
    world.mailbox()
    own = {"steps": {"1": {"attachments": [named(CONTENT) | changed]}}}
    options = EnrollmentOptions(overrides=Overrides.from_data(own))
    whom = Segment(contact_ids=tuple(world.contacts(1)))
    with pytest.raises(OverrideInvalid, match=r"steps.1.attachments: there is no such file 'offer.pdf'"):
        begin_batch.fn("hello", "ana", whom, options)
    assert world.one("SELECT count(*) FROM batches") == 0


def test_a_contact_whose_own_file_does_not_fit_is_refused_and_nobody_else(world):
    sequence(world)
    world.mailbox()
    film = Attachment("film.mp4", "video/mp4", 30 * MEGABYTE, "0" * 64)
    one, two = world.contacts(2)
    whom = Segment(contact_ids=(one, two))
    own = {two: Overrides(steps={1: StepOverride(attachments=(film,))})}
    [candidates] = load_candidates.fn(outline_batch.fn("hello", "ana", whom, EnrollmentOptions(), own))
    assert candidates["too_large"].fillna("").tolist() == ["", "step 1: 41.1 MB, the mailbox may send 35 MB"]
