"""The first tables: runs, bookmarks, suppressions, quarantine."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bouncelens.store.ledger.records import Moment

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("verb", sa.String(40), nullable=False),
        sa.Column("started_at", Moment, nullable=False),
        sa.Column("finished_at", Moment),
        sa.Column("outcome", sa.String(20)),
        sa.Column("counts", sa.JSON, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("version", sa.String(40), nullable=False),
    )
    op.create_table(
        "bookmarks",
        sa.Column("account", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("route", sa.String(40), primary_key=True),
        sa.Column("through", Moment, nullable=False),
        sa.Column("moved_at", Moment, nullable=False),
    )
    op.create_table(
        "suppressions",
        sa.Column("account", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("subscriber_key", sa.String(254), primary_key=True),
        sa.Column("address", sa.String(320)),
        sa.Column("reason", sa.String(60), nullable=False),
        sa.Column("grounds", sa.Text, nullable=False),
        sa.Column("basis", sa.String(40), nullable=False),
        sa.Column("job", sa.BigInteger, nullable=False),
        sa.Column("batch", sa.BigInteger, nullable=False),
        sa.Column("event_time", Moment, nullable=False),
        sa.Column("rule", sa.String(120)),
        sa.Column("policy", sa.String(80), nullable=False),
        sa.Column("policy_version", sa.String(80), nullable=False),
        sa.Column("decided_at", Moment, nullable=False),
        sa.Column("expires_at", Moment),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("run", sa.Integer, sa.ForeignKey("runs.id")),
    )
    op.create_index("suppressions_by_state", "suppressions", ["state", "account"])
    op.create_table(
        "quarantine",
        sa.Column("fingerprint", sa.String(64), primary_key=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("line", sa.BigInteger),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("raw", sa.Text, nullable=False),
        sa.Column("seen_at", Moment, nullable=False),
        sa.Column("run", sa.Integer, sa.ForeignKey("runs.id")),
    )


def downgrade() -> None:
    """Take them away."""
    for table in ("quarantine", "suppressions", "bookmarks", "runs"):
        op.drop_table(table)
