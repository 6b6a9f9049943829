"""How is a connector of ``cadenza.toml`` made?"""

from __future__ import annotations

import inspect
import os
import re
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from cadenza.connectors.connector import Connector
from cadenza.errors import SecretMissing, SettingsInvalid

#: Where the class of each kind is; another kind is the place of a class itself, as ``module:Class``.
KINDS: Final[Mapping[str, str]] = {
    "hubspot": "cadenza.connectors.hubspot:HubSpot",
    "sql": "cadenza.connectors.sql:Database",
}

#: Options that nobody writes into a file: words of their names, and a URL with a password in it.
_SECRET_NAME = re.compile(r"(?:^|_)(?:token|password|secret|key)$")
_SECRET_URL = re.compile(r"://[^/@]*:[^/@]+@")


def open_connector(
    name: str, kind: str, options: Mapping[str, Any], folder: Path, read_block: Callable[[str], str]
) -> Connector:
    """The connector with these options; ``token_env``, ``token_file`` and ``token_block`` say where ``token`` is kept.

    One's own modules and files are looked for in the folder.

    Raises:
        SettingsInvalid: there is no such kind, or an option is wrong, missing, or a secret itself.
        SecretMissing: a secret is not where an option says.
    """
    make = _class_of(name, kind, folder.resolve())
    given = dict(_resolved(name, option, value, folder, read_block) for option, value in options.items())
    try:
        inspect.signature(make).bind(**given)
    except TypeError as error:
        raise SettingsInvalid(
            f"[connectors.{name}]: {error}. Its options are {', '.join(inspect.signature(make).parameters)}; "
            "of a secret write where it is kept, such as token_env."
        ) from error
    try:
        made = make(**given)
    except (TypeError, ValueError) as error:
        raise SettingsInvalid(f"[connectors.{name}]: {error}") from error
    if not isinstance(made, Connector):
        raise SettingsInvalid(
            f"[connectors.{name}]: {kind} is no connector: its methods are check, contacts, lists, members, owners."
        )
    return made


def _class_of(name: str, kind: str, folder: Path) -> Callable[..., Any]:
    module, separator, attribute = KINDS.get(kind, kind).partition(":")
    if not separator:
        raise SettingsInvalid(
            f"[connectors.{name}]: there is no kind {kind!r}: write {', '.join(KINDS)} or module:Class."
        )
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    try:
        found: Callable[..., Any] = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise SettingsInvalid(
            f"[connectors.{name}]: {kind} cannot be imported ({error}): put {module.replace('.', '/')}.py into "
            f"{folder}, or install it."
        ) from error
    return found


def _resolved(name: str, option: str, value: Any, folder: Path, read_block: Callable[[str], str]) -> tuple[str, Any]:
    """The option itself, read from where a secret is kept."""
    base, _, place = option.rpartition("_")
    if base and place == "env":
        if not os.environ.get(value):
            raise SecretMissing(f"[connectors.{name}]: the environment variable {value} is not set: put {base} there.")
        return base, os.environ[value]
    if base and place == "file":
        try:
            return base, (folder / value).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise SecretMissing(f"[connectors.{name}]: {value} cannot be read ({error.strerror}).") from error
    if base and place == "block":
        return base, read_block(value)
    if isinstance(value, str) and (_SECRET_NAME.search(option) or _SECRET_URL.search(value)):
        raise SettingsInvalid(
            f"[connectors.{name}]: {option} is a secret, which does not belong into a file: put it into an environment "
            f'variable and write {option}_env = "ITS_NAME".'
        )
    return option, value
