"""Where are passwords and refresh tokens kept? In a table, encrypted, by name."""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, text

from cadenza.errors import SecretMissing, SecretUnreadable
from cadenza.store.database import transaction

if TYPE_CHECKING:
    from cryptography.fernet import Fernet


def save_secret(connection: Connection, key: bytes, name: str, value: str) -> None:
    """Store a secret, or the new value of one."""
    connection.execute(
        text("""
            INSERT INTO secrets (name, ciphertext) VALUES (:name, :ciphertext)
            ON CONFLICT (name) DO UPDATE SET ciphertext = excluded.ciphertext, updated_at = now()
        """),
        {"name": name, "ciphertext": _cipher(key, name).encrypt(value.encode())},
    )


def read_secret(connection: Connection, key: bytes, name: str) -> str:
    """The secret itself.

    Raises:
        SecretMissing: there is none of that name.
        SecretUnreadable: it was stored with another key.
    """
    from cryptography.fernet import InvalidToken

    ciphertext = connection.scalar(text("SELECT ciphertext FROM secrets WHERE name = :name"), {"name": name})
    if ciphertext is None:
        raise SecretMissing(f"There is no secret {name!r} in the database: connect the mailbox that names it again.")
    try:
        return _cipher(key, name).decrypt(bytes(ciphertext)).decode()
    except InvalidToken as error:
        raise SecretUnreadable(
            f"The secret {name!r} was stored with another key: set CADENZA_SECRETS_KEY (or put back secrets.key) "
            "as it was then, or connect the mailbox again."
        ) from error


def forget_secrets(connection: Connection, names: Collection[str]) -> None:
    """Delete those of the secrets that no mailbox needs any more."""
    connection.execute(
        text("""
            DELETE FROM secrets s WHERE s.name = ANY (:names) AND NOT EXISTS (
                SELECT FROM mailboxes m
                WHERE m.disconnected_by IS NULL
                  AND (m.transport ->> 'password_secret' = s.name OR m.imap ->> 'password_secret' = s.name)
            )
        """),
        {"names": list(names)},
    )


@dataclass(frozen=True, slots=True)
class Vault:
    """The secrets that mailboxes may name: stored ones, and blocks of Prefect."""

    engine: Engine
    key: Callable[[], bytes]
    #: Reads a block by its name.
    read_block: Callable[[str], str]

    def stored(self, name: str) -> str:
        """A secret of the table; raises what ``read_secret`` raises."""
        with transaction(self.engine) as connection:
            return read_secret(connection, self.key(), name)

    def store(self, name: str, value: str) -> None:
        """Keep a new value: providers replace refresh tokens."""
        with transaction(self.engine) as connection:
            save_secret(connection, self.key(), name, value)

    def block(self, name: str) -> str:
        """What a Prefect Secret block holds."""
        return self.read_block(name)


def _cipher(key: bytes, name: str) -> Fernet:
    """The cipher of one secret: its key depends on the name, so that no ciphertext passes for another secret."""
    from cryptography.fernet import Fernet
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    derived = HKDF(SHA256(), 32, salt=None, info=b"cadenza secret " + name.encode()).derive(key)
    return Fernet(base64.urlsafe_b64encode(derived))
