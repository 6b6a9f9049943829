"""How do several commands take the same options, without each of them listing them?"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any


def takes(**parts: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let a command have the parameters of functions in place of its own: it is given what they return.

    ``@takes(whom=whom_of)`` replaces the parameter ``whom`` by those of ``whom_of``, which may itself take others so. A
    parameter that several have is one option.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        of_part = {name: _parameters(part) for name, part in parts.items()}
        own = [one.name for one in _parameters(command) if one.name not in parts]
        parameters = {
            shared.name: shared.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for one in _parameters(command)
            for shared in of_part.get(one.name, [one])
        }

        @functools.wraps(command)
        def run(**given: Any) -> Any:
            made = {
                name: part(**{one.name: given[one.name] for one in of_part[name] if one.name in given})
                for name, part in parts.items()
            }
            return command(**{name: given[name] for name in own if name in given}, **made)

        run.__signature__ = inspect.Signature(list(parameters.values()))  # type: ignore[attr-defined]
        run.__annotations__ = {name: one.annotation for name, one in parameters.items()}
        return run

    return decorate


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    return list(inspect.signature(function, eval_str=True).parameters.values())
