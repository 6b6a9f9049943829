"""A mail in the folder of a sequence enrolls its other party, in its conversation, on a real mailbox."""

from __future__ import annotations

import email
import smtplib
from email.header import decode_header, make_header
from email.utils import getaddresses

import pytest

from cadenza.mail.filing import Filing
from cadenza.mail.imap import opened
from cadenza.mail.inbox import Inbox
from cadenza.store import database, filed_mails
from cadenza.store.deletions import erase_contact
from flows.enroll_filed import enroll_filed
from flows.watch_mailboxes import watch_mailboxes
from tasks.claim_steps import claim_steps
from tasks.send_email import hand_over
from tasks.take_filed import take_filed

ANA = "sender0@sender.test"
HELLO = "sender0+enroll.hello@sender.test"


@pytest.fixture
def office(world, sink, mail_rig, monkeypatch):
    """The mailbox of a user who may enroll into the sequence 'hello'."""
    monkeypatch.setenv("RIG_PASSWORD", mail_rig.password)
    return Office(world, mail_rig, sink)


class Office:
    def __init__(self, world, rig, sink):
        self.world, self.rig, self.sink = world, rig, sink
        rig.clear(ANA)
        self.mailbox_id = world.mailbox("ana")
        world.rows("UPDATE mailboxes SET address = :a", a=ANA)
        world.rows(
            "UPDATE mailboxes SET imap = jsonb_build_object('host', '127.0.0.1', 'port', CAST(:port AS int), "
            "'security', 'none', 'username', CAST(:a AS text), 'password_env', 'RIG_PASSWORD')",
            port=rig.imap_port, a=ANA,
        )  # fmt: skip
        world.sequence(world.email(1), world.email(2, days=3, reply_to_position=1))

    def open(self):
        [box] = self.world.rows("SELECT id, user_id, address, imap, transport FROM mailboxes")
        return box, opened(self.world.runtime.transports.imap_server(box.id, box.imap, box.transport))

    def take(self):
        """What a watch does with the folders once."""
        box, opening = self.open()
        with opening as client:
            return take_filed(box, Inbox(client, box.address))

    def file(self, raw, folder="Cadenza.hello"):
        self.rig.append(ANA, raw, folder)

    def submit(self, raw, bcc=None):
        """What a mail program does: hand a mail in without its Bcc, and keep a copy with it in the folder Sent."""
        message = email.message_from_bytes(raw)
        to = [address for _, address in getaddresses(message.get_all("To", []) + message.get_all("Cc", []))]
        with smtplib.SMTP(self.rig.host, self.rig.submission_port) as connection:
            connection.starttls()
            connection.login(ANA, self.rig.password)
            connection.sendmail(ANA, [*to, *([bcc] if bcc else [])], raw)
        self.keep(raw, bcc)

    def keep(self, raw, bcc=None):
        self.rig.append(ANA, (f"Bcc: {bcc}\r\n".encode() if bcc else b"") + raw, "Sent")

    def outcomes(self):
        return [(row.outcome, row.code) for row in self.world.rows("SELECT outcome, code FROM filed_mails ORDER BY id")]

    def send(self):
        """The next mail that goes out, as it is on the wire."""
        before = set(self.sink.folder.rglob("new/*"))
        zone = self.world.one("SELECT time_zone FROM enrollments")
        hand_over(claim_steps.fn(zone, read=[self.mailbox_id]).delivery_ids)
        [path] = set(self.sink.folder.rglob("new/*")) - before
        return email.message_from_bytes(path.read_bytes())


def mail(sender="Kim Lee <Kim@customer.test>", to=ANA, subject="Your offer", message="<one@customer.test>", more=""):
    return (
        f"From: {sender}\r\nTo: {to}\r\nSubject: {subject}\r\n"
        f"{f'Message-ID: {message}' if message else 'X-None: 1'}\r\n"
        f"Date: Mon, 02 Mar 2026 07:00:00 +0000\r\n{more}\r\nPlease tell me more.\r\n"
    ).encode()


def test_a_filed_mail_is_answered_by_the_first_email_and_moved_on(office):
    office.file(mail(more="References: <zero@sender.test>\r\n"))
    assert (office.take(), enroll_filed()) == (1, 1)
    assert office.outcomes() == [("enrolled", None)]
    [contact] = office.world.rows("SELECT * FROM contacts")
    assert (contact.email_normalized, contact.first_name, contact.last_name) == ("kim@customer.test", "Kim", "Lee")
    assert office.rig.messages(ANA, "Cadenza.hello") == []
    assert len(office.rig.messages(ANA, "Cadenza.hello.Done")) == 1
    [batch] = office.world.rows("SELECT sender, options FROM batches")
    assert (batch.sender, batch.options["enrolled_by"], batch.options["mailbox_id"]) == (
        "ana",
        "ana",
        office.mailbox_id,
    )
    assert "Your offer" not in str(batch.options)
    sent = office.send()
    assert (sent["Subject"], sent["In-Reply-To"]) == ("Re: Your offer", "<one@customer.test>")
    assert sent["References"].split() == ["<zero@sender.test>", "<one@customer.test>"]
    office.world.runtime.clock.wait(3 * 86_400)
    follow_up = office.send()
    assert follow_up["References"].split() == ["<zero@sender.test>", "<one@customer.test>", sent["Message-ID"]]
    assert follow_up["Subject"] == "Re: Your offer"


@pytest.mark.parametrize(
    ("filed", "address", "names"),
    [
        pytest.param(mail(), "kim@customer.test", ("Kim", "Lee"), id="who wrote"),
        pytest.param(
            mail(sender=f"Ana <{ANA}>", to='Ben <ana@northwind.example>, "Lee, Kim" <kim@customer.test>'),
            "kim@customer.test", ("Kim", "Lee"), id="whom an own mail went to, colleagues aside",
        ),
        pytest.param(mail(sender="kim@customer.test"), "kim@customer.test", (None, None), id="without a name"),
        pytest.param(
            mail(sender="=?utf-8?q?J=C3=BCrgen_M=C3=BCller=00?= <j@customer.test>"),
            "j@customer.test", ("Jürgen", "Müller"), id="an encoded name with a sign that no database takes",
        ),
    ],
)  # fmt: skip
def test_the_other_party_of_a_mail(office, filed, address, names):
    office.file(filed)
    office.take()
    [contact] = office.world.rows("SELECT * FROM contacts")
    assert (contact.email_normalized, (contact.first_name, contact.last_name)) == (address, names)


def test_a_contact_that_is_known_by_another_address_stays_one(office):
    [id] = office.world.contacts(1)
    office.world.rows("INSERT INTO contact_addresses VALUES ('kim@customer.test', :id)", id=id)
    office.file(mail())
    office.take()
    assert office.world.one("SELECT contact_id FROM filed_mails") == id
    assert office.world.one("SELECT count(*) FROM contacts") == 1


def test_a_mail_without_an_id_enrolls_and_begins_a_conversation(office):
    office.file(mail(message="", more="References: <zero@sender.test>\r\n"))
    office.take()
    enroll_filed()
    sent = office.send()
    assert (str(make_header(decode_header(sent["Subject"]))), sent["In-Reply-To"]) == ("Hello 1", None)


def test_filed_twice_and_read_again_it_enrolls_once(office):
    office.file(mail())
    assert (office.take(), enroll_filed()) == (1, 1)
    office.file(mail())
    office.world.rows("UPDATE mailbox_folders SET last_uid = 0")
    assert (office.take(), enroll_filed()) == (0, 0)
    assert office.world.one("SELECT count(*) FROM batches") == 1
    assert len(office.rig.messages(ANA, "Cadenza.hello.Done")) == 2


def test_what_was_noted_when_the_watch_was_killed_is_enrolled_by_the_next(office):
    office.file(mail())
    office.take()
    assert office.outcomes() == [(None, None)]
    assert (enroll_filed(), enroll_filed()) == (1, 0)
    assert office.outcomes() == [("enrolled", None)]


@pytest.mark.parametrize(
    ("change", "filed", "code"),
    [
        ("UPDATE users SET may_enroll = false", mail(), "NO_PERMISSION"),
        ("DELETE FROM sequence_shares", mail(), "SEQUENCE_NOT_SHARED"),
        ("UPDATE sequences SET is_active = false", mail(), "SEQUENCE_INACTIVE"),
        ("SELECT 1", mail(sender=ANA, to=ANA), "EMAIL_MISSING"),
    ],
)
def test_a_refusal_is_kept_and_filing_the_mail_again_asks_again(office, change, filed, code):
    office.world.rows(change)
    office.file(filed)
    office.take()
    enroll_filed()
    assert office.outcomes() == [("refused", code)]
    assert office.world.one("SELECT count(*) FROM enrollments") == 0
    with database.transaction(office.world.runtime.engine) as connection:
        [line] = filed_mails.list_filed(connection)
    assert (line.sequence, line.code) == ("hello", code)
    office.file(filed)
    assert (office.take(), enroll_filed()) == (1, 1)
    assert office.outcomes() == [("refused", code)]


def test_an_erased_contact_leaves_nothing_of_the_mail_and_filed_again_it_is_whole(office):
    office.world.rows("UPDATE users SET may_enroll = false")
    office.file(mail())
    office.take()
    enroll_filed()
    with database.transaction(office.world.runtime.engine) as connection:
        erase_contact(connection, "kim@customer.test", "ana", office.world.now)
    assert office.world.one("SELECT thread FROM filed_mails") == {}
    office.world.rows("UPDATE users SET may_enroll = true")
    office.file(mail())
    assert (office.take(), enroll_filed()) == (1, 1)
    assert office.send()["In-Reply-To"] == "<one@customer.test>"


def test_a_folder_of_no_sequence_is_left_alone(office):
    office.file(mail(), "Cadenza.helo")
    assert office.take() == 0
    assert len(office.rig.messages(ANA, "Cadenza.helo")) == 1


def test_the_folders_are_made_once_and_found(office):
    _, opening = office.open()
    with opening as client:
        filing = Filing(Inbox(client, ANA))
        assert filing.create(["hello", "win_back"]) == filing.create(["hello", "win_back"])
        assert filing.folders() == {"hello": "Cadenza.hello", "win_back": "Cadenza.win_back"}
        assert client.folder_exists("Cadenza.hello.Done")


def test_the_flow_enrolls_within_a_poll(office, prefect_server):
    office.file(mail())
    watch_mailboxes(seconds=6)
    assert office.outcomes() == [("enrolled", None)]


class TestACopyToTheAddressOfASequence:
    """A mail in Bcc to ``ana+enroll.hello@…``; the proof is the mail's copy in the folder of sent mails."""

    @pytest.fixture(autouse=True)
    def _watched(self, office):
        assert office.take() == 0

    def own(self, to="Kim Lee <c0@customer.test>", **fields):
        return mail(sender=f"Ana <{ANA}>", to=to, **fields)

    def test_enrolls_whom_the_mail_went_to_in_its_conversation(self, office):
        office.submit(self.own(), bcc=HELLO)
        [copy] = office.rig.wait_for(ANA)
        assert b"enroll.hello" in copy.partition(b"\r\n\r\n")[0].partition(b"Received:")[0]
        assert b"enroll.hello" not in office.rig.wait_for("c0@customer.test")[-1]
        assert (office.take(), enroll_filed()) == (1, 1)
        assert office.outcomes() == [("enrolled", None)]
        [contact] = office.world.rows("SELECT email_normalized, first_name, last_name FROM contacts")
        assert tuple(contact) == ("c0@customer.test", "Kim", "Lee")
        sent = office.send()
        assert (sent["Subject"], sent["In-Reply-To"]) == ("Re: Your offer", "<one@customer.test>")
        assert len(office.rig.messages(ANA)) == 1

    @pytest.mark.parametrize("field", ["To", "Cc"])
    def test_may_stand_beside_the_recipient_of_a_mail_that_begins_a_conversation(self, office, field):
        if field == "To":
            office.submit(self.own(to=f"{HELLO}, c0@customer.test"))
        else:
            office.submit(self.own(more=f"Cc: {HELLO}\r\n"))
        assert (office.take(), enroll_filed()) == (1, 1)
        assert office.world.one("SELECT email_normalized FROM contacts") == "c0@customer.test"

    def test_counts_once_however_often_it_is_found_or_filed(self, office):
        for _ in range(2):
            office.keep(self.own(), bcc=HELLO.upper())
        assert (office.take(), enroll_filed(), office.take()) == (1, 1, 0)
        office.file(self.own())
        assert (office.take(), enroll_filed()) == (0, 0)
        assert office.world.one("SELECT count(*) FROM batches") == 1

    def test_of_an_alias_counts_for_mails_from_it(self, office):
        office.world.rows("UPDATE mailboxes SET aliases = '{Fair@sender.test}'")
        raw = mail(sender="fair@sender.test", to="c0@customer.test")
        office.keep(raw, bcc="fair+enroll.hello@sender.test")
        assert office.take() == 1

    @pytest.mark.parametrize(
        "forged",
        [
            pytest.param(lambda own: own(message="<new@sender.test>"), id="as from the user"),
            pytest.param(lambda own: own(), id="a mail of the user's, sent on by who got it"),
            pytest.param(lambda own: own(more=f"Bcc: {HELLO}\r\n"), id="with a Bcc that was not there"),
            pytest.param(lambda own: mail(sender="kim@evil.test", to=HELLO), id="from a stranger"),
        ],
    )
    def test_enrolls_nobody_if_the_mail_comes_from_outside(self, office, forged):
        office.submit(self.own())
        office.rig.deliver(ANA, HELLO, forged(self.own))
        office.rig.wait_for(ANA)
        assert (office.take(), enroll_filed()) == (0, 0)
        assert office.world.one("SELECT count(*) FROM contacts") == 0

    @pytest.mark.parametrize(
        "sent",
        [
            pytest.param(lambda own: own(more=f"Cc: {HELLO}\r\nIn-Reply-To: <a@b.test>\r\n"), id="an answer to all"),
            pytest.param(lambda own: own(to=HELLO, more="Auto-Submitted: auto-replied\r\n"), id="a machine's answer"),
            pytest.param(lambda own: mail(to=HELLO), id="of somebody else"),
            pytest.param(lambda own: own(to='"sender0+enroll.hello@sender.test" <c0@customer.test>'), id="a name"),
            pytest.param(lambda own: own(more="Bcc: sender1+enroll.hello@sender.test\r\n"), id="of another mailbox"),
            pytest.param(lambda own: own(more="Bcc: sender0+enroll.@sender.test\r\n"), id="of no sequence"),
        ],
    )
    def test_enrolls_nobody_if_somebody_else_may_have_written_it_there(self, office, sent):
        office.keep(sent(self.own))
        assert (office.take(), enroll_filed()) == (0, 0)
        assert office.world.one("SELECT count(*) FROM contacts") == 0

    @pytest.mark.parametrize(
        ("change", "sequence", "code"),
        [
            ("DELETE FROM sequence_shares", "hello", "SEQUENCE_NOT_SHARED"),
            ("UPDATE users SET may_enroll = false", "hello", "NO_PERMISSION"),
            ("SELECT 1", "helo", "SEQUENCE_INACTIVE"),
        ],
    )
    def test_keeps_to_all_rules_and_tells_why_not(self, office, change, sequence, code):
        office.world.rows(change)
        office.keep(self.own(), bcc=f"sender0+enroll.{sequence}@sender.test")
        assert (office.take(), enroll_filed()) == (1, 1)
        with database.transaction(office.world.runtime.engine) as connection:
            [line] = filed_mails.list_filed(connection)
        assert (line.sequence, line.outcome, line.code) == (sequence, "refused", code)
