"""What may a template say? Tokens, defaults and conditions; nothing that computes, calls or looks around."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from jinja2 import StrictUndefined, TemplateSyntaxError, UndefinedError, nodes
from jinja2 import Template as JinjaTemplate
from jinja2.exceptions import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from cadenza.errors import TemplateInvalid, TokenMissing

#: What a token may start with; the part behind the dot is a field or a property.
ROOTS: Final = ("contact", "company", "sender", "sequence")
#: Tokens without a dot.
SINGLE: Final = ("unsubscribe_url",)
FILTERS: Final = ("default", "title", "upper", "lower", "capitalize", "trim")

_ALLOWED: Final = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Getattr, nodes.Const, nodes.If, nodes.CondExpr,
    nodes.Filter, nodes.Compare, nodes.Operand, nodes.Not, nodes.And, nodes.Or, nodes.Keyword,
)  # fmt: skip

_NAMES: Final = {
    nodes.For: "a loop",
    nodes.Call: "a call",
    nodes.Macro: "a macro",
    nodes.Include: "an include",
    nodes.Import: "an import",
    nodes.FromImport: "an import",
    nodes.Extends: "an extends",
    nodes.Block: "a block",
    nodes.Assign: "an assignment",
    nodes.Getitem: "brackets",
    nodes.Test: "a test",
}


class _Missing(StrictUndefined):
    """A token without a value: false in a condition, an error in the text."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False

    def __eq__(self, other: object) -> bool:
        return False

    def __ne__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


def _environment(*, is_html: bool) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        autoescape=is_html, undefined=_Missing, keep_trailing_newline=True, auto_reload=False
    )
    environment.filters = {name: environment.filters[name] for name in FILTERS} | {"link": _link}
    environment.globals = {}
    environment.tests = {}
    return environment


def _link(value: object) -> str:
    """A value as the target of a link: web and mail addresses only."""
    words = str(value).strip()
    return words if words.lower().startswith(("https://", "http://", "mailto:", "tel:")) else "#"


_PLAIN: Final = _environment(is_html=False)
_HTML: Final = _environment(is_html=True)


@dataclass(frozen=True, slots=True)
class Template:
    """A checked template; ``render`` takes plain dictionaries by root."""

    #: Every token, by path ("contact.first_name").
    tokens: tuple[str, ...]
    #: Those that have no default and stand under no condition that asks for them.
    required: tuple[str, ...]
    _jinja: JinjaTemplate

    def render(self, values: Mapping[str, Any]) -> str:
        """The text for one contact.

        Raises:
            TokenMissing: names the token that has no value.
        """
        try:
            return self._jinja.render(values)
        except UndefinedError as error:
            raise TokenMissing(f"A token has no value: {error.message}.") from error
        except (TemplateError, TypeError, ValueError, OverflowError, MemoryError) as error:
            raise TokenMissing(f"The template cannot be filled in for this contact: {error}.") from error


@lru_cache(maxsize=4_096)
def compile_template(source: str, *, is_html: bool = False) -> Template:
    """A template that may be trusted with a contact's data.

    Raises:
        TemplateInvalid: names the line, and the construct or the token that may not stand there.
    """
    environment = _HTML if is_html else _PLAIN
    try:
        tree = environment.parse(source)
    except TemplateSyntaxError as error:
        raise TemplateInvalid(f"line {error.lineno}: {error.message}") from error
    _check(tree)
    tokens = dict.fromkeys(_tokens(tree))
    required = dict.fromkeys(_required(tree, frozenset()))
    return Template(tuple(tokens), tuple(required), environment.from_string(source))


def _check(tree: nodes.Template) -> None:
    for node in _walk(tree):
        line = getattr(node, "lineno", 1) or 1
        if not isinstance(node, _ALLOWED):
            what = _NAMES.get(type(node), f"{type(node).__name__.lower()}")
            raise TemplateInvalid(f"line {line}: {what} may not stand in a template; use tokens, defaults and if.")
        if isinstance(node, nodes.Filter) and node.name not in (*FILTERS, "d", "link"):
            raise TemplateInvalid(f"line {line}: there is no filter {node.name!r}; there are {', '.join(FILTERS)}.")
        if isinstance(node, nodes.Getattr) and not isinstance(node.node, nodes.Name):
            raise TemplateInvalid(f"line {line}: a token has two parts, such as contact.first_name.")
        if isinstance(node, nodes.Getattr) and node.attr.startswith("_"):
            raise TemplateInvalid(f"line {line}: {node.attr!r} is no name of a field or property.")
        if isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name) and node.node.name not in ROOTS:
            raise TemplateInvalid(f"line {line}: {_unknown(node.node.name, ROOTS)}")
    for name in _lone_names(tree):
        if name.name not in SINGLE:
            known = (*SINGLE, *(f"{root}.…" for root in ROOTS))
            raise TemplateInvalid(f"line {name.lineno}: {_unknown(name.name, known)}")


def _unknown(name: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(name, [word.removesuffix(".…") for word in known], n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}."
    return f"there is no token {name!r}: {hint}"


def _walk(node: nodes.Node) -> Iterator[nodes.Node]:
    yield node
    for child in node.iter_child_nodes():
        yield from _walk(child)


def _lone_names(node: nodes.Node) -> Iterator[nodes.Name]:
    for child in node.iter_child_nodes():
        if isinstance(child, nodes.Name) and not isinstance(node, nodes.Getattr):
            yield child
        yield from _lone_names(child)


def _path(node: nodes.Node) -> str | None:
    if isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name):
        return f"{node.node.name}.{node.attr}"
    return node.name if isinstance(node, nodes.Name) and node.name in SINGLE else None


def _tokens(tree: nodes.Node) -> Iterator[str]:
    for node in _walk(tree):
        path = _path(node)
        if path and not (isinstance(node, nodes.Name) and node.name not in SINGLE):
            yield path


def _required(node: nodes.Node, asked_for: frozenset[str]) -> Iterator[str]:
    """Tokens that must have a value, given those that a condition around has asked for."""
    path = _path(node)
    if path is not None:
        if path not in asked_for:
            yield path
        return
    if isinstance(node, nodes.Filter) and node.name in ("default", "d"):
        return
    if isinstance(node, (nodes.If, nodes.CondExpr)):
        inside = asked_for | frozenset(_asked(node.test))
        body = node.body if isinstance(node, nodes.If) else [node.expr1]
        rest = [*node.elif_, *node.else_] if isinstance(node, nodes.If) else [node.expr2]
        for child in body:
            yield from _required(child, inside)
        for child in rest:
            if child is not None:
                yield from _required(child, asked_for)
        return
    for child in node.iter_child_nodes():
        yield from _required(child, asked_for)


def _asked(test: nodes.Node) -> Iterator[str]:
    """Tokens that have a value where the condition is true."""
    path = _path(test)
    if path:
        yield path
    elif isinstance(test, nodes.And):
        yield from _asked(test.left)
        yield from _asked(test.right)
    elif isinstance(test, nodes.Compare) and [operand.op for operand in test.ops] == ["eq"]:
        yield from _asked(test.expr)
