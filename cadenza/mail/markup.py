"""What of a template's HTML may be in a mail, and how does it read as plain text?"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import Final

import css_inline
import nh3
from jinja2 import Environment

from cadenza.errors import TemplateInvalid

#: Properties of CSS that mail programs know and that cannot load, hide or cover anything.
_STYLES: Final = frozenset(
    f"background-color border {' '.join(f'border-{side}' for side in ('top', 'right', 'bottom', 'left'))} "
    "border-collapse border-color border-radius border-spacing border-style border-width color direction font "
    "font-family font-size font-style font-weight height letter-spacing line-height list-style-type margin "
    "margin-bottom margin-left margin-right margin-top max-width min-width padding padding-bottom padding-left "
    "padding-right padding-top text-align text-decoration text-transform vertical-align white-space width "
    "word-break".split()
)
_CLEANER: Final = nh3.Cleaner(
    attributes={**nh3.ALLOWED_ATTRIBUTES, "*": {"style", "align", "dir", "lang", "title", "valign", "width", "height"}},
    clean_content_tags={"script", "style", "title", "noscript", "template", "textarea", "iframe", "object", "select"},
    filter_style_properties=set(_STYLES),
    url_schemes={"https", "http", "mailto", "tel", "cid"},
    strip_comments=False,
    link_rel=None,
)
_INLINER: Final = css_inline.CSSInliner(load_remote_stylesheets=False)
_TAG_OR_COMMENT: Final = re.compile(r'(<!--.*?-->|</?[a-zA-Z](?:[^"<>]|"[^"]*")*>)', re.DOTALL)
_ATTRIBUTE: Final = re.compile(r'([a-zA-Z:-]+)="([^"]*)"')
_LINK: Final = re.compile(r'<a (?:[^"<>]|"[^"]*")*?href="([^"]*)"(?:[^"<>]|"[^"]*")*>(.*?)</a>', re.DOTALL)
_WEB_ADDRESS: Final = re.compile(r"https?://[^\s<>\"']*[^\s<>\"'.,;:!?)]")
_URLS: Final = ("href", "src", "cite")
#: Characters of a line of plain text that was broken because the paragraph is long, not because a line ends.
_FLOWS_ON: Final = 60


@dataclass(frozen=True, slots=True)
class _Piece:
    """A tag of the template language."""

    line: int
    text: str
    #: What stands between the braces of ``{{ … }}``; None: a statement.
    expression: str | None


class Skeleton:
    """HTML with a word in the place of each tag of the template language, cleaned as a whole."""

    def __init__(self, source: str, environment: Environment, *, is_plain: bool = False) -> None:
        self.is_plain = is_plain
        self.pieces: list[_Piece] = []
        self.mark = "zq"
        while self.mark in source.lower():
            self.mark += "q"
        self._word = re.compile(rf"{self.mark}(\d+)z")
        markup = self._marked(source, environment)
        if is_plain:
            markup = self._paragraphs(markup)
        if "<style" in markup.lower():
            markup = _INLINER.inline(markup)
        markup = _CLEANER.clean(markup)
        kept = re.compile(rf"<!--(?!{self.mark}\d+z-->).*?-->", re.DOTALL)
        self.markup = kept.sub("", markup).strip() + "\n"
        self._check()

    def _marked(self, source: str, environment: Environment) -> str:
        parts: list[str] = []
        inside: list[str] = []
        for line, kind, text in environment.lex(source):
            if kind == "data":
                parts.append(_as_html(text) if self.is_plain else text)
            elif kind in ("variable_begin", "block_begin"):
                inside = [text]
            elif kind in ("variable_end", "block_end"):
                inside.append(text)
                expression = "".join(inside[1:-1]).strip() if kind == "variable_end" else None
                word = f"{self.mark}{len(self.pieces)}z"
                self.pieces.append(_Piece(line, "".join(inside), expression))
                parts.append(word if expression is not None else f"<!--{word}-->")
            elif not kind.startswith("comment"):
                inside.append(text)
        return "".join(parts)

    def _paragraphs(self, markup: str) -> str:
        """Plain text as HTML: empty lines part paragraphs, long lines flow on, after short ones the line ends."""
        # A condition on a line of its own is no line.
        markup = re.sub(rf"(?m)^ *(<!--{self.mark}\d+z-->) *\n(?!\n)", r"\1", markup)
        own_line = re.compile(rf"(?m)^(<!--{self.mark}\d+z-->)")
        made: list[str] = []
        for paragraph in re.split(r"\n[ \t]*\n\s*", markup.strip()):
            # One that a condition takes away goes as a whole; a condition on some of its lines stays inside.
            parts = own_line.split(paragraph)
            if parts[0] and self._is_closed(paragraph):
                parts = [paragraph]
            made += [part if number % 2 else _paragraph(part) for number, part in enumerate(parts)]
        return "".join(made)

    def _is_closed(self, markup: str) -> bool:
        """Whether each condition that begins here ends here."""
        depth = 0
        for number in self._word.findall(markup):
            statement = self.pieces[int(number)].text.strip("{}%-+ \n")
            depth += statement.startswith("if ") - (statement == "endif")
            if depth < 0:
                return False
        return depth == 0

    def _check(self) -> None:
        """Every tag still stands once, in its order: none was in a place that was cleaned away."""
        found = [int(number) for number in self._word.findall(self.markup)]
        if found == list(range(len(self.pieces))):
            return
        lost = next((number for number in range(len(self.pieces)) if found.count(number) != 1), None)
        piece = self.pieces[lost if lost is not None else next(n for n, f in enumerate(found) if n != f)]
        raise TemplateInvalid.at(
            (
                piece.line,
                f"{piece.text.strip()} may not stand there: tokens go between tags or into quoted attributes of links "
                "and images, conditions around whole paragraphs or words.",
            )
        )

    def as_source(self) -> str:
        """The clean HTML as a template again, each token marked with how to escape it there."""
        between = "_linked" if self.is_plain else "_html"
        parts = _TAG_OR_COMMENT.split(self.markup)
        for number, part in enumerate(parts):
            if part.startswith("<!--"):
                parts[number] = self.pieces[int(self._word.search(part)[1])].text  # type: ignore[index]
            elif number % 2:
                parts[number] = _ATTRIBUTE.sub(self._attribute, part.replace("{", "&#123;"))
            else:
                parts[number] = self._filled(part.replace("{", "&#123;"), between)
        return "".join(parts)

    def _attribute(self, found: re.Match[str]) -> str:
        name, value = found.groups()
        if name == "style" and (word := self._word.search(value)):
            piece = self.pieces[int(word[1])]
            raise TemplateInvalid.at((piece.line, f"{piece.text.strip()} may not stand in a style."))
        if name not in _URLS:
            return f'{name}="{self._filled(value, "_html")}"'
        start = self._word.match(value)
        head = self._filled(value[: start.end()], "_url") if start else ""
        rest = value[start.end() :] if start else value
        return f'{name}="{head}{self._filled(rest, "_url_part")}"'

    def _filled(self, text: str, how: str) -> str:
        def put_in(word: re.Match[str]) -> str:
            piece = self.pieces[int(word[1])]
            if piece.expression is None:
                raise TemplateInvalid.at(
                    (
                        piece.line,
                        f"{piece.text.strip()} may not stand inside a tag: write {{{{ a if b else c }}}} there.",
                    )
                )
            return f"{{{{ ({piece.expression})|{how} }}}}"

        return self._word.sub(put_in, text)

    def as_text_source(self) -> str:
        """The words of the HTML as a template of plain text; a link's address stands behind it."""
        from inscriptis import get_text

        markup = re.sub(rf"<!--({self.mark}\d+z)-->", r"\1", self.markup)
        words = get_text(_LINK.sub(self._link, markup))
        # A condition on a line of its own leaves no empty line behind.
        words = re.sub(rf"(?m)^ *({self.mark}\d+z) *\n+", self._own_line, words)
        words = "\n".join(line.rstrip() for line in words.strip("\n").split("\n")) + "\n"
        order = [number for number in map(int, self._word.findall(words)) if self.pieces[number].expression is None]
        if order != [number for number, piece in enumerate(self.pieces) if piece.expression is None]:
            piece = next(piece for piece in self.pieces if piece.expression is None)
            raise TemplateInvalid.at((piece.line, "conditions between rows of a table need a 'text' beside the HTML."))
        return self._word.sub(lambda word: self.pieces[int(word[1])].text, literal(words))

    def _own_line(self, found: re.Match[str]) -> str:
        word = self._word.search(found[0])
        is_statement = word is not None and self.pieces[int(word[1])].expression is None
        return found[1] if is_statement else found[0]

    def _link(self, found: re.Match[str]) -> str:
        target, label = found.groups()
        plain_label = re.sub(r"<[^>]*>", "", label).strip()
        is_same = self._said(target.removeprefix("mailto:")) == self._said(plain_label)
        return label if is_same else f"{label} ({target})"

    def _said(self, text: str) -> str:
        return self._word.sub(lambda word: f"{{{self.pieces[int(word[1])].expression}}}", html.unescape(text))


def _paragraph(text: str) -> str:
    lines = text.strip().split("\n")
    ends = ["\n" if len(line) > _FLOWS_ON else "<br>\n" for line in lines[:-1]]
    words = "".join(map("".join, zip(lines, [*ends, ""], strict=True)))
    return f"<p>{words}</p>\n" if words else ""


def clean_source(source: str, environment: Environment) -> str:
    """A checked HTML template without anything that does not belong into a mail, as a template again.

    Raises:
        TemplateInvalid: a tag of the template language stands where no value can be put safely.
    """
    return Skeleton(source, environment).as_source()


def literal(text: str) -> str:
    """Text as the template that says just this."""
    return text.replace("{", "{{ '{' }}")


def _as_html(text: str) -> str:
    linked = _WEB_ADDRESS.sub(lambda found: f"\0{found[0]}\1", text)
    escaped = html.escape(linked, quote=False)
    return re.sub(
        "\0(.*?)\1", lambda found: f'<a href="{html.escape(html.unescape(found[1]))}">{found[1]}</a>', escaped
    )
