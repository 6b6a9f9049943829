"""What does the filter of a segment say?

A filter is a small language of its own, so that nothing a person types can become SQL::

    country = Germany and (job_title contains "head" or "Number of employees" >= 50) and not owner_email is empty
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from cadenza.domain.filter_tokens import OPERATORS, Token, tokens
from cadenza.errors import FilterInvalid

#: The longest filter, the deepest nesting and the most conditions of one: enough for people, too little to do harm.
LONGEST_FILTER: Final = 10_000
DEEPEST_NESTING: Final = 50
MOST_CONDITIONS: Final = 500


class Operator(StrEnum):
    """What a condition asks of a field."""

    EQUAL = "="
    UNEQUAL = "!="
    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="
    CONTAINS = "contains"
    STARTS_WITH = "starts with"
    IN = "in"
    IS_EMPTY = "is empty"


@dataclass(frozen=True, slots=True)
class Condition:
    """One question about one field or property; ``operands`` is empty for IS_EMPTY."""

    field: str
    operator: Operator
    operands: tuple[str | Decimal, ...] = ()


@dataclass(frozen=True, slots=True)
class Not:
    """True where the part is not."""

    part: Filter


@dataclass(frozen=True, slots=True)
class All:
    """True where every part is."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """True where at least one part is."""

    parts: tuple[Filter, ...]


Filter = Condition | Not | All | Either

_WORDS: Final = frozenset({"and", "or", "not", "contains", "starts", "with", "in", "is", "empty"})
_COMPARISONS: Final = frozenset({"=", "!=", "<", "<=", ">", ">="})


def parse_filter(expression: str) -> Filter:
    """The filter that an expression stands for.

    Raises:
        FilterInvalid: names the position and what may stand there.
    """
    return _Parser(expression).parse()


class _Parser:
    """Recursive descent: ``or`` binds less than ``and``, ``and`` less than ``not``."""

    def __init__(self, expression: str) -> None:
        if len(expression) > LONGEST_FILTER:
            raise FilterInvalid(f"The filter has {len(expression)} characters: at most {LONGEST_FILTER} are allowed.")
        self._tokens = tokens(expression)
        self._next = 0
        self._depth = 0
        self._conditions = 0

    def parse(self) -> Filter:
        parsed = self._either()
        if self._token.kind != "end":
            raise self._unexpected("'and', 'or' or the end")
        return parsed

    @property
    def _token(self) -> Token:
        return self._tokens[self._next]

    def _take(self) -> Token:
        token = self._token
        self._next += 1
        return token

    def _takes(self, *texts: str) -> bool:
        """Take the next token if it is one of these symbols or words."""
        if self._token.kind in ("symbol", "word") and self._token.text.lower() in texts:
            self._next += 1
            return True
        return False

    def _needs(self, text: str) -> None:
        if not self._takes(text):
            raise self._unexpected(f"'{text}'")

    def _unexpected(self, allowed: str) -> FilterInvalid:
        token = self._token
        found = "the end" if token.kind == "end" else f"'{token.text[:40]}'"
        return FilterInvalid(
            f"The filter is not understood at character {token.at + 1}: {found} stands there, but {allowed} may."
        )

    def _either(self) -> Filter:
        parts = [self._all()]
        while self._takes("or"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _all(self) -> Filter:
        parts = [self._negation()]
        while self._takes("and"):
            parts.append(self._negation())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _negation(self) -> Filter:
        self._depth += 1
        if self._depth > DEEPEST_NESTING:
            raise FilterInvalid(f"The filter nests deeper than {DEEPEST_NESTING} levels: make it flatter.")
        try:
            if self._takes("not"):
                return Not(self._negation())
            if self._takes("("):
                inner = self._either()
                self._needs(")")
                return inner
            return self._condition()
        finally:
            self._depth -= 1

    def _condition(self) -> Filter:
        self._conditions += 1
        if self._conditions > MOST_CONDITIONS:
            raise FilterInvalid(f"The filter has more than {MOST_CONDITIONS} conditions: use a static list.")
        field = self._name()
        symbol = self._token.text.replace("<>", "!=") if self._token.kind == "symbol" else ""
        if symbol in _COMPARISONS:
            self._take()
            return Condition(field, Operator(symbol), (self._operand(),))
        if self._takes("is"):
            is_negated = self._takes("not")
            self._needs("empty")
            condition = Condition(field, Operator.IS_EMPTY)
            return Not(condition) if is_negated else condition
        is_negated = self._takes("not")
        condition = self._words(field)
        return Not(condition) if is_negated else condition

    def _words(self, field: str) -> Condition:
        """A condition whose operator is a word."""
        if self._takes("contains"):
            return Condition(field, Operator.CONTAINS, (self._operand(),))
        if self._takes("starts"):
            self._needs("with")
            return Condition(field, Operator.STARTS_WITH, (self._operand(),))
        if self._takes("in"):
            self._needs("(")
            operands = [self._operand()]
            while self._takes(","):
                operands.append(self._operand())
            self._needs(")")
            return Condition(field, Operator.IN, tuple(operands))
        raise self._unexpected(f"one of {OPERATORS}")

    def _name(self) -> str:
        token = self._token
        is_name = token.kind == "quoted" or (token.kind == "word" and token.text.lower() not in _WORDS)
        if not is_name or not token.text.strip():
            raise self._unexpected("a field or property (in quotes if it has spaces), 'not' or '('")
        return self._take().text

    def _operand(self) -> str | Decimal:
        token = self._token
        if token.kind == "number":
            return Decimal(self._take().text)
        if token.kind == "quoted" or (token.kind == "word" and token.text.lower() not in _WORDS):
            return self._take().text
        raise self._unexpected("a value: a number, a word, or a text in quotes")
