"""The automations of a sequence file: read, and every mistake named with its line."""

from __future__ import annotations

import pytest

from cadenza.domain.automation import Action, PageMatch, Rule, Trigger, TriggerKind
from cadenza.errors import SequenceInvalid
from cadenza.mail.sequence_file import read_sequence

STEPS = "steps: [{email: {subject: Hi, text: Hi}}]\n"


def read(tmp_path, automations: str) -> tuple[Rule, ...] | None:
    path = tmp_path / "hello.yaml"
    path.write_text(f"{STEPS}automations:\n{automations}", encoding="utf-8")
    return read_sequence(path).automations


def test_a_file_says_everything_about_an_automation(tmp_path):
    rules = read(
        tmp_path,
        """
  - name: demo
    when: {form: [demo, contact-us]}
    delay: 2 hours
    sender: {property: Account manager, otherwise: ana}
    repeat: yes
  - {name: any, when: {form: any}, sender: ana, active: no}
  - {name: pricing, when: {page_contains: pricing}, delay: 30, sender: ana}
  - {name: won, when: {property: stage, from: open, to: won}, do: unenroll, reason: bought}
""",
    )
    assert rules == (
        Rule("demo", Trigger(TriggerKind.FORM, ("demo", "contact-us")), delay_minutes=120,
             sender_property="account_manager", fallback_sender="ana", is_repeating=True),
        Rule("any", Trigger(TriggerKind.FORM), sender="ana", is_on=False),
        Rule("pricing", Trigger(TriggerKind.PAGE_VIEW, ("pricing",), PageMatch.CONTAINS), delay_minutes=30,
             sender="ana"),
        Rule("won", Trigger(TriggerKind.PROPERTY, ("stage",), from_value="open", to_value="won"), Action.UNENROLL,
             reason="bought"),
    )  # fmt: skip
    assert tuple(Rule.from_definition(rule.as_definition()) for rule in rules) == rules


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("{name: Demo!, when: {form: x}, sender: ana}", "'Demo!' is no name"),
        ("{name: x, sender: ana}", "'when' is missing"),
        ("{name: x, when: {form: x}}", "'sender' is missing"),
        ("{name: x, when: {form: x, page_equals: y}, sender: ana}", "exactly one of form, page_equals"),
        ("{name: x, when: {forms: x}, sender: ana}", "did you mean 'form'?"),
        ("{name: x, when: {form: x, to: y}, sender: ana}", "only a property has 'from' and 'to'"),
        ("{name: x, when: {form: ''}, sender: ana}", "none of them empty"),
        ("{name: x, when: {form: x}, sender: ana, delay: soon}", "'soon' is no delay"),
        ("{name: x, when: {form: x}, sender: ana, delay: 366 days}", "365 days at most"),
        ("{name: x, when: {form: x}, sender: ana, do: remove}", "Choose one of enroll, unenroll"),
        ("{name: x, when: {form: x}, sender: ana, do: unenroll}", "only an automation that enrolls has a sender"),
        ("{name: x, when: {form: x}, sender: ana, reason: y}", "only an automation that unenrolls has a reason"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path, rule, words):
    with pytest.raises(SequenceInvalid) as error:
        read(tmp_path, f"  - {rule}\n")
    assert "hello.yaml, line 3: automations[1]" in str(error.value)
    assert words in str(error.value)


def test_two_of_one_name_are_a_mistake(tmp_path):
    with pytest.raises(SequenceInvalid, match="another automation is named 'x' too"):
        read(tmp_path, 2 * "  - {name: x, when: {form: x}, sender: ana}\n")
