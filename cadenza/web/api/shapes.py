"""What may stand in a request, and how does a page of an answer look?"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final, Generic, TypeVar

from fastapi import Query, Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from cadenza.web.api.errors import Problem

#: Beyond it JSON numbers are not exact.
LARGEST_ID: Final = 2**53 - 1
MOST_RESULTS: Final = 500
#: What no text of the database can hold.
STORABLE: Final = r"^[^\x00]*$"

Row = TypeVar("Row")


def _number(value: object) -> object:
    """A number as JSON has it, 7.0 too; a text of digits is none."""
    if isinstance(value, str | bool):
        raise PydanticCustomError("int_type", "must be a whole number")
    return value


AS_IN_JSON: Final = BeforeValidator(_number)
Id = Annotated[int, Field(ge=1, le=LARGEST_ID), AS_IN_JSON]
#: An id in a path or a query, where everything is text.
IdInUrl = Annotated[int, Field(ge=1, le=LARGEST_ID)]
Words = Annotated[str, Field(max_length=10_000, pattern=STORABLE)]
#: A handle, a sequence's or a list's name.
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=STORABLE)]
After = Annotated[str | None, Field(pattern=r"^[0-9]{1,18}$", description="`paging.next.after` of the page before.")]
Limit = Annotated[int, Field(ge=1, le=MOST_RESULTS, description="The most results of one page.")]


def check_text(place: str, data: Mapping[str, Any]) -> None:
    """See that data of any shape holds only what the database can keep as text.

    Raises:
        Problem: it does not; names the field.
    """
    told = json.dumps(data, ensure_ascii=False)
    if "\\u0000" in told or any("\ud800" <= character <= "\udfff" for character in told):
        raise Problem(422, f"{place}: it holds what is no text: correct its encoding.", "INVALID_TEXT", field=place)


class In(BaseModel):
    """What a request says; a field that nobody knows is an error."""

    model_config = ConfigDict(extra="forbid")


class Paged(In):
    """Which page of a list."""

    after: After = None
    limit: Limit = 100

    @property
    def place(self) -> int:
        """The id, or the number of results, behind which the page begins."""
        return int(self.after or 0)


AnyPage = Annotated[Paged, Query()]


class NextPage(BaseModel):
    """Where the results go on."""

    after: str
    link: str


class Paging(BaseModel):
    """Whether there is more."""

    next: NextPage


class Page(BaseModel, Generic[Row]):
    """One page of a list; without ``paging`` it is the last."""

    results: list[Row]
    paging: Paging | None = Field(None, exclude_if=lambda paging: paging is None)


def page_of(request: Request, rows: Sequence[Row], limit: int, place: Callable[[Row], int]) -> Page[Any]:
    """A page from up to one row more than it may hold; ``place`` is what ``after`` is told of a row."""
    shown = rows[:limit]
    return Page(results=list(shown), paging=paging_of(request, place(shown[-1])) if len(rows) > limit else None)


def paging_of(request: Request, place: int) -> Paging:
    """That results go on behind a place."""
    url = request.url.include_query_params(after=place)
    base = request.app.state.runtime.settings.public_url
    return Paging(next=NextPage(after=str(place), link=f"{base}{url.path}?{url.query}"))
