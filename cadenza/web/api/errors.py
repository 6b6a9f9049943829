"""How does the API say what is wrong? In HubSpot's shape, with our code as ``subCategory``."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import uuid4

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from cadenza import errors
from cadenza.errors import CadenzaError

logger = logging.getLogger(__name__)

Context = Mapping[str, Sequence[str]]


class Problem(Exception):
    """The request is not answered as it was meant."""

    def __init__(
        self,
        status: int,
        message: str,
        code: str,
        *,
        field: str | None = None,
        context: Context | None = None,
        headers: Mapping[str, str] | None = None,
        details: Sequence[ErrorDetail] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.context = context
        self.headers = headers
        self.details = list(details) or [ErrorDetail(message=message, code=code, field=field, context=context)]


class ErrorDetail(BaseModel):
    """One thing that is wrong."""

    model_config = ConfigDict(populate_by_name=True)

    message: str
    field: str | None = Field(None, alias="in", description="The field or parameter that it is about.")
    code: str | None = None
    context: dict[str, list[str]] | None = None


class Error(BaseModel):
    """What every answer says that is no success."""

    status: str = "error"
    message: str = Field(description="Names the thing, the cause and the remedy.")
    correlationId: str = Field(description="Unique: name it when you report something.")  # noqa: N815
    category: str
    subCategory: str | None = Field(None, description="Our code.")  # noqa: N815
    errors: list[ErrorDetail] | None = None
    context: dict[str, list[str]] | None = None


CATEGORIES: Final[Mapping[int, str]] = {
    400: "VALIDATION_ERROR",
    401: "INVALID_AUTHENTICATION",
    403: "MISSING_SCOPES",
    404: "OBJECT_NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    408: "REQUEST_TIMEOUT",
    409: "CONFLICT",
    413: "PAYLOAD_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    422: "VALIDATION_ERROR",
    429: "RATE_LIMITS",
    503: "SERVICE_UNAVAILABLE",
}

#: Errors of ours by status; what is not here is the request's fault.
STATUSES: Final[Mapping[type[CadenzaError], int]] = {
    errors.KeyInvalid: 401,
    errors.NotAllowed: 403,
    errors.NotFound: 404,
    errors.UsedForOther: 409,
    errors.StillWorking: 409,
    errors.DatabaseUnavailable: 503,
    errors.MailServerUnavailable: 503,
    errors.NotRunning: 503,
    errors.ContractsDisagree: 500,
    errors.RowsRefused: 500,
}

#: Answers that any request may get, for the description.
RESPONSES: Final[dict[int | str, dict[str, Any]]] = {"default": {"model": Error, "description": "An error."}}

_SENTENCES: Final[Mapping[str, tuple[str, str]]] = {
    "missing": ("REQUIRED_FIELD", "is missing"),
    "extra_forbidden": ("UNKNOWN_FIELD", "is no field here: correct its name or leave it out"),
    "json_invalid": ("INVALID_JSON", "is no JSON"),
    "string_unicode": ("INVALID_TEXT", "holds what is no text: correct its encoding"),
}


def answer(problem: Problem) -> JSONResponse:
    """The answer that tells of a problem."""
    error = Error(
        message=str(problem),
        correlationId=str(uuid4()),
        category=CATEGORIES.get(problem.status, "INTERNAL_ERROR"),
        subCategory=problem.code,
        errors=problem.details,
        context={name: list(values) for name, values in problem.context.items()} if problem.context else None,
    )
    return JSONResponse(
        error.model_dump(mode="json", by_alias=True, exclude_none=True),
        problem.status,
        dict(problem.headers) if problem.headers else None,
    )


def answer_errors(app: FastAPI) -> None:
    """Let an application tell of everything that goes wrong in this shape."""
    app.add_exception_handler(Problem, lambda _, error: answer(_as(Problem, error)))
    app.add_exception_handler(CadenzaError, lambda _, error: answer(of_ours(_as(CadenzaError, error))))
    app.add_exception_handler(
        RequestValidationError, lambda _, error: answer(of_fields(_as(RequestValidationError, error).errors()))
    )
    app.add_exception_handler(HTTPException, lambda _, error: answer(_of_http(_as(HTTPException, error))))
    app.add_exception_handler(Exception, _unexpected)


def of_ours(error: CadenzaError) -> Problem:
    """What an error of ours is for a program."""
    status = next((status for kind, status in STATUSES.items() if isinstance(error, kind)), 422)
    code = re.sub(r"(?<!^)(?=[A-Z])", "_", type(error).__name__).upper()
    headers = {401: {"WWW-Authenticate": "Bearer"}, 409: {"Retry-After": "1"}, 503: {"Retry-After": "60"}}.get(status)
    field = None
    if isinstance(error, errors.OverrideInvalid):
        code, field = error.code, error.field
    return Problem(status, str(error), code, field=field, headers=headers if status == 401 or error.transient else None)


def of_fields(problems: Sequence[Mapping[str, Any]]) -> Problem:
    """What is wrong with the fields of a request, each named."""
    details = [_detail(problem) for problem in problems[:20]]
    message = "; ".join(f"{detail.field}: {detail.message}" for detail in details)
    return Problem(400, f"The request is not valid: {message}.", "INVALID_REQUEST", details=details)


def _detail(problem: Mapping[str, Any]) -> ErrorDetail:
    where = [str(part) for part in problem["loc"]]
    if problem["type"] == "json_invalid":
        where = where[:1]
    field = ".".join(where[1:]) or where[0]
    kind = str(problem["type"])
    code, sentence = _SENTENCES.get(kind, ("", ""))
    if not code:
        code = "WRONG_TYPE" if kind.endswith(("_type", "_parsing")) else "INVALID_VALUE"
        sentence = re.sub(r"^(Input|String|Value|List|Datetimes?|.*? type) should", "must", problem["msg"])
        sentence = re.sub(r"^Value error, ", "", sentence)
    if kind == "string_pattern_mismatch":
        sentence = f"must look like {problem['ctx']['pattern']}"
    return ErrorDetail(message=sentence, code=code, field=field)


def _of_http(error: HTTPException) -> Problem:
    words = {
        400: ("INVALID_JSON", "The body is no JSON that can be read: correct it."),
        404: ("NO_SUCH_PATH", "There is nothing at this path: see the description of the API."),
        405: ("METHOD_NOT_ALLOWED", "This path does not know the method: see the description of the API."),
    }
    code, message = words.get(error.status_code, ("NOT_POSSIBLE", "This is not possible."))
    return Problem(error.status_code, message, code, headers=error.headers)


def _unexpected(_: Request, error: Exception) -> JSONResponse:
    told = answer(Problem(500, "Something went wrong inside Cadenza: try again; if it stays, report it.", "INTERNAL"))
    logger.error("API: %s, %s", type(error).__name__, bytes(told.body).decode())
    return told


def _as(kind: type[Any], error: Exception) -> Any:
    assert isinstance(error, kind)
    return error
