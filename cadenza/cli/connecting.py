"""How does a person connect a mailbox? The command, and the account that its options describe."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer

from cadenza.cli.account_secret import Given, given_secret
from cadenza.cli.connection import connect as join
from cadenza.cli.connection import transaction
from cadenza.cli.output import show
from cadenza.errors import WrongUse

#: The servers of providers that also file sent mails by themselves.
GOOGLE = {"smtp": "smtp.gmail.com:587", "imap": "imap.gmail.com:993"}
MICROSOFT = {"smtp": "smtp.office365.com:587", "imap": "outlook.office365.com:993"}
_FILING = tuple(place.partition(":")[0] for place in (GOOGLE["smtp"], MICROSOFT["smtp"]))

_PORTS = {("smtp", "starttls"): 587, ("smtp", "tls"): 465, ("smtp", "none"): 25,
          ("imap", "starttls"): 143, ("imap", "tls"): 993, ("imap", "none"): 143}  # fmt: skip


def connect(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="The mailbox's address.")],
    user: Annotated[str, typer.Option("--user", "-u", help="Whose mailbox it is (handle).")],
    smtp: Annotated[str, typer.Option(metavar="HOST:PORT", help="The server to send through.")] = "",
    smtp_security: Annotated[str, typer.Option(metavar="starttls|tls|none")] = "starttls",
    imap: Annotated[str, typer.Option(metavar="HOST:PORT", help="The server to read answers from.")] = "",
    imap_security: Annotated[str, typer.Option(metavar="tls|starttls|none")] = "tls",
    username: Annotated[str, typer.Option(help="The account at the server; else the address.")] = "",
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="Read it from standard input.")] = False,
    password_env: Annotated[str, typer.Option(metavar="NAME", help="It is in an environment variable.")] = "",
    password_file: Annotated[str, typer.Option(metavar="PATH", help="It is in a file.")] = "",
    password_block: Annotated[str, typer.Option(metavar="NAME", help="It is in a Prefect Secret block.")] = "",
    google_service_account: Annotated[
        str, typer.Option(metavar="FILE", help="Key file of a service account with domain-wide delegation.")
    ] = "",
    google_login: Annotated[
        str, typer.Option(metavar="FILE", help="Sign in at Google with this client file (type: Desktop app).")
    ] = "",
    microsoft_device: Annotated[
        str, typer.Option(metavar="CLIENT_ID", help="Sign in at Microsoft with a code, for this application.")
    ] = "",
    microsoft_app: Annotated[
        str, typer.Option(metavar="CLIENT_ID", help="As this application of Microsoft's, by its client secret.")
    ] = "",
    tenant: Annotated[str, typer.Option(help="Microsoft's tenant: a domain or its id.")] = "",
    authority: Annotated[str, typer.Option(metavar="URL", help="Where the tenant is, if not at Microsoft's.")] = "",
    witness: Annotated[
        str, typer.Option(metavar="sent|self|none", help="Where a mail without an answer is looked for.")
    ] = "",
    witness_folder: Annotated[str, typer.Option(help="Where copies to the mailbox itself end up.")] = "INBOX",
    largest_mail: Annotated[
        int | None, typer.Option(metavar="MB", min=1, help="The largest mail that the provider takes.")
    ] = None,
    alias: Annotated[list[str] | None, typer.Option(help="Another address to send as; may be repeated.")] = None,
    display_name: Annotated[str | None, typer.Option(help="The name in From; else the user's.")] = None,
    postal_address: Annotated[str | None, typer.Option(help="Stands at the end of each mail.")] = None,
    limit: Annotated[
        list[str] | None, typer.Option(metavar="MAILS/SECONDS", help="Such as 3/60; may be repeated.")
    ] = None,
) -> None:
    """Connect a mailbox, or an existing one anew. It is probed first: if that fails, nothing changes.

    Passwords are asked for, or read from standard input, never given as options. They are stored encrypted unless
    you say where else they are.
    """
    from cadenza.domain.throttle import Limit

    is_google, is_microsoft = bool(google_service_account or google_login), bool(microsoft_device or microsoft_app)
    known = GOOGLE if is_google else MICROSOFT if is_microsoft else {}
    smtp, imap = smtp or known.get("smtp", ""), imap or known.get("imap", "")
    if not smtp:
        raise WrongUse("Say which server to send through: --smtp HOST:PORT.")
    host, port = place("smtp", smtp, smtp_security)
    reading: dict[str, Any] | None = None
    if imap:
        imap_host, imap_port = place("imap", imap, imap_security)
        reading = {"host": imap_host, "port": imap_port, "security": imap_security}
    witness = witness or ("sent" if host in _FILING and imap else "none")
    if witness not in ("sent", "self", "none"):
        raise WrongUse(f"There is no witness {witness!r}: choose one of sent, self, none.")
    if witness != "none" and not imap:
        raise WrongUse("A witness is looked for by IMAP: name the server with --imap HOST:PORT.")
    new_limits = [Limit(*limited(words)) for words in limit] if limit else None
    join()
    owner = _owner(user, [address, *(alias or [])])
    given = given_secret(
        address, username or address,
        is_from_stdin=password_stdin, env=password_env, file=password_file, block=password_block,
        google_service_account=google_service_account, google_login=google_login,
        microsoft_device=microsoft_device, microsoft_app=microsoft_app, tenant=tenant, authority=authority,
    )  # fmt: skip
    account = {"username": username or address, **given.reference}
    transport: dict[str, Any] = {
        "kind": "smtp",
        "host": host,
        "port": port,
        "security": smtp_security,
        **account,
        "witness": witness,
        **({"witness_folder": witness_folder} if witness == "self" else {}),
        **({"largest_mail_mb": largest_mail} if largest_mail else {}),
    }
    _store(
        given,
        address=address,
        user_id=owner,
        transport=transport,
        imap=reading,
        display_name=display_name,
        postal_address=postal_address,
        aliases=alias or None,
        limits=new_limits,
    )


def place(protocol: str, words: str, security: str) -> tuple[str, int]:
    """Host and port.

    Raises:
        WrongUse: it is no HOST:PORT, or there is no such security.
    """
    if (protocol, security) not in _PORTS:
        raise WrongUse(f"There is no security {security!r}: choose one of starttls, tls, none.")
    found = re.fullmatch(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\])(?::(\d{1,5}))?", words)
    if not found:
        raise WrongUse(f"--{protocol} {words}: give HOST:PORT, such as mail.example.com:{_PORTS[protocol, security]}.")
    return found[1].strip("[]"), int(found[2] or _PORTS[protocol, security])


def limited(words: str) -> tuple[int, int]:
    """Mails and seconds of a limit.

    Raises:
        WrongUse: it is no MAILS/SECONDS.
    """
    found = re.fullmatch(r"([1-9]\d{0,6})/([1-9]\d{0,7})", words)
    if not found:
        raise WrongUse(f"--limit {words}: give MAILS/SECONDS, such as 3/60 or 500/86400.")
    return int(found[1]), int(found[2])


def _owner(handle: str, addresses: Sequence[str]) -> int:
    """The id of the user; every address is one."""
    from email_validator import EmailNotValidError, validate_email

    from cadenza.store.users import find_user

    for address in addresses:
        try:
            validate_email(address, check_deliverability=False, test_environment=True)
        except EmailNotValidError as error:
            raise WrongUse(f"{address!r} is no address: {error}") from error
    with transaction() as connection:
        return find_user(connection, handle).id


def _store(given: Given, **said: Any) -> None:
    """Probe the account with a secret that is not yet stored; then store both."""
    from cadenza.cli.waves import plan_waves
    from cadenza.errors import MailboxRefused, MailServerUnavailable
    from cadenza.mail.probe import probe
    from cadenza.mail.transports import Transports
    from cadenza.runtime import current
    from cadenza.store.connections import NewConnection, named_secrets, save_connection
    from cadenza.store.secrets import forget_secrets, save_secret

    new = NewConnection(**said)
    runtime = current()
    if "password_block" in new.transport:
        import tasks  # noqa: F401 - it knows how to read blocks
    transports = Transports(runtime.settings, given.over(runtime.vault))
    seen = probe(0, new.address.lower(), new.aliases or (), new.transport, new.imap, transports)
    if seen.trouble:
        raise (MailboxRefused if seen.is_refused else MailServerUnavailable)(f"{seen.trouble} Nothing was changed.")
    with transaction() as connection:
        if given.name is not None and given.value is not None:
            save_secret(connection, runtime.secrets_key, given.name, given.value)
        before = named_secrets(connection, new.address)
        save_connection(connection, new, asdict(seen), runtime.clock.now())
        forget_secrets(connection, before)
    show(f"[green]✓[/] {new.address} is connected and works.")
    for alias, code in (seen.refused_senders or {}).items():
        show(f"[yellow]![/] It may not send as {alias} ({code}): allow it at {new.transport['host']}.")
    if new.transport["witness"] == "none":
        show("[yellow]![/] It has no witness: a mail whose answer gets lost waits for a person (docs/mailboxes.md).")
    plan_waves()
