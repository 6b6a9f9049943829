"""Is everything as it should be, and what is to be done where it is not?"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import typer

from cadenza.cli.connection import connect
from cadenza.cli.output import console, show
from cadenza.errors import CadenzaError, NotRunning

#: Less free space than this is worth a word: mails, the database and Prefect's events all grow.
LOW_DISK_BYTES = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """What one question found: fine, or what to do about it."""

    subject: str
    is_fine: bool
    words: str


def doctor() -> None:
    """Check settings, database, Prefect server, deployments, mailboxes and disk; say what to mend.

    A mailbox that was refused before and is let in now is connected again.
    """
    has_trouble = False
    for finding in _findings():
        sign = "[green]✓[/]" if finding.is_fine else "[red]✗[/]"
        console().print(f"{sign} {finding.subject:<16} ", finding.words, markup=True, sep="")
        has_trouble |= not finding.is_fine
    if has_trouble:
        raise typer.Exit(1)
    show("[green]Everything is as it should be.[/]")


def _findings() -> Iterator[Finding]:
    python = ".".join(str(part) for part in sys.version_info[:3])
    yield Finding("python", sys.version_info >= (3, 11), python)
    has_server = connect()
    from cadenza.runtime import current
    from cadenza.settings import load_settings

    settings = load_settings()
    yield Finding("settings", True, f"home {settings.home.resolve()}")
    free = shutil.disk_usage(settings.home if settings.home.exists() else ".").free
    yield Finding("disk", free > LOW_DISK_BYTES, f"{free / 1e9:.1f} GB free")
    try:
        engine = current().engine
        where = "your own" if settings.database_url else "embedded"
        yield Finding("database", True, f"{engine.url.database}, {where}, schema up to date")
    except CadenzaError as error:
        yield Finding("database", False, str(error))
        return
    yield from _counts()
    yield from _mailboxes()
    yield _pages()
    yield from _prefect(has_server)


def _counts() -> Iterator[Finding]:
    from cadenza.cli.connection import transaction
    from cadenza.runtime import current
    from cadenza.store.health import health

    with transaction() as connection:
        found = health(connection, current().clock.now())
    yield Finding(
        "enrollments",
        True,
        f"{found.active:,} active, {found.paused:,} paused, {found.held:,} held; {found.overdue:,} due now",
    )
    yield Finding(
        "deliveries",
        not found.unknown,
        f"{found.sent:,} sent, {found.deferred:,} to be tried again"
        + (f"; {found.unknown:,} unknown: see 'cadenza deliveries unknown'" if found.unknown else ""),
    )


def _mailboxes() -> Iterator[Finding]:
    from cadenza.cli.connection import transaction
    from cadenza.cli.probing import probe_now
    from cadenza.store.connections import list_mailboxes

    with transaction() as connection:
        boxes = list_mailboxes(connection)
    if not boxes:
        yield Finding(
            "mailboxes", False, "none: 'cadenza mailbox connect', or load a team with 'cadenza team load FILE'"
        )
    found = probe_now([box.id for box in boxes])
    with transaction() as connection:
        boxes = list_mailboxes(connection)
    for box in boxes:
        seen = found.get(box.id)
        trouble = seen.trouble if seen else None
        if trouble or not box.is_connected:
            yield Finding(f"mailbox {box.id}", False, f"{box.address}: {trouble or box.disconnected_reason}")
            continue
        words = box.address + (f", paused: {box.paused_reason or 'by hand'}" if box.paused_at else "")
        refused = (seen.refused_senders if seen else None) or {}
        yield Finding(
            f"mailbox {box.id}",
            not refused,
            words + "".join(f"; may not send as {alias} ({code})" for alias, code in refused.items()),
        )


def _pages() -> Finding:
    from cadenza.cli.services import is_serving
    from cadenza.settings import load_settings

    url = load_settings().public_url
    trouble = f"{url}/health does not answer, so nobody can unsubscribe: start 'cadenza up', or correct public_url"
    is_fine = is_serving(url)
    return Finding("public pages", is_fine, url if is_fine else trouble)


def _prefect(has_server: bool) -> Iterator[Finding]:
    import os

    import yaml

    from cadenza.cli.prefect_api import PrefectApi, missing
    from cadenza.cli.services import POOL, project_folder

    if not has_server:
        yield Finding("prefect server", False, str(NotRunning()))
        return
    api = PrefectApi(os.environ["PREFECT_API_URL"].rstrip("/"))
    yield from _ask("prefect server", lambda: (api.is_ready(), f"{api.url} does not answer: start it", api.url))
    if not api.is_ready():
        return
    wanted = [one["name"] for one in yaml.safe_load((project_folder() / "prefect.yaml").read_text())["deployments"]]
    lacking = missing(wanted, list(api.deployments()))
    todo = f"{', '.join(lacking)} missing: run 'prefect deploy --all'"
    yield Finding("deployments", not lacking, todo if lacking else f"all {len(wanted)}")
    yield Finding("work pool", api.has_pool(POOL), f"{POOL}")


def _ask(subject: str, question: Callable[[], tuple[bool, str, str]]) -> Iterator[Finding]:
    is_fine, trouble, words = question()
    yield Finding(subject, is_fine, words if is_fine else trouble)
