"""What of a template's HTML may be in a mail?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import css_inline
import nh3
from jinja2 import Environment

from cadenza.errors import TemplateInvalid
from cadenza.mail.plain_text import as_html, paragraphs

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
_URLS: Final = ("href", "src", "cite")


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
        #: Finds the words that stand for pieces.
        self.word = re.compile(rf"{self.mark}(\d+)z")
        markup = self._marked(source, environment)
        if is_plain:
            markup = paragraphs(markup, self)
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
                parts.append(as_html(text) if self.is_plain else text)
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

    def _check(self) -> None:
        """Every tag still stands once, in its order: none was in a place that was cleaned away."""
        found = [int(number) for number in self.word.findall(self.markup)]
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
                parts[number] = self.pieces[int(self.word.search(part)[1])].text  # type: ignore[index]
            elif number % 2:
                parts[number] = _ATTRIBUTE.sub(self._attribute, part.replace("{", "&#123;"))
            else:
                parts[number] = self._filled(part.replace("{", "&#123;"), between)
        return "".join(parts)

    def _attribute(self, found: re.Match[str]) -> str:
        name, value = found.groups()
        if name == "style" and (word := self.word.search(value)):
            piece = self.pieces[int(word[1])]
            raise TemplateInvalid.at((piece.line, f"{piece.text.strip()} may not stand in a style."))
        if name not in _URLS:
            return f'{name}="{self._filled(value, "_html")}"'
        start = self.word.match(value)
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

        return self.word.sub(put_in, text)


def clean_source(source: str, environment: Environment) -> str:
    """A checked HTML template without anything that does not belong into a mail, as a template again.

    Raises:
        TemplateInvalid: a tag of the template language stands where no value can be put safely.
    """
    return Skeleton(source, environment).as_source()
