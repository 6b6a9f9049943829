"""Variants, spreads, folders and tracking in sequence files."""

from __future__ import annotations

import pytest

from cadenza.domain.sequence import Delay, DelayUnit, Tracking, Winner, WinnerBy
from cadenza.errors import SequenceInvalid
from cadenza.mail.sequence_file import read_sequence


def read(tmp_path, text: str):
    path = tmp_path / "try.yaml"
    path.write_text(text, encoding="utf-8")
    return read_sequence(path)


HEAD = "steps:\n  - email:\n"
WHOLE = (
    HEAD
    + """\
      subject: A question
      text: Hello {{ contact.first_name }}
      variants:
        - name: question
          share: 60
        - name: short
          share: 40
          subject: In short
          text: Hello {{ contact.city }}
        - name: old
          active: no
          html: <p>Hello</p>
      winner: {by: clicks, after: 250}
"""
)


def test_a_variant_says_what_differs_from_the_others(tmp_path):
    sequence = read(tmp_path, WHOLE)
    step = sequence.step(1)
    assert [(one.name, one.share, one.is_active, one.subject) for one in step.variants] == [
        ("question", 60, True, "A question"),
        ("short", 40, True, "In short"),
        ("old", 1, False, "A question"),
    ]
    assert [one.text.strip() for one in step.variants] == [
        "Hello {{ contact.first_name }}",
        "Hello {{ contact.city }}",
        "",
    ]
    assert (step.subject, step.text.strip()) == ("A question", "Hello {{ contact.first_name }}")
    assert step.winner == Winner(WinnerBy.CLICKS, 250)
    assert sequence.required_tokens == ("contact.first_name", "contact.city")


@pytest.mark.parametrize(
    ("words", "winner"),
    [("", Winner()), ("      winner: no\n", None), ("      winner: yes\n", Winner())],
)
def test_the_best_wins_unless_nobody_is_to(tmp_path, words, winner):
    variants = "      subject: x\n      text: y\n      variants: [{name: a}, {name: b, subject: z}]\n"
    assert read(tmp_path, HEAD + variants + words).step(1).winner == winner


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("name: short", "name: question", "'question' is no name of its own"),
        ("name: short", "name: So Short", "'So Short' is no name of its own"),
        ("share: 40", "share: 0", "'0' is no number from 1 to 1,000"),
        ("share: 40", "share: half", "'half' is no number"),
        ("by: clicks", "by: luck", "'luck' may not stand here"),
        ("after: 250", "after: -1", "'-1' is no number"),
        ("contact.city", "contact.citty", "did you mean contact.city"),
        ("      subject: A question\n", "", "an email needs a 'subject'"),
    ],
)
def test_mistakes_are_named_with_their_line(tmp_path, old, new, told):
    with pytest.raises(SequenceInvalid) as refused:
        read(tmp_path, WHOLE.replace(old, new))
    assert told in str(refused.value)
    assert "line " in str(refused.value)


@pytest.mark.parametrize(
    ("email", "told"),
    [
        ("      subject: x\n      text: y\n      variants: [{name: a}]\n", "2 to 10 variants"),
        ("      subject: x\n      text: y\n      winner: no\n", "nothing to win"),
        (
            "      subject: x\n      text: y\n      variants: [{name: a, active: no}, {name: b, active: no}]\n",
            "one variant at least",
        ),
    ],
)
def test_variants_make_sense_or_are_refused(tmp_path, email, told):
    with pytest.raises(SequenceInvalid, match=told):
        read(tmp_path, HEAD + email)


@pytest.mark.parametrize(
    ("wait", "delay"),
    [
        ("2 days plus up to 3 hours", Delay(2, DelayUnit.DAYS, 180)),
        ("1 business day plus up to 45 minutes", Delay(1, DelayUnit.BUSINESS_DAYS, 45)),
        ("4 hours plus up to 1 day", Delay(4, DelayUnit.HOURS, 1_440)),
        ("3 days", Delay(3)),
    ],
)
def test_a_wait_may_have_a_spread(tmp_path, wait, delay):
    second = f"  - wait: {wait}\n    to-do: {{title: Call}}\n"
    assert read(tmp_path, f"steps:\n  - to-do: {{title: Call}}\n{second}").step(2).delay == delay


def test_a_spread_that_is_none_is_refused(tmp_path):
    with pytest.raises(SequenceInvalid, match="3 days plus up to 4 hours"):
        read(tmp_path, "steps:\n  - to-do: {title: a}\n  - wait: 2 days plus some hours\n    to-do: {title: b}\n")


@pytest.mark.parametrize(
    ("line", "tracking"),
    [
        ("", None),
        ("tracking: no", Tracking()),
        ("tracking: yes", Tracking(True, True)),
        ("tracking: {clicks: yes}", Tracking(clicks=True)),
    ],
)
def test_a_sequence_says_whether_it_is_tracked(tmp_path, line, tracking):
    assert read(tmp_path, f"{line}\nsteps:\n  - to-do: {{title: a}}\n").tracking == tracking


def test_a_sequence_lies_in_a_folder(tmp_path):
    steps = "steps:\n  - to-do: {title: a}\n"
    assert read(tmp_path, f"folder: Sales / Inbound\n{steps}").folder == "Sales/Inbound"
    with pytest.raises(SequenceInvalid, match="is no folder"):
        read(tmp_path, f"folder: Sales//Inbound\n{steps}")
