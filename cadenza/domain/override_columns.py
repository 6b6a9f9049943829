"""Which columns of a list say what is different for a contact?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from cadenza.domain.overrides import Overrides
from cadenza.errors import OverrideInvalid

#: Names of properties that may be meant; a regular expression of PostgreSQL and Python alike.
PATTERN: Final = r"^(cadenza_|step_[0-9]+_|token_(contact|company)_)"

_WHOLE: Final = {
    "cadenza_start_step": "start_position",
    "cadenza_time_zone": "time_zone",
    "cadenza_send_at": "send_at",
    "cadenza_mailbox": "mailbox_id",
    "cadenza_from": "from_alias",
    "cadenza_days": "follow_ups.eligible_days",
    "cadenza_window": "follow_ups.window",
}
_STEP: Final = {
    "delay": "delay",
    "delay_days": "delay",
    "subject": "subject",
    "text": "text",
    "html": "html",
    "title": "title",
    "notes": "notes",
    "blocking": "is_blocking",
}
_OF_STEP: Final = re.compile(r"step_(\d+)_(\w+)")
_OF_TOKEN: Final = re.compile(r"token_(contact|company)_(\w+)")


def overrides_of_columns(columns: Mapping[str, str]) -> Overrides:
    """What the properties of a contact say; empty cells say nothing.

    Raises:
        OverrideInvalid: names the column, and what may stand there.
    """
    data: dict[str, Any] = {}
    places: dict[str, str] = {}
    for column, value in columns.items():
        path = _path_of(column)
        if path is None:
            raise OverrideInvalid.of(
                column, f"there is no such column: there are {', '.join(_WHOLE)}, step_2_subject …"
            )
        if path in places:
            raise OverrideInvalid.of(column, f"{places[path]} says the same: keep one of the two.")
        places[path] = column
        inner = data
        *above, name = path.split(".", 1 if path.startswith("token_values") else -1)
        for part in above:
            inner = inner.setdefault(part, {})
        inner[name] = f"{value.strip()} days" if column.endswith("_delay_days") else value.strip()
    try:
        return Overrides.from_data(data)
    except OverrideInvalid as error:
        column = places.get(error.field, error.field)
        raise OverrideInvalid.of(column, str(error).partition(": ")[2]) from None


def _path_of(column: str) -> str | None:
    """The option that a column is about, as errors name it."""
    if column in _WHOLE:
        return _WHOLE[column]
    if (step := _OF_STEP.fullmatch(column)) and step[2] in _STEP:
        return f"steps.{int(step[1])}.{_STEP[step[2]]}"
    if token := _OF_TOKEN.fullmatch(column):
        return f"token_values.{token[1]}.{token[2]}"
    return None
