"""How does a template become text? Checked, compiled once, filled with plain data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any, Final, TypeVar

from jinja2 import Template as JinjaTemplate
from jinja2 import TemplateSyntaxError, nodes

from cadenza.errors import TemplateInvalid
from cadenza.mail.markup import clean_source
from cadenza.mail.template_rules import Problem, asked_for, problems_of, token_path
from cadenza.mail.template_values import TokenEnvironment

ENVIRONMENT: Final = TokenEnvironment()
#: Characters; far more than a mail of words needs.
LONGEST: Final = 200_000
#: A condition on a line of its own, which is no line of the text.
_OWN_LINE: Final = re.compile(r"^[ \t]*(\{%[^%]*%\})[ \t]*\n", re.MULTILINE)


class Template:
    """A checked template."""

    def __init__(self, source: str) -> None:
        #: As it is compiled: HTML is clean already, its tokens are marked with where they stand.
        self.source = source
        reading = _Reading()
        self.body = reading.body(ENVIRONMENT.parse(source).body)
        #: Every token, by path ("contact.first_name").
        self.tokens: tuple[str, ...] = tuple(reading.tokens)
        #: Those that must have a value: no default, and no condition around that asks for them.
        self.required: tuple[str, ...] = tuple(reading.required)

    @cached_property
    def _compiled(self) -> JinjaTemplate:
        return compile_tree(self.body)

    @cached_property
    def _words(self) -> str | None:
        """What a template without tokens and conditions says; None: it has some."""
        parts = [part for node in self.body for part in (node.nodes if isinstance(node, nodes.Output) else [node])]
        words = [part.data for part in parts if isinstance(part, nodes.TemplateData)]
        return "".join(words) if len(words) == len(parts) else None

    def render(self, values: Mapping[str, Any]) -> str:
        """The text for one contact; ``values`` are plain dictionaries by root.

        Raises:
            TokenMissing: names the token that has no value.
        """
        # A subject that one contact has of its own often has no token: that is not worth compiling.
        return self._compiled.render(values) if self._words is None else self._words


@lru_cache(maxsize=4_096)
def compile_template(source: str, *, is_html: bool) -> Template:
    """A template that can do no harm, whoever wrote it and whatever its values are.

    HTML is sanitised, its styles inlined, and values are escaped for the place where they stand.

    Raises:
        TemplateInvalid: names each line with what may not stand there.
    """
    found = template_problems(source)
    if found:
        raise TemplateInvalid.at(*found)
    return Template(clean_source(source, ENVIRONMENT)) if is_html else Template(_OWN_LINE.sub(r"\1", source))


def template_problems(source: str) -> list[Problem]:
    """Everything that a template may not say, by line."""
    if len(source) > LONGEST:
        return [(1, f"the template has {len(source):,} characters: {LONGEST:,} are the most.")]
    try:
        tree = ENVIRONMENT.parse(source)
        raw = [(line, "'raw' may not stand here: write {{ '{{' }} for braces.")
               for line, kind, _ in ENVIRONMENT.lex(source) if kind == "raw_begin"]  # fmt: skip
        found = sorted({*raw, *problems_of(tree)})
        if not found and "{" in source:
            ENVIRONMENT.compile(tree)
    except TemplateSyntaxError as error:
        return [(error.lineno, f"{error.message}.")]
    except (RecursionError, SyntaxError, MemoryError):
        return [(1, "the template is nested too deeply.")]
    return found


def compile_tree(body: Iterable[nodes.Node]) -> JinjaTemplate:
    """Statements that were read from checked templates, compiled."""
    tree = nodes.Template(list(body), lineno=1)
    tree.set_environment(ENVIRONMENT)
    for node in tree.find_all(nodes.Node):
        node.lineno = node.lineno or 1
    return ENVIRONMENT.from_string(tree)


_Node = TypeVar("_Node", bound=nodes.Node)


class _Reading:
    """One pass over a tree: makes missing values an error where they would show, and notes the tokens."""

    def __init__(self) -> None:
        self.tokens: dict[str, None] = {}
        self.required: dict[str, None] = {}

    def body(self, children: Sequence[nodes.Node], given: frozenset[str] = frozenset()) -> list[nodes.Node]:
        """Statements, where the tokens of ``given`` are known to have values."""
        body = [self._statement(child, given) for child in children]
        for before, node, after in zip([None, *body], body, body[1:], strict=False):
            if isinstance(node, nodes.If) and isinstance(after, nodes.Output):
                _keep_paragraphs_apart(before, node, after)
        return body

    def _statement(self, node: nodes.Node, given: frozenset[str]) -> nodes.Node:
        if isinstance(node, nodes.If):
            inside = self.body(node.body, given | asked_for(node.test))
            elifs = [part for part in self.body(node.elif_, given) if isinstance(part, nodes.If)]
            return nodes.If(self._quiet(node.test), inside, elifs, self.body(node.else_, given))
        assert isinstance(node, nodes.Output)
        return nodes.Output([self._shown(part, given) for part in node.nodes])

    def _shown(self, node: nodes.Expr, given: frozenset[str]) -> nodes.Expr:
        if isinstance(node, nodes.TemplateData):
            return node
        if isinstance(node, nodes.Filter) and node.name.startswith("_") and node.node is not None:
            return _filtered(self._value(node.node, given), node.name)
        return _filtered(self._value(node, given), "_text")

    def _value(self, node: nodes.Expr, given: frozenset[str]) -> nodes.Expr:
        """An expression whose value shows: what it is made of must be there."""
        path = token_path(node)
        if path:
            self.tokens[path] = None
            if path not in given:
                self.required[path] = None
            return _filtered(node, "_needed", nodes.Const(path))
        if isinstance(node, nodes.CondExpr):
            inside = given | asked_for(node.test)
            other = self._value(node.expr2, given) if node.expr2 is not None else nodes.Const("")
            return nodes.CondExpr(self._quiet(node.test), self._value(node.expr1, inside), other)
        if isinstance(node, nodes.Or):
            return nodes.Or(self._quiet(node.left), self._value(node.right, given))
        if isinstance(node, nodes.Filter) and node.node is not None:
            inner = self._quiet(node.node) if node.name == "default" else self._value(node.node, given)
            return _filtered(inner, node.name, *(self._value(argument, given) for argument in node.args))
        return node

    def _quiet(self, node: _Node) -> _Node:
        """An expression that may find nothing."""
        for part in (node, *node.find_all((nodes.Name, nodes.Getattr, nodes.Getitem))):
            if path := token_path(part):
                self.tokens[path] = None
        return node


def _keep_paragraphs_apart(before: nodes.Node | None, condition: nodes.If, after: nodes.Output) -> None:
    """A paragraph that is left out takes the empty line behind it along."""
    last = before.nodes[-1] if isinstance(before, nodes.Output) else None
    first = after.nodes[0]
    starts_paragraph = before is None or (isinstance(last, nodes.TemplateData) and last.data.endswith("\n\n"))
    if starts_paragraph and isinstance(first, nodes.TemplateData) and first.data.startswith("\n"):
        first.data = first.data[1:]
        for branch in (condition.body, *(part.body for part in condition.elif_), condition.else_):
            if branch:
                branch.append(nodes.Output([nodes.TemplateData("\n")]))


def _filtered(node: nodes.Expr, name: str, *arguments: nodes.Expr) -> nodes.Filter:
    return nodes.Filter(node, name, list(arguments), [], None, None)
