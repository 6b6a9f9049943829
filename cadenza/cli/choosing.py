"""Which options for steps, texts and tokens does a command line choose?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from cadenza.cli.connection import transaction
from cadenza.domain.attachments import Attachment
from cadenza.domain.overrides import Overrides
from cadenza.errors import WrongUse

Delays = Annotated[list[str] | None, typer.Option("--delay", help="STEP=3d, 2bd, 4h, 90m or now; may be repeated.")]
Subjects = Annotated[list[str] | None, typer.Option("--subject", help="STEP=SUBJECT; may be repeated.")]
Texts = Annotated[list[str] | None, typer.Option("--text", help="STEP=TEXT, or STEP=@FILE; may be repeated.")]
Htmls = Annotated[list[str] | None, typer.Option("--html", help="STEP=HTML, or STEP=@FILE; may be repeated.")]
Files = Annotated[list[str] | None, typer.Option("--attach", help="STEP=FILE that goes with an email; repeatable.")]
Titles = Annotated[list[str] | None, typer.Option("--title", help="STEP=TITLE of a to-do; may be repeated.")]
Continues = Annotated[
    list[int] | None, typer.Option("--continue", help="Go on without waiting for the to-do of this step.")
]
Tokens = Annotated[list[str] | None, typer.Option("--token", help="contact.first_name=VALUE, for everybody.")]
Fallbacks = Annotated[
    list[str] | None, typer.Option("--fallback", help="contact.first_name=VALUE, for those who have none.")
]
Alias = Annotated[str | None, typer.Option("--alias", help="Send from this alias of the mailbox.")]
Days = Annotated[str | None, typer.Option("--days", help="Follow-ups: everyday, weekdays_only or business_days.")]
Window = Annotated[str | None, typer.Option("--window", help="Follow-ups between local times: 09:00-17:00.")]
FromColumns = Annotated[
    bool, typer.Option("--from-columns", help="Take each contact's own options from columns of its list.")
]


def overrides_of(
    delays: Delays = None,
    subjects: Subjects = None,
    texts: Texts = None,
    htmls: Htmls = None,
    files: Files = None,
    titles: Titles = None,
    continues: Continues = None,
    tokens: Tokens = None,
    fallbacks: Fallbacks = None,
    alias: Alias = None,
    days: Days = None,
    window: Window = None,
) -> dict[str, Any]:
    """What the options say, as ``Overrides.from_data`` reads it.

    Raises:
        WrongUse: an option is not NAME=VALUE, or is given twice with different values; names both.
        OverrideInvalid: a value may not stand there; names the option.
    """
    steps: dict[str, dict[str, Any]] = {}
    of_steps = {"delay": delays, "subject": subjects, "text": texts, "html": htmls, "title": titles}
    for name, given in of_steps.items():
        for step, value in _pairs(f"--{name}", given).items():
            steps.setdefault(step, {})[name] = _text_of(value, name) if name in ("text", "html") else value
    for step, (attachment, _) in _attached(files):
        steps.setdefault(step, {}).setdefault("attachments", []).append(asdict(attachment))
    for position in continues or ():
        steps.setdefault(str(position), {})["is_blocking"] = False
    data = {
        "from_alias": alias,
        "follow_ups": {"eligible_days": days, "window": window},
        "steps": steps,
        "token_values": _pairs("--token", tokens),
        "fallbacks": _pairs("--fallback", fallbacks),
    }
    return Overrides.from_data(data).as_data()


def keep_files(files: Iterable[str] | None) -> None:
    """Keep what ``--attach`` names, for the mails that will take it along."""
    from cadenza.store.documents import keep_documents

    if found := {attachment.sha256: content for _, (attachment, content) in _attached(files)}:
        with transaction() as connection:
            keep_documents(connection, found)


def _attached(files: Iterable[str] | None) -> Iterator[tuple[str, tuple[Attachment, bytes]]]:
    """The files with their bytes, each after its step."""
    from cadenza.mail.attachment_file import attached

    for one in files or ():
        step, equals, path = one.partition("=")
        if not equals:
            raise WrongUse(f"--attach {one!r} is not STEP=FILE, such as 2=offer.pdf.")
        try:
            yield step.strip(), attached(Path(path).expanduser())
        except ValueError as error:
            raise WrongUse(f"--attach {error}") from error


def _pairs(option: str, given: Iterable[str] | None) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for one in given or ():
        name, equals, value = one.partition("=")
        name = name.strip()
        if not equals or not name:
            raise WrongUse(f"{option} {one!r} is not NAME=VALUE, such as 2=3d or contact.first_name=Kim.")
        if pairs.get(name, value) != value:
            raise WrongUse(f"{option} {name}={pairs[name]} and {option} {one}: choose one of the two.")
        pairs[name] = value
    return pairs


def _text_of(value: str, name: str) -> str:
    """Words, or what stands in the file that is named, with their snippets."""
    from cadenza.mail.sequence_file import SNIPPETS
    from cadenza.mail.snippets import with_snippets
    from cadenza.runtime import current

    try:
        words = Path(value[1:]).read_text(encoding="utf-8") if value.startswith("@") else value
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUse(f"{value[1:]} cannot be read as text ({type(error).__name__}): name a file in UTF-8.") from error
    return with_snippets(words, current().settings.sequences_folder / SNIPPETS, is_html=name == "html")
