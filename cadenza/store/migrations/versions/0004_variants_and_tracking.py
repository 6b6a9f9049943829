"""Folders, variants, reasons of pauses, deleted sequences, erased contacts, tracking."""

from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what performance is counted by."""
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """What was counted cannot be forgotten."""
    raise NotImplementedError
