"""How does plain text read as HTML, and HTML as plain text?"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Final

from cadenza.errors import TemplateInvalid

if TYPE_CHECKING:
    from cadenza.mail.markup import Skeleton

_LINK: Final = re.compile(r'<a (?:[^"<>]|"[^"]*")*?href="([^"]*)"(?:[^"<>]|"[^"]*")*>(.*?)</a>', re.DOTALL)
_TABLE: Final = re.compile(r"<table\b.*?</table>", re.DOTALL)
_WEB_ADDRESS: Final = re.compile(r"https?://[^\s<>\"']*[^\s<>\"'.,;:!?)]")
#: Characters of a line of plain text that was broken because the paragraph is long, not because a line ends.
_FLOWS_ON: Final = 60


def literal(text: str) -> str:
    """Text as the template that says just this."""
    return text.replace("{", "{{ '{' }}")


def as_html(text: str) -> str:
    """The HTML of some words, web addresses as links."""
    parts: list[str] = []
    end = 0
    for found in _WEB_ADDRESS.finditer(text):
        link = html.escape(found[0])
        parts += [html.escape(text[end : found.start()], quote=False), f'<a href="{link}">{link}</a>']
        end = found.end()
    return "".join([*parts, html.escape(text[end:], quote=False)])


def paragraphs(markup: str, skeleton: Skeleton) -> str:
    """Lines as paragraphs: empty lines part them, long lines flow on, after short ones the line ends."""
    # A condition on a line of its own is no line.
    markup = re.sub(rf"(?m)^ *(<!--{skeleton.mark}\d+z-->) *\n(?!\n)", r"\1", markup)
    own_line = re.compile(rf"(?m)^(<!--{skeleton.mark}\d+z-->)")
    made: list[str] = []
    for lines in re.split(r"\n[ \t]*\n\s*", markup.strip()):
        # One that a condition takes away goes as a whole; a condition on some of its lines stays inside.
        parts = own_line.split(lines)
        if parts[0] and _is_closed(lines, skeleton):
            parts = [lines]
        made += [part if number % 2 else _paragraph(part) for number, part in enumerate(parts)]
    return "".join(made)


def _is_closed(markup: str, skeleton: Skeleton) -> bool:
    """Whether each condition that begins here ends here."""
    depth = 0
    for number in skeleton.word.findall(markup):
        statement = skeleton.pieces[int(number)].text.strip("{}%-+ \n")
        depth += statement.startswith("if ") - (statement == "endif")
        if depth < 0:
            return False
    return depth == 0


def _paragraph(text: str) -> str:
    lines = text.strip().split("\n")
    ends = ["\n" if len(line) > _FLOWS_ON else "<br>\n" for line in lines[:-1]]
    words = "".join(map("".join, zip(lines, [*ends, ""], strict=True)))
    return f"<p>{words}</p>\n" if words else ""


def text_source(skeleton: Skeleton) -> str:
    """The words of clean HTML as a template of plain text; a link's address stands behind it.

    Raises:
        TemplateInvalid: a condition stands inside a table, whose words change their places.
    """
    from inscriptis import get_text

    for table in _TABLE.findall(skeleton.markup):
        if condition := re.search(rf"<!--{skeleton.mark}(\d+)z-->", table):
            line = skeleton.pieces[int(condition[1])].line
            raise TemplateInvalid.at((line, "conditions inside a table need a 'text' beside the HTML."))

    def with_address(found: re.Match[str]) -> str:
        target, label = found.groups()
        is_same = _said(target.removeprefix("mailto:"), skeleton) == _said(re.sub(r"<[^>]*>", "", label), skeleton)
        return label if is_same else f"{label} ({target})"

    def without_line(found: re.Match[str]) -> str:
        is_condition = skeleton.pieces[int(found[2])].expression is None
        return found[1] if is_condition else found[0]

    markup = re.sub(rf"<!--({skeleton.mark}\d+z)-->", r"\1", skeleton.markup)
    words = get_text(_LINK.sub(with_address, markup))
    # A condition on a line of its own leaves no empty line behind.
    words = re.sub(rf"(?m)^ *({skeleton.mark}(\d+)z) *\n+", without_line, words)
    words = "\n".join(line.rstrip() for line in words.strip("\n").split("\n")) + "\n"
    return skeleton.word.sub(lambda word: skeleton.pieces[int(word[1])].text, literal(words))


def _said(text: str, skeleton: Skeleton) -> str:
    """What a text with tokens says, to be compared."""
    return skeleton.word.sub(
        lambda word: f"{{{skeleton.pieces[int(word[1])].expression}}}", html.unescape(text).strip()
    )
