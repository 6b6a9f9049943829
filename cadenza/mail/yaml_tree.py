"""What stands on which line of a YAML file? A tree whose every mistake is noted, not only the first."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

_TAG = "tag:yaml.org,2002:"
#: Characters of one file.
LONGEST = 1_000_000


@dataclass
class Problems:
    """Everything wrong with one file."""

    found: list[tuple[int, str]] = field(default_factory=list)

    def note(self, line: int, place: str, problem: str) -> None:
        """One more."""
        self.found.append((line, f"{place}: {problem}" if place else problem))


@dataclass(frozen=True, slots=True)
class Item:
    """A place in the file: one value with its name and line."""

    node: yaml.Node
    place: str
    problems: Problems

    @property
    def line(self) -> int:
        """Where it starts, from 1."""
        return int(self.node.start_mark.line) + 1

    @property
    def first_text_line(self) -> int:
        """Where its text starts: a block's begins below its ``|``."""
        return self.line + (1 if isinstance(self.node, yaml.ScalarNode) and self.node.style in ("|", ">") else 0)

    @property
    def is_text(self) -> bool:
        """Whether it is a single value."""
        return isinstance(self.node, yaml.ScalarNode)

    @property
    def is_mapping(self) -> bool:
        """Whether it has entries with names."""
        return isinstance(self.node, yaml.MappingNode)

    def wrong(self, problem: str) -> None:
        """Note what is wrong here."""
        self.problems.note(self.line, self.place, problem)

    def fields(self, known: Sequence[str], required: Iterable[str] = ()) -> dict[str, Item]:
        """Its entries by name; unknown, doubled and missing ones are noted."""
        if not isinstance(self.node, yaml.MappingNode):
            self.wrong(f"write 'name: value' lines here: {', '.join(known)}.")
            return {}
        entries: dict[str, Item] = {}
        for key, value in self.node.value:
            name = str(key.value)
            item = Item(value, f"{self.place}.{name}" if self.place else name, self.problems)
            if known and name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}."
                self.problems.note(int(key.start_mark.line) + 1, self.place, f"there is no field {name!r}: {hint}")
            elif name in entries:
                self.problems.note(int(key.start_mark.line) + 1, self.place, f"{name!r} stands here twice.")
            else:
                entries[name] = item
        for name in required:
            if name not in entries:
                self.wrong(f"{name!r} is missing.")
        return entries

    def items(self) -> list[Item]:
        """Its entries in order; a single value counts as a list of one."""
        if not isinstance(self.node, yaml.SequenceNode):
            return [self]
        return [
            Item(node, f"{self.place}[{number}]", self.problems) for number, node in enumerate(self.node.value, start=1)
        ]

    def text(self) -> str:
        """Its text as written, empty for nothing."""
        if not isinstance(self.node, yaml.ScalarNode):
            self.wrong("write a text here, in quotes if it has colons or braces.")
            return ""
        if self.node.tag == f"{_TAG}null":
            return ""
        if not self.node.tag.startswith(_TAG):
            self.wrong(f"the tag {self.node.tag} may not stand here.")
        return str(self.node.value)

    def one_of(self, allowed: Sequence[str]) -> str | None:
        """Its text, which must be one of a few words."""
        word = self.text().strip()
        if word in allowed:
            return word
        if isinstance(self.node, yaml.ScalarNode):
            near = difflib.get_close_matches(word.lower().replace(" ", "_"), allowed, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            self.wrong(f"{word!r} may not stand here: {hint}Choose one of {', '.join(allowed)}.")
        return None

    def yes_or_no(self) -> bool:
        """Whether it says true."""
        word = self.one_of(("true", "false", "yes", "no"))
        return word in ("true", "yes")


def read_tree(text: str, problems: Problems) -> Item | None:
    """The whole file; None, with the problem noted, if it is no YAML."""
    if len(text) > LONGEST:
        problems.note(1, "", f"the file has {len(text):,} characters: {LONGEST:,} are the most.")
        return None
    try:
        node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or "a character that may not stand in YAML"
        problems.note(mark.line + 1 if mark else 1, "", f"this is no YAML: {what}. A tab, a colon or a brace unquoted?")
        return None
    except RecursionError:
        problems.note(1, "", "this is nested too deeply.")
        return None
    if node is None:
        problems.note(1, "", "the file is empty.")
        return None
    return Item(node, "", problems)
