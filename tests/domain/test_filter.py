"""What does the filter of a segment say?"""

from __future__ import annotations

import contextlib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadenza.domain.filter import (
    DEEPEST_NESTING,
    MOST_CONDITIONS,
    All,
    Condition,
    Either,
    Not,
    Operator,
    parse_filter,
)
from cadenza.errors import FilterInvalid


@pytest.mark.parametrize(
    ("expression", "meaning"),
    [
        ("country = Germany", Condition("country", Operator.EQUAL, ("Germany",))),
        ("country <> 'Côte d\\'Ivoire'", Condition("country", Operator.UNEQUAL, ("Côte d'Ivoire",))),
        ('"Number of employees" >= 50', Condition("Number of employees", Operator.AT_LEAST, (Decimal(50),))),
        ("zip = '01234'", Condition("zip", Operator.EQUAL, ("01234",))),
        ("born < 1990-05-01", Condition("born", Operator.LESS, ("1990-05-01",))),
        ("owner_email = ana@northwind.example", Condition("owner_email", Operator.EQUAL, ("ana@northwind.example",))),
        ("a IN (1, b)", Condition("a", Operator.IN, (Decimal(1), "b"))),
        ("a Starts With x", Condition("a", Operator.STARTS_WITH, ("x",))),
        ("a is not empty", Not(Condition("a", Operator.IS_EMPTY))),
        ("a not in (b)", Not(Condition("a", Operator.IN, ("b",)))),
        ('"and" = "or"', Condition("and", Operator.EQUAL, ("or",))),
        (
            "a = 1 or b = 2 and not c = 3",
            Either(
                (
                    Condition("a", Operator.EQUAL, (Decimal(1),)),
                    All(
                        (
                            Condition("b", Operator.EQUAL, (Decimal(2),)),
                            Not(Condition("c", Operator.EQUAL, (Decimal(3),))),
                        )
                    ),
                )
            ),
        ),
    ],
)
def test_an_expression_means(expression, meaning):
    assert parse_filter(expression) == meaning


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("", "character 1: the end stands there, but a field or property"),
        ("country", "character 8: the end.*one of =, !=, <"),
        ("country =", "character 10: the end.*a value"),
        ("country == Germany", "character 10: '='.*a value"),
        ("country = Germany France", "character 19: 'France'.*'and', 'or' or the end"),
        ("(country = Germany", r"character 19: the end.*'\)'"),
        ("country is Germany", "character 12: 'Germany'.*'empty'"),
        ("country like 'G%'", "character 9: 'like'.*one of"),
        ("country = 'Germany", "character 11: ''' is not part.*close them"),
        ("country = Germany; DROP TABLE contacts", "character 18: ';' is not part"),
        ("and = 1", "character 1: 'and'"),
        ("a in ()", "character 7: '\\)'.*a value"),
        ("a = '\x00'", "character at 5 that no text can hold"),
        ("a = '\ud800'", "no text can hold"),
    ],
)
def test_a_mistake_is_refused_with_its_place_and_what_may_stand_there(expression, complaint):
    with pytest.raises(FilterInvalid, match=complaint):
        parse_filter(expression)


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("(" * (DEEPEST_NESTING + 1) + "a = 1", "nests deeper"),
        ("not " * 2_000 + "a = 1", "nests deeper"),
        (" or ".join(["a=1"] * (MOST_CONDITIONS + 1)), "more than"),
        ("a = '" + "x" * 10_000 + "'", "at most 10000"),
    ],
)
def test_a_filter_cannot_be_made_to_hurt(expression, complaint):
    with pytest.raises(FilterInvalid, match=complaint):
        parse_filter(expression)


PARTS = [*"ab \"'\\()=<>!,.0-5", "and ", "or ", "not ", "in ", "is empty"]


@given(st.lists(st.sampled_from(PARTS)).map("".join))
def test_any_text_is_a_filter_or_refused(expression):
    with contextlib.suppress(FilterInvalid):
        parse_filter(expression)
