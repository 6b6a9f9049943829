"""What may a template say? Tokens, defaults and conditions; nothing that computes, calls or looks around."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Final

from jinja2 import nodes

#: What a token may start with; the part behind the dot is a field or a property.
ROOTS: Final = ("contact", "company", "sender", "sequence")
#: Tokens without a dot.
SINGLE: Final = ("unsubscribe_url",)
FILTERS: Final = ("default", "title", "upper", "lower", "capitalize", "trim", "date")
#: Fields that every contact, company, sender or sequence has; any other name behind a dot is a property.
FIELDS: Final = {
    "contact": (
        "first_name", "last_name", "email", "company", "job_title", "phone", "country", "city", "language", "time_zone",
    ),
    "company": ("name", "domain", "country"),
    "sender": ("name", "first_name", "last_name", "email"),
    "sequence": ("title", "name"),
}  # fmt: skip

_LOOKUPS = (nodes.Name, nodes.Getattr, nodes.Getitem)
_VALUES = (*_LOOKUPS, nodes.Const, nodes.Filter, nodes.CondExpr, nodes.Or)
_TESTS = (*_LOOKUPS, nodes.Const, nodes.Filter, nodes.Not, nodes.And, nodes.Or, nodes.Compare)
_REMEDY = "templates have tokens, the filters " + ", ".join(FILTERS) + ", and if"
_NAMES: Final = {
    nodes.Call: "a call",
    nodes.Assign: "an assignment",
    nodes.FromImport: "an import",
    nodes.Extends: "an extends",
    nodes.Include: "an include",
    nodes.Import: "an import",
    nodes.For: "a loop",
    nodes.Test: "a test with 'is'",
    nodes.Add: "arithmetic",
    nodes.Mul: "arithmetic",
    nodes.Pow: "arithmetic",
    nodes.Concat: "joining with ~",
}

Problem = tuple[int, str]


def token_path(node: object) -> str | None:
    """The token that a node is ("contact.first_name"), if it is one."""
    if isinstance(node, nodes.Name):
        return node.name if node.name in SINGLE else None
    if isinstance(node, nodes.Getattr | nodes.Getitem) and isinstance(node.node, nodes.Name):
        return f"{node.node.name}.{_field(node)}"
    return None


def asked_for(test: nodes.Node | None) -> frozenset[str]:
    """The tokens that certainly have a value where a condition is true."""
    if isinstance(test, nodes.And):
        return asked_for(test.left) | asked_for(test.right)
    if isinstance(test, nodes.Filter) and test.name != "default":
        return asked_for(test.node)
    if isinstance(test, nodes.Compare):
        only = test.ops[0]
        has_value = only.op == "eq" and isinstance(only.expr, nodes.Const) and bool(str(only.expr.value).strip())
        return asked_for(test.expr) if has_value else frozenset()
    path = token_path(test)
    return frozenset([path]) if path else frozenset()


def problems_of(tree: nodes.Template) -> Iterator[Problem]:
    """What is wrong, with the line on which it stands."""
    for node in tree.body:
        yield from _statement(node)


def _statement(node: nodes.Node) -> Iterator[Problem]:
    if isinstance(node, nodes.Output):
        for part in node.nodes:
            if not isinstance(part, nodes.TemplateData):
                yield from _value(part)
    elif isinstance(node, nodes.If):
        yield from _test(node.test)
        for child in (*node.body, *node.elif_, *node.else_):
            yield from _statement(child)
    else:
        yield _forbidden(node)


def _value(node: nodes.Node) -> Iterator[Problem]:
    if isinstance(node, nodes.CondExpr):
        yield from _test(node.test)
        for child in (node.expr1, node.expr2):
            if child is not None:
                yield from _value(child)
    elif isinstance(node, nodes.Or):
        yield from _value(node.left)
        yield from _value(node.right)
    elif isinstance(node, _VALUES):
        yield from _leaf(node)
    else:
        yield _forbidden(node)


def _test(node: nodes.Node) -> Iterator[Problem]:
    if isinstance(node, nodes.Not):
        yield from _test(node.node)
    elif isinstance(node, nodes.And | nodes.Or):
        yield from _test(node.left)
        yield from _test(node.right)
    elif isinstance(node, nodes.Compare):
        yield from _test(node.expr)
        for operand in node.ops:
            if operand.op not in ("eq", "ne"):
                yield node.lineno, f"{operand.op!r} may not stand here: compare with == or != only."
            yield from _test(operand.expr)
    elif isinstance(node, _TESTS):
        yield from _leaf(node)
    else:
        yield _forbidden(node)


def _leaf(node: nodes.Node) -> Iterator[Problem]:
    if isinstance(node, nodes.Filter):
        if node.name not in FILTERS:
            yield node.lineno, f"there is no filter {node.name!r}: {_nearest(node.name, FILTERS)}"
        if node.kwargs or node.dyn_args or node.dyn_kwargs or node.node is None:
            yield node.lineno, f"the filter {node.name!r} takes plain arguments only."
        if node.node is not None:
            yield from _value(node.node)
        for argument in node.args:
            yield from _value(argument)
    elif isinstance(node, nodes.Const):
        if not isinstance(node.value, str | int | float | None):
            yield _forbidden(node)
    else:
        yield from _token(node)


def _token(node: nodes.Node) -> Iterator[Problem]:
    if isinstance(node, nodes.Name):
        if node.name in ROOTS:
            yield node.lineno, f"{node.name!r} alone says nothing: write {node.name}.{FIELDS[node.name][0]}."
        elif node.name not in SINGLE:
            yield node.lineno, f"there is no token {node.name!r}: {_nearest(node.name, (*ROOTS, *SINGLE), '.…')}"
        return
    assert isinstance(node, nodes.Getattr | nodes.Getitem)
    field = _field(node)
    if not isinstance(node.node, nodes.Name) or field is None:
        yield node.lineno, "a token has two parts, such as contact.first_name or contact['Job title']."
    elif node.node.name not in ROOTS:
        yield node.lineno, f"there is no token {node.node.name}.{field}: {_nearest(node.node.name, ROOTS, '.…')}"
    elif field.startswith("_"):
        yield node.lineno, f"{field!r} is no name of a field or property."
    elif near := _mistyped(node.node.name, field):
        yield node.lineno, f"there is no token {node.node.name}.{field}: did you mean {node.node.name}.{near}?"


def _field(node: nodes.Getattr | nodes.Getitem) -> str | None:
    if isinstance(node, nodes.Getattr):
        return node.attr
    return node.arg.value if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str) else None


def _mistyped(root: str, field: str) -> str | None:
    """The field that is meant by a name which is almost that of a field; other names are properties."""
    known = FIELDS[root]
    if field in known:
        return None
    if root == "sequence":
        return difflib.get_close_matches(field, known, n=1, cutoff=0)[0]
    bare = {name.replace("_", ""): name for name in known}
    folded = field.lower().replace("_", "").replace(" ", "").replace("-", "")
    near = difflib.get_close_matches(field, known, n=1, cutoff=0.87)
    return bare.get(folded) or (near[0] if near else None)


def _nearest(name: str, known: tuple[str, ...], suffix: str = "") -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(word + suffix for word in known)}."


def _forbidden(node: nodes.Node) -> Problem:
    what = next((name for kind, name in _NAMES.items() if isinstance(node, kind)), f"'{type(node).__name__.lower()}'")
    return node.lineno, f"{what} may not stand in a template: {_REMEDY}."
