"""The commands around automations: which are there, what did they do, and what would they do?"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from cadenza.cli.connection import connect, transaction
from cadenza.cli.output import console, count, instant, rows, show, table
from cadenza.errors import NotFound, NotRunning

if TYPE_CHECKING:
    from cadenza.store.automations import StoredRule

automation_app = typer.Typer(
    no_args_is_help=True, help="Automations: rules that enroll and unenroll contacts by what they do."
)

Sequence = Annotated[str, typer.Argument(metavar="SEQUENCE", help="The sequence.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The automation, as 'cadenza automation list' shows it.")]
Limit = Annotated[int, typer.Option(min=1, help="At most so many contacts.")]

#: The states of firings in the order in which they are shown.
STATES = ("waiting", "enrolled", "refused", "cancelled", "unenrolled")


@automation_app.command("list")
def list_(sequence: Annotated[str | None, typer.Argument(metavar="SEQUENCE", help="Only of this one.")] = None) -> None:
    """Show every automation with what it did so far."""
    from cadenza.store.automations import list_rules
    from cadenza.store.sequences import find_sequence

    with transaction() as connection:
        if sequence:
            find_sequence(connection, sequence)
        rules = list_rules(connection, sequence)
    if not rules:
        show("There are no automations yet: write some below 'automations:' in a sequence's file and load it.")
        return
    drawn = table("sequence", "automation", "on", "when", "does", "so far")
    show(
        rows(
            drawn,
            (
                (
                    one.sequence,
                    one.rule.name,
                    "on" if one.is_on else "off",
                    one.rule.trigger.words,
                    _does(one),
                    ", ".join(f"{one.counts[state]:,} {state}" for state in STATES if state in one.counts),
                )
                for one in rules
            ),
        )
    )


@automation_app.command("show")
def show_(sequence: Sequence, name: Name, limit: Limit = 20) -> None:
    """Show one automation, and what it did with whom and why."""
    from cadenza.store.automations import find_rule
    from cadenza.store.firings import list_firings

    with transaction() as connection:
        one = find_rule(connection, sequence, name)
        fired = list_firings(connection, one.id, limit)
    state = f"on since {instant(one.on_since)}" if one.is_on else "off"
    show(f"[bold]{sequence}[/] · {name}: {state}")
    facts = {"when": one.rule.trigger.words, "does": _does(one), "sender": one.rule.sender_words}
    _show_facts((word, fact) for word, fact in facts.items() if fact)
    if not fired:
        show("It has done nothing yet.")
        return
    drawn = table("contact", "because of", "at", "due", "state", "code", "remedy", right=("contact",))
    show(
        rows(
            drawn,
            (
                (
                    firing.contact_id,
                    firing.signal,
                    instant(firing.fired_at),
                    instant(firing.due_at),
                    firing.state,
                    firing.code,
                    firing.remedy,
                )
                for firing in fired
            ),
        )
    )
    total = sum(one.counts.values())
    if total > len(fired):
        show(f"[dim]The latest {len(fired):,} of {total:,}: more with --limit.[/]")


@automation_app.command("on")
def on(sequence: Sequence, name: Name) -> None:
    """Switch an automation on: what happens from now on counts."""
    from cadenza.store.firings import is_any_rule_on

    with transaction() as connection:
        is_looked_after = is_any_rule_on(connection)
    _switch(sequence, name, is_on=True)
    if not is_looked_after and connect():
        from tasks.start_run import start_run

        with suppress(NotFound, NotRunning):  # its schedule starts it within five minutes
            start_run("automate/automate", {})


@automation_app.command("off")
def off(sequence: Sequence, name: Name) -> None:
    """Switch an automation off: who waits for it is not enrolled."""
    _switch(sequence, name, is_on=False)


@automation_app.command("try")
def try_(
    sequence: Sequence,
    name: Name,
    days: Annotated[int, typer.Option(min=1, max=365, help="Over so many days until now.")] = 30,
    limit: Limit = 20,
) -> None:
    """Show whom an automation would have taken, and who would be refused why; nothing is written."""
    connect()
    with console().status(f"Looking at what was kept of the last {count(days, 'day')}"):
        from flows.try_rule import try_rule

        trial = try_rule(sequence, name, days)
    if not trial.taken:
        show(f"Nobody: nothing that was kept of the last {count(days, 'day')} fits. {trial.hint}".strip())
        return
    by_code: dict[str, int] = {}
    for one in trial.taken:
        by_code[one.code or one.outcome] = by_code.get(one.code or one.outcome, 0) + 1
    said = ", ".join(f"{number:,} {word}" for word, number in sorted(by_code.items(), key=lambda item: -item[1]))
    show(f"{count(len(trial.taken), 'contact')} of the last {count(days, 'day')}: {said}. Nothing was written.")
    drawn = table("contact", "because of", "at", "sender", "outcome", "code", "remedy", right=("contact",))
    show(
        rows(
            drawn,
            (
                (one.contact_id, one.signal, instant(one.at), one.sender, one.outcome, one.code, one.remedy)
                for one in trial.taken[:limit]
            ),
        )
    )
    if len(trial.taken) > limit:
        show(f"[dim]The first {limit}: more with --limit.[/]")


@automation_app.command("keys")
def keys() -> None:
    """Show what signs events, and the script tag for pages."""
    from cadenza.runtime import current

    connect()
    runtime = current()
    url = runtime.settings.public_url
    _show_facts(
        (
            ("forms", f"POST {url}/events/forms"),
            ("page views", f"POST {url}/events/page-views"),
            ("key (keep it secret)", runtime.events_key),
            ("script tag", f'<script async src="{url}/events/cadenza.js" data-site="{runtime.site_key}"></script>'),
            ("pages of", ", ".join(runtime.settings.event_origins) or "no site yet: set event_origins"),
        )
    )


def _show_facts(facts: Iterable[tuple[str, str]]) -> None:
    drawn = table("", "")
    drawn.show_header = False
    show(rows(drawn, facts))


def _switch(sequence: str, name: str, *, is_on: bool) -> None:
    from cadenza.runtime import current
    from cadenza.store.automations import find_rule, switch_rule

    with transaction() as connection:
        one = find_rule(connection, sequence, name)
        changed = switch_rule(connection, one.id, is_on, current().clock.now())
    word = "on" if is_on else "off"
    show(f"[green]✓[/] {name} is {word}." if changed else f"{name} was {word} already.")


def _does(one: StoredRule) -> str:
    """The action in words."""
    rule = one.rule
    after = f" after {_span(rule.delay_minutes)}" if rule.delay_minutes else ""
    reason = f": {rule.reason}" if rule.reason else ""
    return f"{rule.action}{after}{reason}"


def _span(minutes: int) -> str:
    for size, noun in ((1440, "day"), (60, "hour")):
        if minutes % size == 0:
            return count(minutes // size, noun)
    return count(minutes, "minute")
