"""Which people and sequences does this installation know? Loading both from files."""

from __future__ import annotations

from pathlib import Path

from cadenza.cli.output import count, near, show


def load_team(path: str) -> None:
    """Load a team file: its users and mailboxes are added or brought up to date."""
    from cadenza.mail.account import check_account
    from cadenza.runtime import current
    from cadenza.store import database
    from cadenza.store.team import read_team, save_team

    team = read_team(Path(path))
    for mailbox in (mailbox for user in team.users for mailbox in user.mailboxes):
        check_account(mailbox.address, mailbox.transport, mailbox.imap)
    with database.transaction(current().engine) as connection:
        save_team(connection, team)
    show(f"[green]✓[/] {count(len(team.users), 'user')} from {near(Path(path))}")


def load_sequences(folder: str = "") -> None:
    """Load every sequence of a folder; one that did not change keeps its version."""
    from cadenza.domain.attachments import MEGABYTE
    from cadenza.mail.attachments import check_sizes
    from cadenza.mail.sequence_file import read_sequences, sequence_files
    from cadenza.runtime import current
    from cadenza.store import database, mailboxes
    from cadenza.store.sequences import save_sequence

    runtime = current()
    path = Path(folder) if folder else runtime.settings.sequences_folder
    if not folder and not sequence_files(path):
        return
    sequences = read_sequences(path)
    with database.transaction(runtime.engine) as connection:
        boxes = mailboxes.mailboxes_by_id(connection).values() if any(one.documents for one in sequences) else ()
        largest_mb = runtime.settings.largest_mail_mb
        check_sizes(sequences, max((box.largest_mail(largest_mb) for box in boxes), default=largest_mb * MEGABYTE))
        for sequence in sequences:
            save_sequence(connection, sequence, runtime.clock.now())
    show(f"[green]✓[/] {count(len(sequences), 'sequence')} from {near(path)}")
