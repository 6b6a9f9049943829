"""Automation: rules of sequences, what contacts do, and what follows from it."""

from pathlib import Path

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add rules, signals and firings."""
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """What rules did cannot be forgotten."""
    raise NotImplementedError
