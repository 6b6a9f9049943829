"""What do the two bodies of a mail say, the plain one and the HTML one?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from typing import Final

from jinja2 import Template as JinjaTemplate
from jinja2 import nodes

from cadenza.domain.sequence import UNTRACKED, Tracking
from cadenza.mail.encoding import quoted
from cadenza.mail.markup import Skeleton
from cadenza.mail.plain_text import literal, text_source
from cadenza.mail.templates import ENVIRONMENT, Template, compile_template, compile_tree
from cadenza.mail.tracked_links import with_tracked_links

#: Quoted-printable bodies never contain "=_" (RFC 2045, 6.7).
BOUNDARY: Final = "=_cadenza_alternative"

#: By language: what leads to the link, and its words.
_FAREWELL: Final = {
    "en": ("If you would rather not hear from me again:", "unsubscribe"),
    "de": ("Wenn Sie keine weiteren E-Mails von mir möchten:", "abmelden"),
    "fr": ("Si vous ne souhaitez plus recevoir mes messages :", "se désabonner"),
    "es": ("Si prefiere no recibir más correos míos:", "darse de baja"),
    "it": ("Se preferisce non ricevere altre mie e-mail:", "annulla l'iscrizione"),
    "nl": ("Wilt u geen e-mails meer van mij ontvangen:", "afmelden"),
    "pt": ("Se preferir não receber mais mensagens minhas:", "cancelar inscrição"),
}
_UNSUBSCRIBE: Final = "unsubscribe_url"
#: Tells that the mail was opened.
_PIXEL: Final = '<img src="{{ open_url|_url }}" alt="" width="1" height="1">\n'
_NORMAL: Final = "font-family:Arial,Helvetica,sans-serif;font-size:15px;line-height:1.5"
_SMALL: Final = "color:#6b7280;font-size:12px;line-height:1.5"


@dataclass(frozen=True, slots=True)
class Bodies:
    """Both bodies of a step as templates, footer included."""

    text: Template
    html: Template

    @classmethod
    def of(
        cls, of_html: str, of_text: str, language: str, postal_address: str, tracking: Tracking = UNTRACKED
    ) -> Bodies:
        """The bodies of the templates of a step; the one that is empty is made of the other.

        Raises:
            TemplateInvalid: names each line with what may not stand there.
        """
        if of_html.strip():
            html = compile_template(of_html, is_html=True)
        else:
            html = Template(Skeleton(of_text, ENVIRONMENT, is_plain=True).as_source())
        if of_text.strip() or not of_html.strip():
            text = compile_template(of_text, is_html=False)
        else:
            text = Template(text_source(Skeleton(of_html, ENVIRONMENT)))
        lead, words = _FAREWELL.get(language.lower().partition("-")[0], _FAREWELL["en"])
        postal = [line.strip() for line in postal_address.splitlines() if line.strip()]
        return cls(
            Template(_ended(text.source) + _text_footer(postal, lead, _UNSUBSCRIBE not in text.tokens)),
            Template(
                _document(
                    html.source
                    + _html_footer(postal, lead, words, _UNSUBSCRIBE not in html.tokens)
                    + (_PIXEL if tracking.opens else ""),
                    language,
                )
            ),
        )


def _ended(source: str) -> str:
    """A text with the empty line behind it; a condition that ends it brings one line end of its own."""
    text = source.strip()
    return text + ("\n" if re.search(r"\n\{%[^%]*%\}$", text) else "\n\n")


def _text_footer(postal: list[str], lead: str, needs_link: bool) -> str:
    link = [f"{lead} {{{{ unsubscribe_url }}}}"] if needs_link else []
    return "\n".join([*map(literal, postal), *link]) + "\n"


def _html_footer(postal: list[str], lead: str, words: str, needs_link: bool) -> str:
    link = [f'{lead} <a href="{{{{ (unsubscribe_url)|_url }}}}">{words}</a>'] if needs_link else []
    lines = [*(escape(line).replace("{", "&#123;") for line in postal), *link]
    return f'<p style="{_SMALL}">{"<br>".join(lines)}</p>\n' if lines else ""


def _document(body: str, language: str) -> str:
    return (
        f'<!DOCTYPE html>\n<html lang="{escape(language).replace("{", "")}">\n<head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"></head>\n'
        f'<body style="{_NORMAL}">\n{body}</body>\n</html>\n'
    )


@lru_cache(maxsize=512)
def compiled_bodies(
    html: str, text: str, language: str, postal_address: str, tracking: Tracking = UNTRACKED
) -> tuple[Bodies, JinjaTemplate]:
    """The bodies of a step, also compiled: once for all senders of one postal address, whatever the subject is.

    Raises:
        TemplateInvalid: as ``Bodies.of``.
    """
    bodies = Bodies.of(html, text, language, postal_address, tracking)
    return bodies, compile_bodies(bodies, tracking)


def compile_bodies(bodies: Bodies, tracking: Tracking = UNTRACKED) -> JinjaTemplate:
    """Both bodies as one template that gives the message as it travels, from its Content-Type to its end.

    What every mail of a step has in common is encoded here, once; a value is encoded where it is put in.
    """
    html_body = with_tracked_links(bodies.html.body) if tracking.clicks else bodies.html.body
    text, html = (_quoted_body(body) for body in (bodies.text.body, html_body))
    return compile_tree(
        [
            _data(
                f'Content-Type: multipart/alternative; boundary="{BOUNDARY}"\r\n\r\n--{BOUNDARY}\r\n{_head("plain")}'
            ),
            *text,
            _data(f"\r\n--{BOUNDARY}\r\n{_head('html')}"),
            *html,
            _data(f"\r\n--{BOUNDARY}--\r\n"),
        ]
    )


def _head(subtype: str) -> str:
    return f'Content-Type: text/{subtype}; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'


def _data(text: str) -> nodes.Output:
    return nodes.Output([nodes.TemplateData(text)])


def _quoted_body(body: list[nodes.Node]) -> list[nodes.Node]:
    parts: list[nodes.Node] = []
    for node in body:
        if isinstance(node, nodes.If):
            elifs = [part for part in _quoted_body([*node.elif_]) if isinstance(part, nodes.If)]
            parts.append(nodes.If(node.test, _quoted_body(node.body), elifs, _quoted_body(node.else_)))
        elif isinstance(node, nodes.Output):
            parts.append(nodes.Output([_quoted_part(part) for part in node.nodes]))
    return parts


def _quoted_part(node: nodes.Expr) -> nodes.Expr:
    if isinstance(node, nodes.TemplateData):
        return nodes.TemplateData(quoted(node.data))
    return nodes.Filter(node, "_quoted", [], [], None, None)
