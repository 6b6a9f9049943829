"""What does a sequence file say, and what is wrong with it?"""

from __future__ import annotations

import difflib
import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final
from zoneinfo import available_timezones

from cadenza.domain.sequence import EligibleDays, FollowUpPolicy, SendWindow, Sequence, Tracking
from cadenza.errors import SequenceInvalid
from cadenza.mail.automation_file import read_rules
from cadenza.mail.step_file import StepReader
from cadenza.mail.yaml_tree import Item, Problems, read_tree

_FIELDS: Final = (
    "name", "title", "description", "language", "time_zone", "shared_with", "follow_ups", "fallbacks", "active",
    "account_based", "folder", "tracking", "steps", "automations",
)  # fmt: skip
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_SHARE: Final = re.compile(r"everyone|(team|user):[^\s:,][^:,]*")
_CLOCK: Final = re.compile(r"(\d{1,2}):(\d{2})\s*(?:-|–|to)\s*(\d{1,2}):(\d{2})")
LONGEST_FOLDER: Final = 100
#: The folder of snippets, beside the sequence files.
SNIPPETS: Final = "snippets"
#: Steps of one sequence.
MOST_STEPS: Final = 100


def read_sequence(path: Path) -> Sequence:
    """The sequence that a file defines.

    Raises:
        SequenceInvalid: names every mistake with its line, its field and what may stand there.
    """
    problems = Problems()
    sequence = _read(path, problems)
    if sequence is None or problems.found:
        raise SequenceInvalid(_report(path, problems))
    return sequence


def parse_sequence(text: str, name: str) -> Sequence:
    """The sequence that the text of a file defines; ``name`` is its own unless the text says another.

    It may come from elsewhere, so no file is attached to its mails.

    Raises:
        SequenceInvalid: names every mistake with its line, its field and what may stand there.
    """
    problems = Problems()
    path = Path(f"{name}.yaml")
    sequence = _parse(text, path, None, problems)
    if sequence is None or problems.found:
        raise SequenceInvalid(_report(path, problems))
    return sequence


def read_sequences(folder: Path) -> list[Sequence]:
    """The sequences of every ``.yaml`` and ``.yml`` file of a folder, by file name; or the one of a single file.

    Raises:
        SequenceInvalid: names every mistake of every file.
    """
    if folder.is_file():
        return [read_sequence(folder)]
    if not folder.is_dir():
        raise SequenceInvalid(f"There is no folder {folder}: put the sequence files there, or name another one.")
    if not sequence_files(folder):
        raise SequenceInvalid(f"There is no sequence file (.yaml) in {folder}: put some there, or name another folder.")
    sequences: dict[str, Sequence] = {}
    reports: list[str] = []
    for path in sequence_files(folder):
        problems = Problems()
        sequence = _read(path, problems)
        if sequence is not None and sequence.name in sequences:
            problems.note(1, "name", f"another file of this folder is named {sequence.name!r} too.")
        if sequence is None or problems.found:
            reports.append(_report(path, problems))
        else:
            sequences[sequence.name] = sequence
    if reports:
        raise SequenceInvalid("\n".join(reports))
    return list(sequences.values())


def sequence_files(folder: Path) -> list[Path]:
    """The sequence files of a folder, by name."""
    return sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")])


def _report(path: Path, problems: Problems) -> str:
    return "\n".join(f"{path.name}, line {line}: {problem}" for line, problem in sorted(set(problems.found)))


def _read(path: Path, problems: Problems) -> Sequence | None:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        problems.note(1, "", "this is no UTF-8 text: save the file as UTF-8.")
        return None
    except OSError as error:
        problems.note(1, "", f"the file cannot be read: {error.strerror}.")
        return None
    return _parse(text, path, path.parent, problems)


def _parse(text: str, path: Path, files: Path | None, problems: Problems) -> Sequence | None:
    root = read_tree(text, problems)
    if root is None:
        return None
    entries = root.fields(_FIELDS, required=("steps",))
    name = _name(entries.get("name"), path, root)
    language = entries["language"].text().strip() if "language" in entries else "en"
    if not re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", language):
        entries["language"].wrong(f"{language!r} is no language: write en, de, fr, pt-BR …")
    sequence = Sequence(
        name=name,
        title=(entries["title"].text().strip() if "title" in entries else "") or name.replace("_", " ").capitalize(),
        steps=(),
        description=entries["description"].text().strip() if "description" in entries else "",
        language=language,
        follow_ups=_follow_ups(entries.get("follow_ups")),
        time_zone=_time_zone(entries.get("time_zone")),
        fallbacks=_fallbacks(entries.get("fallbacks")),
        shared_with=_shares(entries.get("shared_with")),
        is_active=entries["active"].yes_or_no() if "active" in entries else True,
        account_based=entries["account_based"].yes_or_no() if "account_based" in entries else False,
        folder=_folder(entries.get("folder")),
        tracking=_tracking(entries.get("tracking")),
        automations=read_rules(entries.get("automations")),
    )
    if "steps" not in entries:
        return None
    items = entries["steps"].items()
    if not items or len(items) > MOST_STEPS:
        entries["steps"].wrong(f"a sequence has 1 to {MOST_STEPS} steps.")
        return None
    reader = StepReader(path.parent / SNIPPETS, files)
    for item in items:
        reader.read(item)
    reader.look_at_fallbacks(entries.get("fallbacks"), sequence.fallbacks)
    required = tuple(path for path in reader.required if path not in sequence.fallbacks)
    return replace(sequence, steps=tuple(reader.steps), required_tokens=required, documents=reader.documents)


def _name(item: Item | None, path: Path, root: Item) -> str:
    name = item.text().strip() if item else path.stem
    if not _NAME.fullmatch(name):
        (item or root).wrong(f"{name!r} is no name: up to 63 small letters, digits, _ and -.")
    return name


def _time_zone(item: Item | None) -> str | None:
    zone = item.text().strip() if item else ""
    if item and zone and zone not in _zones():
        near = difflib.get_close_matches(zone, _zones(), n=1)
        item.wrong(f"there is no time zone {zone!r}: {f'did you mean {near[0]}?' if near else 'write Europe/Berlin …'}")
    return zone or None


def _folder(item: Item | None) -> str:
    """The names of folders, one in the other, joined by a slash."""
    names = [name.strip() for name in item.text().split("/")] if item else []
    folder = "/".join(names)
    if item and folder and (not all(names) or not folder.isprintable() or len(folder) > LONGEST_FOLDER):
        item.wrong(f"{folder!r} is no folder: write Sales or Sales/Inbound, at most {LONGEST_FOLDER} characters.")
    return folder


def _tracking(item: Item | None) -> Tracking | None:
    if item is None:
        return None
    if item.is_text:
        is_on = item.yes_or_no()
        return Tracking(is_on, is_on)
    entries = item.fields(("opens", "clicks"))
    return Tracking(**{name: one.yes_or_no() for name, one in entries.items()})


def _follow_ups(item: Item | None) -> FollowUpPolicy:
    if item is None:
        return FollowUpPolicy()
    entries = item.fields(("eligible_days", "window"))
    days = entries["eligible_days"].one_of(tuple(EligibleDays)) if "eligible_days" in entries else None
    return FollowUpPolicy(EligibleDays(days) if days else EligibleDays.WEEKDAYS_ONLY, _window(entries.get("window")))


def _window(item: Item | None) -> SendWindow | None:
    words = item.text().strip() if item else ""
    if not item or not words:
        return None
    found = _CLOCK.fullmatch(words)
    hours = [int(part) for part in found.groups()] if found else [0, 0, 0, 0]
    start, end = hours[0] * 60 + hours[1], hours[2] * 60 + hours[3]
    if not found or hours[1] > 59 or hours[3] > 59 or not start < end <= 24 * 60:
        item.wrong(f"{words!r} is no send window: write 09:00-17:00, the start before the end, at most 24:00.")
        return None
    return SendWindow(start, end)


def _shares(item: Item | None) -> tuple[str, ...]:
    if item is None:
        return ("everyone",)
    shares = []
    for one in item.items():
        share = one.text().strip()
        if _SHARE.fullmatch(share):
            shares.append(share)
        else:
            one.wrong(f"{share!r} may not stand here: write everyone, team:NAME or user:HANDLE.")
    return tuple(dict.fromkeys(shares))


def _fallbacks(item: Item | None) -> dict[str, str]:
    fallbacks = {}
    for path, one in item.fields(()).items() if item else ():
        value = one.text().strip()
        if not re.fullmatch(r"(contact|company)\..+", path):
            one.wrong("only tokens of the contact and the company have fallbacks, such as contact.first_name.")
        elif not value:
            one.wrong("a fallback is not empty.")
        else:
            fallbacks[path] = value
    return fallbacks


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
