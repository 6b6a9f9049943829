"""Sequence files: read, and every mistake named with its line."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from cadenza.domain.sequence import (
    Delay,
    DelayUnit,
    EligibleDays,
    FollowUpPolicy,
    SendWindow,
    Sequence,
    Step,
    StepKind,
    TodoKind,
)
from cadenza.errors import SequenceInvalid
from cadenza.mail.message import Letter, SenderIdentity, StepComposer
from cadenza.mail.sequence_file import read_sequence, read_sequences
from cadenza.mail.templates import compile_template

EXAMPLES = Path(__file__).parents[2] / "examples" / "sequences"
EVERYTHING = """\
name: fair
title: After the fair
description: Everything a file may say.
language: de-AT
time_zone: Europe/Vienna
shared_with: [team:sales, user:ana]
active: no
account_based: yes
follow_ups:
  eligible_days: business_days
  window: 08:30-17:00
fallbacks: {contact.company: Ihr Haus}
steps:
  - email:
      subject: Hallo {{ contact.first_name | default("Sie") }}
      text: |
        Was macht {{ contact.company }} in {{ contact.city }}?
  - wait: 2 business days
    to-do: {kind: call, title: "{{ contact.last_name }} anrufen", notes: kurz, priority: high, blocking: false}
  - wait: 90 minutes
    email: {reply_to: previous, html: "<p>Noch da?</p>"}
  - wait: 1 day
    email: {reply_to: 1, text: Letzte Nachricht.}
"""


def read(tmp_path, text, name="fair.yaml"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return read_sequence(path)


def problems(tmp_path, text):
    with pytest.raises(SequenceInvalid) as caught:
        read(tmp_path, text)
    return str(caught.value).splitlines()


def email_with(line):
    return f"steps:\n  - email:\n      subject: x\n      {line}\n"


def test_a_file_says_everything_about_a_sequence(tmp_path):
    assert read(tmp_path, EVERYTHING) == Sequence(
        name="fair",
        title="After the fair",
        description="Everything a file may say.",
        language="de-AT",
        time_zone="Europe/Vienna",
        shared_with=("team:sales", "user:ana"),
        is_active=False,
        account_based=True,
        automations=(),
        follow_ups=FollowUpPolicy(EligibleDays.BUSINESS_DAYS, SendWindow(510, 1020)),
        fallbacks={"contact.company": "Ihr Haus"},
        required_tokens=("contact.city", "contact.last_name"),
        steps=(
            Step(
                1,
                StepKind.EMAIL,
                subject='Hallo {{ contact.first_name | default("Sie") }}',
                text="Was macht {{ contact.company }} in {{ contact.city }}?\n",
            ),
            Step(
                2,
                StepKind.TODO,
                Delay(2, DelayUnit.BUSINESS_DAYS),
                todo_kind=TodoKind.CALL,
                title="{{ contact.last_name }} anrufen",
                notes="kurz",
                priority="high",
                is_blocking=False,
            ),
            Step(3, StepKind.EMAIL, Delay(90, DelayUnit.MINUTES), html="<p>Noch da?</p>", reply_to_position=1),
            Step(4, StepKind.EMAIL, Delay(1, DelayUnit.DAYS), text="Letzte Nachricht.", reply_to_position=1),
        ),
    )


def test_little_is_enough(tmp_path):
    sequence = read(tmp_path, email_with("text: Hello"), "two_words.yaml")
    assert (sequence.name, sequence.title, sequence.shared_with) == ("two_words", "Two words", ("everyone",))
    assert sequence.follow_ups == FollowUpPolicy(EligibleDays.WEEKDAYS_ONLY, None)


def test_every_mistake_is_named_at_once(tmp_path):
    text = """\
titel: x
time_zone: Europe/Berlim
follow_ups: {eligible_days: weekdays, window: 17:00-09:00}
shared_with: all
fallbacks: {contact.frist_name: x, sender.name: y}
steps:
  - wait: 3 days
    email:
      subject: Hi {{ contact.firstname }}
      text: |
        one
        {% for x in contact %}{% endfor %}
      html: "<script>{{ contact.x }}</script>"
  - wait: soon
    email: {reply_to: 7}
  - to-do: {kind: phone, blocking: maybe, title: "{{ unsubscribe_url }}"}
  - subject: x
"""
    found = problems(tmp_path, text)
    lines = [int(problem.split("line ")[1].split(":")[0]) for problem in found]
    assert lines == sorted(lines)
    assert set(lines) == {1, 2, 3, 4, 5, 7, 9, 12, 13, 14, 15, 16, 17}
    for words in (
        "fair.yaml, line 1: there is no field 'titel': did you mean 'title'?",
        "did you mean Europe/Berlin?",
        "Choose one of everyday, weekdays_only, business_days.",
        "write 09:00-17:00",
        "write everyone, team:NAME or user:HANDLE.",
        "steps[1].email.subject: there is no token contact.firstname: did you mean contact.first_name?",
        "a loop may not stand in a template",
        "'soon' is no time to wait: write 3 days",
        "write previous or one of 1.",
        "Choose one of call, manual_email, linkedin_message, linkedin_connection, general.",
    ):
        assert any(words in problem for problem in found), words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1: the file is empty"),
        ("- a\n", "line 1: write 'name: value' lines"),
        ("title: x\n", "'steps' is missing"),
        ("title: x\nsteps: []\n", "line 2: steps: a sequence has 1 to 100 steps"),
        ("title: a: b\n", "line 1: this is no YAML"),
        ("steps:\n\t- email: x\n", "line 2: this is no YAML"),
        ("title: \x07\n", "this is no YAML"),
        ("title: *nobody\nsteps: []\n", "line 1: this is no YAML"),
        ("title: x\ntitle: y\n", "line 2: 'title' stands here twice"),
        ("title: !!python/object/apply:os.system [ls]\n", "title: write a text here"),
        ("title: !evil x\n", "title: the tag !evil may not stand here"),
        ("[" * 3_000, "line 1"),
        ("# " + "x" * 1_000_001, "1,000,000 are the most"),
        (email_with("text: '{{ a'"), "line 4"),
        (email_with("txet: x"), "did you mean 'text'?"),
        ("steps:\n  - email: {text: x}\n", "an email needs a 'subject'"),
        (email_with("reply_to: 1"), "there is none before"),
        ("steps:\n  - email: {subject: a, text: b}\n    to-do: {title: c}\n", "either 'email' or 'to-do'"),
        (email_with("html: <table>{% if contact.a %}<tr><td>x</td></tr>{% endif %}</table>"), "need a 'text' beside"),
    ],
)
def test_a_file_that_is_no_sequence_is_named_with_its_line(tmp_path, text, words):
    assert words in "\n".join(problems(tmp_path, text))


def test_a_file_in_another_encoding_is_named(tmp_path):
    path = tmp_path / "alt.yaml"
    path.write_bytes("title: Grüße\n".encode("latin-1"))
    with pytest.raises(SequenceInvalid, match="UTF-8"):
        read_sequence(path)
    with pytest.raises(SequenceInvalid, match="cannot be read"):
        read_sequence(tmp_path / "nobody.yaml")


def test_a_folder_is_read_as_a_whole_or_not_at_all(tmp_path):
    (tmp_path / "a.yaml").write_text(email_with("text: x"))
    (tmp_path / "b.yml").write_text("name: a\n" + email_with("text: x"))
    (tmp_path / "c.yaml").write_text("")
    (tmp_path / "notes.txt").write_text("not read")
    with pytest.raises(SequenceInvalid) as caught:
        read_sequences(tmp_path)
    assert [line.split(",")[0] for line in str(caught.value).splitlines()] == ["b.yml", "c.yaml"]
    with pytest.raises(SequenceInvalid, match="no folder"):
        read_sequences(tmp_path / "nowhere")


def test_the_examples_are_read():
    assert [sequence.name for sequence in read_sequences(EXAMPLES)] == [
        "inbound_demo_request",
        "nachfassen_messe",
        "post_event",
        "reengage_inactive",
        "targeted_segment",
    ]


@pytest.mark.parametrize("sequence", read_sequences(EXAMPLES), ids=lambda sequence: sequence.name)
@pytest.mark.parametrize("is_full", [True, False])
def test_the_examples_read_well_with_and_without_values(sequence, is_full):
    """Nothing is missing, doubled or left empty, whatever a contact lacks beyond the required tokens."""
    contact = {"first_name": "Kim", "last_name": "Doe", "job_title": "Head of Logistics", "phone": "+49 40 1"}
    values = {"contact": contact if is_full else {}, "company": {}, "sequence": {"title": sequence.title}}
    for path in (*sequence.fallbacks, *sequence.required_tokens):
        root, _, name = path.partition(".")
        values[root] = {**values[root], name: sequence.fallbacks.get(path, "Customer Ltd")}
    sender = SenderIdentity("ana@northwind.example", "Ana", "Northwind, Hamburg", {"name": "Ana", "first_name": "Ana"})
    for step in sequence.steps:
        if step.kind is StepKind.TODO:
            texts = [compile_template(step.title, is_html=False).render({**values, "sender": {"name": "Ana"}})]
        else:
            composer = StepComposer(step, sequence, sender)
            link = "https://x.example/u/t"
            composed = composer.compose(Letter("k@x.example", "", "<1@x>", datetime.now(UTC), values, link))
            filled = {**values, "sender": dict(sender.values), "unsubscribe_url": link}
            texts = [composed.subject, composer.bodies.text.render(filled)]
            assert "<p></p>" not in composer.bodies.html.render(filled)
        for text in texts:
            assert text.strip()
            assert "\n\n\n" not in text
            assert not any(sign in text for sign in ("{", "}", " ,", " .", "None")), text
