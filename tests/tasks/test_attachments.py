"""Files go with the mails of a step: kept once, read once, never too large for the mailbox."""

from __future__ import annotations

import email
import email.policy
from hashlib import sha256

import pytest
from sqlalchemy import event

from cadenza.domain.attachments import MEGABYTE, Attachment
from tasks.claim_steps import claim_steps
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
