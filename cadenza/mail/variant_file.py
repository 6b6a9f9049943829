"""What do the variants of an email in a sequence file say?"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from cadenza.domain.sequence import Variant, Winner, WinnerBy
from cadenza.mail.yaml_tree import Item

_FIELDS: Final = ("name", "share", "active", "subject", "text", "html")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,30}")
MOST_VARIANTS: Final = 10
LARGEST_SHARE: Final = 1_000
MOST_MAILS: Final = 100_000


def read_variants(item: Item, texts: Callable[[Item, Mapping[str, Item]], dict[str, str]]) -> tuple[Variant, ...]:
    """The variants; ``texts`` reads the subject and the bodies of one from its own entries and the common ones."""
    variants: dict[str, Variant] = {}
    items = item.items()
    if not 2 <= len(items) <= MOST_VARIANTS:
        item.wrong(f"an email has 2 to {MOST_VARIANTS} variants, or none.")
        return ()
    for one in items:
        own = one.fields(_FIELDS, required=("name",))
        name = own["name"].text().strip() if "name" in own else ""
        if "name" in own and (not _NAME.fullmatch(name) or name in variants):
            own["name"].wrong(f"{name!r} is no name of its own: up to 31 small letters, digits, _ and -.")
        variants[name] = Variant(
            name,
            **texts(one, own),
            share=_number(own.get("share"), LARGEST_SHARE) or 1,
            is_active=own["active"].yes_or_no() if "active" in own else True,
        )
    if not any(variant.is_active for variant in variants.values()):
        item.wrong("one variant at least is active.")
    return tuple(variants.values())


def read_winner(item: Item | None) -> Winner | None:
    """When the best variant wins; ``no``: never, all of them go on."""
    if item is None:
        return Winner()
    if item.is_text and not item.yes_or_no():
        return None
    if item.is_text:
        return Winner()
    entries = item.fields(("by", "after"))
    by = entries["by"].one_of(tuple(WinnerBy)) if "by" in entries else None
    after = _number(entries.get("after"), MOST_MAILS)
    otherwise = Winner()
    return Winner(WinnerBy(by) if by else otherwise.by, after or otherwise.after)


def _number(item: Item | None, most: int) -> int | None:
    words = item.text().strip() if item else ""
    if item and (not re.fullmatch(r"\d{1,6}", words) or not 1 <= int(words) <= most):
        item.wrong(f"{words!r} is no number from 1 to {most:,}.")
        return None
    return int(words) if item else None
