"""The documentation says what is there, and nothing else."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from textwrap import dedent
from typing import Any
from urllib.parse import unquote

import pytest
import typer
import yaml

from cadenza.cli.commands import build_app
from cadenza.settings import Settings

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]

page_by_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


@cache
def words(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def fences(page: Path, language: str) -> list[str]:
    """The code blocks of a page in one language."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^\1```", words(page), flags=re.M | re.S)
    return [dedent(block) for _, block in found]


def prose(page: Path) -> str:
    """A page without its code blocks."""
    return re.sub(r"^( *)```.*?^\1```", "", words(page), flags=re.M | re.S)


def rows(page: Path, heading: str = "") -> list[list[str]]:
    """The cells of every table row that begins with a word of code, below a heading."""
    below = words(page)[words(page).index(heading) :]
    lines = re.findall(r"^\| (`[^|]+?` \|.*) \|$", below.replace(r"\|", "¦"), flags=re.M)
    return [[cell.strip() for cell in line.split(" | ")] for line in lines]


class TestSettings:
    PAGE = DOCS / "configuration.md"

    @staticmethod
    def shown(name: str) -> str:
        """A default as the table shows it."""
        default = Settings.model_fields[name].get_default()
        plain = Settings.model_construct(**{name: default}).model_dump(mode="json", include={name})[name]
        if plain is None or plain == "":
            return "–"
        return f"`{plain if isinstance(plain, str) else json.dumps(plain)}`"

    def test_every_setting_is_documented_with_its_default_and_no_other(self):
        documented = {row[0].strip("`"): row[1] for row in rows(self.PAGE) if re.fullmatch(r"`[a-z_]+`", row[0])}
        assert documented == {name: self.shown(name) for name in Settings.model_fields}

    def test_every_setting_has_a_meaning(self):
        assert [row[0] for row in rows(self.PAGE) if len(row) < 3 or len(row[2].split()) < 3] == []

    @page_by_page
    def test_no_page_names_a_setting_that_does_not_exist(self, page):
        named = {name.lower() for name in re.findall(r"\bCADENZA_([A-Z][A-Z_]*[A-Z])\b", words(page))}
        assert named - set(Settings.model_fields) == set()

    @page_by_page
    def test_every_example_of_a_configuration_is_valid(self, page):
        for example in fences(page, "toml"):
            Settings(**tomllib.loads(example))


class TestCommands:
    PAGE = DOCS / "cli.md"

    @staticmethod
    @cache
    def commands() -> dict[str, Any]:
        """Every command with its words: ``cadenza todo list``."""

        def walk(command: Any, name: str) -> Iterator[tuple[str, Any]]:
            for word, child in getattr(command, "commands", {}).items():
                yield from walk(child, f"{name} {word}")
            if not hasattr(command, "commands"):
                yield name, command

        return dict(walk(typer.main.get_command(build_app()), "cadenza"))

    @staticmethod
    def options(command: Any) -> set[str]:
        return {word for parameter in command.params for word in (*parameter.opts, *parameter.secondary_opts)
                if word.startswith("--")}  # fmt: skip

    def sections(self) -> dict[str, str]:
        """What stands below the heading of each command; one heading may be for several."""
        parts = re.split(r"^### (.+)$", words(self.PAGE), flags=re.M)[1:]
        return {
            name: text
            for headings, text in zip(parts[::2], parts[1::2], strict=True)
            for name in re.findall(r"`(cadenza[^`]*)`", headings)
        }

    def test_every_command_has_a_section_and_no_section_is_of_another(self):
        assert sorted(self.sections()) == sorted(self.commands())

    def test_every_section_has_an_example_that_calls_the_command(self):
        sections = self.sections()
        assert [name for name in self.commands() if not re.search(rf"^{name}\b", sections[name], flags=re.M)] == []

    def test_every_option_is_documented_where_its_command_is(self):
        sections = self.sections()
        missing = {name: sorted(option for option in self.options(command)
                                if not re.search(rf"{option}(?![\w-])", sections[name]))
                   for name, command in self.commands().items()}  # fmt: skip
        assert {name: options for name, options in missing.items() if options} == {}

    @page_by_page
    def test_every_example_is_understood_by_its_command(self, page):
        lines = [line for block in fences(page, "(?:sh|console)") for line in block.splitlines()]
        lines += re.findall(r"^    (cadenza .+)$", prose(page), flags=re.M)
        assert {line: problem for line in lines if (problem := self.problem(line))} == {}

    def problem(self, line: str) -> str | None:
        """What the parser of a command has against a line; nothing against those of other programs."""
        call = re.match(r"(?:\$ )?(?:.* \| |\w+=\S+ )*(?:\S*/)?(cadenza .*)", line)
        if not call:
            return None
        used = shlex.split(call[1], comments=True)
        for length in (3, 2):
            command = self.commands().get(" ".join(used[:length]))
            if command:
                try:
                    command.make_context(" ".join(used[:length]), used[length:])
                except Exception as error:
                    return str(error)
                return None
        return "no such command"

    @page_by_page
    def test_every_command_that_is_mentioned_exists_with_these_options(self, page):
        wrong = []
        for call in re.findall(r"`(cadenza [^`]+)`", prose(page)):
            used = call.split()
            names = {
                name: self.options(command)
                for name, command in self.commands().items()
                if name.split() == used[: len(name.split())] or name.split()[: len(used)] == used
            }
            options = {word for word in used if word.startswith("--")}
            if not names or not options <= set().union(*names.values()):
                wrong.append(call)
        assert wrong == []


def test_every_deployment_is_documented_and_no_other():
    deployments = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]
    section = rows(DOCS / "operating.md", "## The deployments")
    documented = [row[0].strip("`") for row in section if len(row) == 3 and re.fullmatch(r"`[a-z-]+`", row[0])]
    assert sorted(documented) == sorted(deployment["name"] for deployment in deployments)


class TestLinks:
    @staticmethod
    def links(page: Path) -> list[tuple[str, str]]:
        """Relative links: path and anchor."""
        found = re.findall(r"\]\(([^()\s]+)\)", re.sub(r"`[^`\n]*`", "", prose(page)))
        return [(unquote(path), anchor) for path, _, anchor in (link.partition("#") for link in found)
                if not re.match(r"[a-z]+:", path)]  # fmt: skip

    @staticmethod
    def anchors(page: Path) -> set[str]:
        """The anchors of a page's headings, as GitHub makes them."""
        headings = re.findall(r"^#+ (.+)$", prose(page), flags=re.M)
        return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}

    @page_by_page
    def test_every_link_leads_somewhere(self, page):
        dead = []
        for path, anchor in self.links(page):
            target = (page.parent / path).resolve() if path else page
            if not target.exists() or (anchor and anchor not in self.anchors(target)):
                dead.append(f"{path}#{anchor}" if anchor else path)
        assert dead == []

    def test_every_page_can_be_reached_from_the_readme(self):
        reached, waiting = set(), [PAGES[0]]
        while waiting:
            page = waiting.pop()
            if page in reached:
                continue
            reached.add(page)
            for path, _ in self.links(page):
                target = (page.parent / path).resolve()
                waiting += [target] * target.exists() if target.suffix == ".md" else sorted(target.glob("*.md"))
        assert set(PAGES) - reached == set()

    @page_by_page
    def test_every_file_that_is_named_exists(self, page):
        named = re.findall(
            r"(?<![\w/.])((?:cadenza|flows|tasks|data_contracts|docs|examples|tests|benchmarks)/[\w./-]*\w)",
            words(page),
        )
        assert sorted(path for path in set(named) if not (ROOT / path).exists()) == []


@page_by_page
def test_every_code_that_is_named_occurs_in_the_code(page):
    named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", words(page)))
    named -= {name for name in named if name.startswith(("CADENZA_", "PREFECT_"))}
    assert sorted(named - code_words()) == []


@cache
def code_words() -> frozenset[str]:
    """Every word of the code in capitals."""
    sources = [
        path for folder in ("cadenza", "flows", "tasks", "data_contracts") for path in (ROOT / folder).rglob("*.py")
    ]
    return frozenset(
        word for path in sources for word in re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", path.read_text(encoding="utf-8"))
    )


class TestFeatures:
    ROWS = re.findall(r"^\| ([SH]\d+) \|.*\| (\S+) \|$", words(DOCS / "features.md"), flags=re.M)

    def test_every_row_names_a_test_that_exists(self):
        tests = {
            f"{path.relative_to(ROOT)}::{name}"
            for path in (ROOT / "tests").rglob("test_*.py")
            for name in re.findall(r"^(?:    )?(?:async )?def (test_\w+)", path.read_text(encoding="utf-8"), flags=re.M)
        }
        assert [(row, test) for row, test in self.ROWS if test not in tests] == []

    def test_rows_stand_in_order_and_once(self):
        numbers = [(row[0] == "H", int(row[1:])) for row, _ in self.ROWS]
        assert numbers == sorted(set(numbers))
