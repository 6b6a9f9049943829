"""Files that go with mails: which may, how they travel, and how large a mail becomes."""

from __future__ import annotations

import email
import email.policy
import io
import zipfile
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from cadenza.domain.attachments import MEGABYTE, Attachment, largest_mail
from cadenza.domain.sequence import Sequence, Step, StepKind
from cadenza.errors import SequenceInvalid
from cadenza.mail.attachments import appendix, check_sizes, mail_size
from cadenza.mail.message import Letter, SenderIdentity, StepComposer
from cadenza.mail.sequence_file import parse_sequence, read_sequence

LETTER = Letter(
    "kim@customer.example", "Kim Doe", "<1.1.0af3@northwind.example>", datetime(2026, 3, 2, 9, tzinfo=UTC), {},
    "https://cadenza.example/unsubscribe/t0k",
)  # fmt: skip


def a_file(folder, *names, **contents):
    lines = "".join(f"        - {name}\n" for name in names)
    path = folder / "fair.yaml"
    path.write_text(f"steps:\n  - email:\n      subject: x\n      text: Hello.\n      attachments:\n{lines}")
    return path


def archive(*names):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for name in names:
            file.writestr(name, "x")
    return packed.getvalue()


def test_a_step_names_files_beside_the_sequence_or_below(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "prices.xlsx").write_bytes(archive("xl/workbook.xml"))
    (tmp_path / "brochure.pdf").write_bytes(b"%PDF-1.7 ...")
    sequence = read_sequence(a_file(tmp_path, "brochure.pdf", "docs/prices.xlsx"))
    brochure, prices = sequence.steps[0].attachments
    assert brochure == Attachment("brochure.pdf", "application/pdf", 12, sha256(b"%PDF-1.7 ...").hexdigest())
    assert prices.name == "prices.xlsx"
    assert sequence.documents[brochure.sha256] == b"%PDF-1.7 ..."
    assert Sequence.from_definition(sequence.as_definition()).steps == sequence.steps


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        pytest.param("setup.exe", b"x", "refuse .exe files", id="a program"),
        pytest.param("Offer.pdf.JS", b"x", "refuse .js files", id="a script behind another ending"),
        pytest.param("offer.pdf", b"MZ\x90", "it is a program", id="a program under another name"),
        pytest.param("offer.zip", archive("a.txt", "run/me.vbs"), "'run/me.vbs' in it", id="a script in an archive"),
        pytest.param("offer.pdf", b"", "empty", id="nothing"),
        pytest.param('of"fer.pdf', b"x", "rename it", id="a name that some systems do not take"),
        pytest.param("offer.exe.", b"x", "rename it", id="a name whose end some systems drop"),
        pytest.param("../secret.pdf", b"x", "elsewhere", id="outside of the folder"),
        pytest.param("link.pdf", None, "elsewhere", id="a link to the outside"),
        pytest.param("/etc/hostname", None, "elsewhere", id="anywhere on the machine"),
        pytest.param("missing.pdf", None, "there is no file", id="not there"),
        pytest.param("folder", None, "there is no file", id="a folder"),
    ],
)
def test_a_file_that_may_not_go_with_a_mail_is_refused_with_the_reason_and_the_line(tmp_path, name, content, told):
    here = tmp_path / "here"
    (here / "folder").mkdir(parents=True)
    (here / "link.pdf").symlink_to("/etc/hostname")
    if content is not None:
        (here / name).write_bytes(content)
    with pytest.raises(SequenceInvalid, match=r"line 6: steps\[1\]\.email\.attachments\[1\]") as caught:
        read_sequence(a_file(here, f"'{name}'"))
    assert told in str(caught.value)


def test_a_definition_from_the_network_attaches_no_file_of_this_machine(tmp_path, monkeypatch):
    (tmp_path / "brochure.pdf").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SequenceInvalid, match="cadenza sequences load"):
        parse_sequence(a_file(tmp_path, "brochure.pdf").read_text(), "fair")


@pytest.mark.parametrize(
    "name", ["brochure.pdf", "Broschüre für Köln – 2026.pdf", "x" * 140 + ".pdf", "日本" * 40 + ".pdf", "a'b%20;c.txt"]
)
def test_a_mail_with_attachments_reads_back_as_it_was_meant(name):
    content = bytes(range(256)) * 50 + b"\r\n.\r\n"
    one = Attachment(name, "application/pdf", len(content), "1")
    two = Attachment("terms.txt", "text/plain", 5, "2")
    step = Step(1, StepKind.EMAIL, subject="Hi", text="Hello.\n", html="<p>Hello.</p>", attachments=(one, two))
    composed = StepComposer(step, Sequence("s", "S", (step,)), SenderIdentity("a@northwind.example", "", "", {}))
    body, files = composed.compose(LETTER).message, appendix(step.attachments, {"1": content, "2": b"terms"})
    mail = email.message_from_bytes(body + files, policy=email.policy.default)
    assert not any(part.defects for part in mail.walk())
    assert mail.get_content_type() == "multipart/mixed"
    assert mail.get_body(("plain",)).get_content().startswith("Hello.")
    assert [
        (part.get_filename(), part.get_content_type(), part.get_content_disposition(), part.get_payload(decode=True))
        for part in mail.iter_attachments()
    ] == [
        (name, "application/pdf", "attachment", content),
        ("terms.txt", "text/plain", "attachment", b"terms"),
    ]
    assert max(map(len, (body + files).split(b"\r\n"))) <= 998
    assert b"\n." not in files
    assert len(files) <= one.encoded_size + two.encoded_size
    assert len(body) + len(files) <= mail_size(step)


@pytest.mark.parametrize(
    ("transport", "said", "largest_mb", "expected"),
    [
        pytest.param({"kind": "sink"}, None, 35, 35, id="the installation's own limit"),
        pytest.param({"host": "smtp.gmail.com"}, 34 * MEGABYTE, 35, 25, id="less than Gmail's server says"),
        pytest.param({"host": "smtp.office365.com"}, 150 * MEGABYTE, 50, 35, id="Microsoft 365"),
        pytest.param({"host": "mail.firm.example"}, 10 * MEGABYTE, 35, 10, id="what the server says"),
        pytest.param({"host": "gmail.com.evil.example"}, None, 40, 40, id="another server"),
        pytest.param({"host": "smtp.office365.com", "largest_mail_mb": 60}, 1, 100, 60, id="the mailbox's own"),
        pytest.param({"host": "mail.firm.example", "largest_mail_mb": 60}, None, 35, 35, id="never more than all may"),
    ],
)
def test_the_largest_mail_is_the_mailboxs_the_providers_or_the_servers(transport, said, largest_mb, expected):
    assert largest_mail(transport, said, largest_mb) == expected * MEGABYTE


def test_a_mail_that_no_mailbox_takes_is_named_with_its_files():
    film = Attachment("film.mp4", "video/mp4", 20 * MEGABYTE, "1")
    sequence = Sequence("fair", "Fair", (Step(1, StepKind.EMAIL, text="x", attachments=(film,)),))
    check_sizes([sequence], 35 * MEGABYTE)
    with pytest.raises(SequenceInvalid, match=r"fair, step 1: the mail comes to 27.5 MB with film.mp4 \(20 MB\)"):
        check_sizes([sequence], 25 * MEGABYTE)
