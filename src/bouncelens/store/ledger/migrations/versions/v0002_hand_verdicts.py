"""Verdicts set by hand, as a log: rows are only added."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bouncelens.store.ledger.records import Moment

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "hand_verdicts",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("template_id", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.String(60)),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("decided_by", sa.String(120), nullable=False),
        sa.Column("decided_at", Moment, nullable=False),
    )
    op.create_index("ix_hand_verdicts_template_id", "hand_verdicts", ["template_id"])
