"""What does one step of a sequence file say?"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from cadenza.domain.sequence import Delay, DelayUnit, Step, StepKind, TodoKind
from cadenza.domain.variants import written
from cadenza.errors import TemplateInvalid
from cadenza.mail.attachment_file import read_attachments
from cadenza.mail.bodies import Bodies
from cadenza.mail.snippets import with_snippets
from cadenza.mail.templates import compile_template
from cadenza.mail.variant_file import read_variants, read_winner
from cadenza.mail.yaml_tree import Item

_WAIT: Final = re.compile(
    r"(\d{1,5})\s+(business[ _]day|day|hour|minute)s?(?:\s+plus\s+up\s+to\s+(\d{1,3})\s+(day|hour|minute)s?)?"
)
TEXTS: Final = ("subject", "text", "html")
_PRIORITIES: Final = ("none", "low", "medium", "high")
_UNITS: Final = {
    "minute": DelayUnit.MINUTES,
    "hour": DelayUnit.HOURS,
    "day": DelayUnit.DAYS,
    "business day": DelayUnit.BUSINESS_DAYS,
}
_MINUTES: Final = {"minute": 1, "hour": 60, "day": 1440}


class StepReader:
    """Reads steps in order and remembers what their templates use."""

    def __init__(self, snippets: Path, files: Path | None) -> None:
        #: The folder of snippets that templates may include.
        self.snippets = snippets
        #: The folder of files that mails may take along; None: none may.
        self.files = files
        #: The bytes of those that do, by their hash.
        self.documents: dict[str, bytes] = {}
        self.steps: list[Step] = []
        self.tokens: dict[str, None] = {}
        #: Tokens of the contact and the company that have no default.
        self.required: dict[str, None] = {}

    def read(self, item: Item) -> None:
        """One more step."""
        position = len(self.steps) + 1
        entries = item.fields(("wait", "email", "to-do"))
        delay = self._delay(entries.get("wait"), position)
        given = [name for name in ("email", "to-do") if name in entries]
        if len(given) != 1:
            item.wrong("a step has either 'email' or 'to-do'.")
            self.steps.append(Step(position, StepKind.TODO, delay))
        elif given == ["email"]:
            self.steps.append(self._email(entries["email"], position, delay))
        else:
            self.steps.append(self._todo(entries["to-do"], position, delay))

    def look_at_fallbacks(self, item: Item | None, fallbacks: Mapping[str, str]) -> None:
        """Note fallbacks that nothing uses: most often their names are mistyped."""
        for path in fallbacks:
            if item and path not in self.tokens:
                near = difflib.get_close_matches(path, self.tokens, n=1)
                item.wrong(f"no step uses {path!r}{f': did you mean {near[0]}?' if near else '.'}")

    def _delay(self, item: Item | None, position: int) -> Delay:
        words = item.text().strip() if item else ""
        if not item or not words:
            return Delay()
        found = _WAIT.fullmatch(words)
        if position == 1:
            item.wrong("the first step has no wait: its time is chosen when contacts are enrolled.")
        elif not found:
            item.wrong(
                f"{words!r} is no time to wait: write 3 days, 2 business days, 4 hours or 90 minutes, "
                "or 3 days plus up to 4 hours."
            )
        if not found:
            return Delay()
        spread = int(found[3]) * _MINUTES[found[4]] if found[3] else 0
        return Delay(int(found[1]), _UNITS[found[2].replace("_", " ")], spread)

    def _email(self, item: Item, position: int, delay: Delay) -> Step:
        entries = item.fields((*TEXTS, "reply_to", "attachments", "variants", "winner"))
        before = len(item.problems.found)
        step = Step(
            position,
            StepKind.EMAIL,
            delay,
            reply_to_position=self._reply_to(entries.get("reply_to")),
            attachments=read_attachments(entries.get("attachments"), self.files, self.documents),
        )
        if "variants" not in entries:
            if "winner" in entries:
                entries["winner"].wrong("there is nothing to win: the email has no 'variants'.")
            texts = self._texts(item, entries, "reply_to" in entries)
            step = replace(step, subject=texts["subject"], text=texts["text"], html=texts["html"])
        else:
            variants = read_variants(
                entries["variants"],
                lambda one, own: self._texts(one, {**_common(entries, own), **own}, "reply_to" in entries),
            )
            if variants:
                first = next((one for one in variants if one.is_active), variants[0])
                step = replace(
                    step,
                    subject=first.subject, text=first.text, html=first.html,
                    variants=variants,
                    winner=read_winner(entries.get("winner")),
                )  # fmt: skip
        if (step.html or step.text) and len(item.problems.found) == before:
            for variant in step.variants or (None,):
                self._try_out(item if variant else entries["html" if step.html else "text"], written(step, variant))
        return step

    def _texts(self, item: Item, entries: Mapping[str, Item], is_answer: bool) -> dict[str, str]:
        """Subject and bodies of an email, or of a variant of one."""
        texts = {name: self._template(entries.get(name), name) for name in TEXTS}
        if not texts["subject"] and not is_answer:
            item.wrong("an email needs a 'subject', or 'reply_to' an earlier one.")
        if not texts["text"] and not texts["html"]:
            item.wrong("an email needs a 'text', an 'html', or both.")
        return texts

    def _reply_to(self, item: Item | None) -> int | None:
        if item is None:
            return None
        earlier = [step.position for step in self.steps if step.kind is StepKind.EMAIL]
        words = item.text().strip()
        if words == "previous" and earlier:
            return earlier[-1]
        if words.isdecimal() and int(words) in earlier:
            return int(words)
        choice = f"write previous or one of {', '.join(map(str, earlier))}." if earlier else "there is none before."
        item.wrong(f"{words!r} is no earlier email step: {choice}")
        return None

    def _todo(self, item: Item, position: int, delay: Delay) -> Step:
        entries = item.fields(("kind", "title", "notes", "priority", "blocking"), required=("title",))
        kind = entries["kind"].one_of(tuple(TodoKind)) if "kind" in entries else None
        options: dict[str, Any] = {}
        if "blocking" in entries:
            options["is_blocking"] = entries["blocking"].yes_or_no()
        return Step(
            position,
            StepKind.TODO,
            delay,
            todo_kind=TodoKind(kind) if kind else TodoKind.GENERAL,
            title=self._template(entries.get("title"), "title", is_mail=False).strip(),
            notes=self._template(entries.get("notes"), "notes", is_mail=False),
            priority=(entries["priority"].one_of(_PRIORITIES) if "priority" in entries else None) or "none",
            **options,
        )

    def _template(self, item: Item | None, name: str, *, is_mail: bool = True) -> str:
        source = item.text() if item else ""
        if not item or not source:
            return ""
        try:
            source = with_snippets(source, self.snippets, is_html=name == "html")
            template = compile_template(source, is_html=name == "html")
        except TemplateInvalid as error:
            self._note(item, error)
            return source
        if "unsubscribe_url" in template.tokens and not is_mail:
            item.wrong("a to-do has no unsubscribe_url.")
        self.tokens |= dict.fromkeys(template.tokens)
        roots = ("contact.", "company.")
        self.required |= dict.fromkeys(path for path in template.required if path.startswith(roots))
        return source

    def _try_out(self, item: Item, step: Step) -> None:
        """What shows only when one body is made of the other."""
        try:
            Bodies.of(step.html, step.text, "en", "")
        except TemplateInvalid as error:
            self._note(item, error)

    def _note(self, item: Item, error: TemplateInvalid) -> None:
        for line, problem in error.problems:
            item.problems.note(item.first_text_line + line - 1, item.place, problem)


def _common(entries: Mapping[str, Item], own: Mapping[str, Item]) -> dict[str, Item]:
    """What a variant shares with the others: a body of its own leaves neither of the common ones."""
    has_body = "text" in own or "html" in own
    return {name: entries[name] for name in TEXTS if name in entries and (name == "subject" or not has_body)}
