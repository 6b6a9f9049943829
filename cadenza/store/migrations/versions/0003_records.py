"""Ways into a sequence: records, threads, filed mails."""

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add records and what filed mails need."""
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """Enrollments that answer a mail cannot forget it."""
    raise NotImplementedError
