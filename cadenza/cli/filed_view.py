"""How does a person read what came of the mails that were filed to enroll somebody?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cadenza.cli.connection import transaction
from cadenza.cli.output import instant, rows, show, table
from cadenza.domain.refusals import CATALOGUE

if TYPE_CHECKING:
    from cadenza.store.filed_mails import FiledRow


def show_filed() -> None:
    """Print the latest filed mails, and of each that enrolled nobody why, and what to do."""
    from cadenza.store.filed_mails import list_filed

    with transaction() as connection:
        found = list_filed(connection)
    if not found:
        show("No mail was filed to enroll somebody: 'cadenza mailbox folders ADDRESS' makes the folders for it.")
        return
    drawn = table("found", "mailbox", "sequence", "contact", "enrollment", "outcome", "code", "what to do",
                  right=("enrollment",))  # fmt: skip
    show(
        rows(
            drawn,
            (
                (
                    instant(one.found_at), one.mailbox, one.sequence, one.email or "nobody", one.batch_id or "",
                    one.outcome or "waits", one.code or "", _advice(one),
                )
                for one in found
            ),
        )
    )  # fmt: skip


def _advice(one: FiledRow) -> str:
    known = CATALOGUE.get(one.code or "")
    return f"{known.cause} {known.remedy}" if known else ""
