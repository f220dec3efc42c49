"""Answers of DNS: where domains take their mail."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bouncelens.store.ledger.records import Moment

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "mail_hosts",
        sa.Column("domain", sa.String(253), primary_key=True),
        sa.Column("outcome", sa.String(20), nullable=False),
        sa.Column("hosts", sa.JSON, nullable=False),
        sa.Column("ttl_s", sa.BigInteger),
        sa.Column("looked_at", Moment, nullable=False),
        sa.Column("expires_at", Moment, nullable=False),
    )


def downgrade() -> None:
    """Take it away."""
    op.drop_table("mail_hosts")
