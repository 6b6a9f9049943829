"""Which links of a mail lead through our public pages, so that clicks can be noted?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from jinja2 import nodes

#: What stands for a token while the markup around it is looked at.
_TOKEN: Final = re.compile("\0(\\d+)\0")
_LINK: Final = re.compile(r'(<a (?:[^"<>]|"[^"]*")*?\bhref=")([^"]*)(?=")')


def with_tracked_links(body: Sequence[nodes.Node]) -> list[nodes.Node]:
    """Statements of a clean HTML template whose links are given to the function ``track_link`` of each mail."""
    return [_statement(node) for node in body]


def _statement(node: nodes.Node) -> nodes.Node:
    if isinstance(node, nodes.If):
        elifs = [part for part in with_tracked_links(node.elif_) if isinstance(part, nodes.If)]
        return nodes.If(node.test, with_tracked_links(node.body), elifs, with_tracked_links(node.else_))
    assert isinstance(node, nodes.Output)
    # No condition stands inside a tag: each is in one statement as a whole.
    markup = "".join(
        part.data if isinstance(part, nodes.TemplateData) else f"\0{number}\0" for number, part in enumerate(node.nodes)
    )
    parts: list[nodes.Expr] = []
    for number, piece in enumerate(_LINK.split(markup)):
        found = list(_parts(piece, node.nodes))
        is_target = number % 3 == 2
        parts += [_tracked(found)] if is_target and found else found
    return nodes.Output(parts)


def _parts(markup: str, tokens: Sequence[nodes.Expr]) -> Iterator[nodes.Expr]:
    for number, piece in enumerate(_TOKEN.split(markup)):
        if number % 2:
            yield tokens[int(piece)]
        elif piece:
            yield nodes.TemplateData(piece)


def _tracked(target: Sequence[nodes.Expr]) -> nodes.Filter:
    words = [nodes.Const(part.data) if isinstance(part, nodes.TemplateData) else part for part in target]
    track = nodes.Name("track_link", "load")
    return nodes.Filter(nodes.Concat(words), "_tracked", [track], [], None, None)
