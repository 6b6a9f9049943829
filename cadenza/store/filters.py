"""How does a filter become SQL? Names and values are bound parameters; a filter adds no text of its own."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from typing import Any, Final

from cadenza.domain.contact import CONTACT_FIELDS, property_name
from cadenza.domain.filter import All, Condition, Either, Filter, Not, Operator

#: A text that reads as a number, for comparisons with one.
_NUMBER: Final = r"^\s*[-+]?\d{1,18}(\.\d{1,18})?\s*$"


def _shown(instant: str) -> str:
    return f"to_char({instant} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI')"


#: What the enrollments of a contact tell of it, by the name that a filter uses; instants are UTC, as text.
_HISTORY: Final = {
    "last_sequence": "(SELECT s.name FROM sequences s WHERE s.id = h.last_sequence_id)",
    "last_enrolled_at": _shown("h.last_enrolled_at"),
    "last_finished_at": _shown("h.last_finished_at"),
    "last_ended_at": _shown("h.last_ended_at"),
    "last_unenrolled_at": _shown("h.last_unenrolled_at"),
    "enrollments": "coalesce(h.enrollments, 0)::text",
}
#: Read once for a whole segment, and only where a filter asks for it.
_WITH_HISTORY: Final = """
    SELECT k.id FROM contacts k
    LEFT JOIN (
        SELECT e.contact_id, count(*) AS enrollments, max(e.enrolled_at) AS last_enrolled_at,
               (array_agg(e.sequence_id ORDER BY e.enrolled_at DESC, e.id DESC))[1] AS last_sequence_id,
               max(e.ended_at) FILTER (WHERE e.status = 'finished') AS last_finished_at,
               max(e.ended_at) FILTER (WHERE e.status = 'ended') AS last_ended_at,
               max(e.ended_at) FILTER (WHERE e.ending = 'removed') AS last_unenrolled_at
        FROM enrollments e GROUP BY e.contact_id
    ) h ON h.contact_id = k.id
"""


def condition_sql(
    filter: Filter, prefix: str = "segment", fields: Collection[str] = CONTACT_FIELDS
) -> tuple[str, dict[str, Any]]:
    """A condition over ``contacts c`` and its parameters, whose names start with ``prefix``.

    ``fields`` are the columns that a filter may name, should ``c`` be something else; what is none is a property.

    Texts are compared without regard to case and outer spaces. A missing value equals nothing: ``!=`` holds for it,
    every other comparison does not; the condition is never NULL, so ``not`` means what it says. With a number,
    ``=`` and ``<`` compare as numbers the values that are numbers; other values are unequal.
    """
    parameters: dict[str, Any] = {}

    def bind(value: object) -> str:
        name = f"{prefix}_{len(parameters)}"
        parameters[name] = value
        return f":{name}"

    def sql(part: Filter) -> str:
        match part:
            case Not():
                return f"NOT {sql(part.part)}"
            case All():
                return f"({' AND '.join(sql(one) for one in part.parts)})"
            case Either():
                return f"({' OR '.join(sql(one) for one in part.parts)})"
            case Condition():
                return _condition(part, bind, fields)

    return sql(filter), parameters


def _condition(condition: Condition, bind: Any, fields: Collection[str]) -> str:
    told = _HISTORY.get(property_name(condition.field)) if fields is CONTACT_FIELDS else None
    if told:
        return f"(c.id IN ({_WITH_HISTORY} WHERE {_compared(condition, told, bind)}))"
    return _compared(condition, _value(condition.field, bind, fields), bind)


def _compared(condition: Condition, value: str, bind: Any) -> str:
    operator, operands = condition.operator, condition.operands
    match operator:
        case Operator.IS_EMPTY:
            return f"(coalesce({value}, '') = '')"
        case Operator.IN:
            return f"({' OR '.join(_equal(value, operand, bind) for operand in operands)})"
        case Operator.EQUAL:
            return _equal(value, operands[0], bind)
        case Operator.UNEQUAL:
            return f"(NOT {_equal(value, operands[0], bind)})"
        case Operator.CONTAINS:
            return f"coalesce(position({_text(operands[0], bind)} IN lower({value})) > 0, false)"
        case Operator.STARTS_WITH:
            return f"coalesce(starts_with(lower({value}), {_text(operands[0], bind)}), false)"
    if isinstance(operands[0], Decimal):
        return f"coalesce({_as_number(value, bind)} {operator} CAST({bind(operands[0])} AS numeric), false)"
    return f"coalesce(nullif(lower({value}), '') {operator} {_text(operands[0], bind)}, false)"


def _value(field: str, bind: Any, fields: Collection[str]) -> str:
    """The column of a built-in field (only names of our own reach the statement), else the property."""
    name = property_name(field)
    if name in fields:
        return f"btrim(c.{name})"
    return f"btrim(c.properties ->> CAST({bind(name)} AS text))"


def _text(operand: str | Decimal, bind: Any) -> str:
    return f"lower(btrim(CAST({bind(str(operand))} AS text)))"


def _equal(value: str, operand: str | Decimal, bind: Any) -> str:
    as_text = f"coalesce(lower({value}) = {_text(operand, bind)}, false)"
    if isinstance(operand, Decimal):
        as_number = f"coalesce({_as_number(value, bind)} = CAST({bind(operand)} AS numeric), false)"
        return f"({as_text} OR {as_number})"
    return as_text


def _as_number(value: str, bind: Any) -> str:
    return f"CASE WHEN {value} ~ CAST({bind(_NUMBER)} AS text) THEN CAST({value} AS numeric) END"
