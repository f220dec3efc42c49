"""Plans, what was changed in the tenant, incidents, and the audit log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bouncelens.store.ledger.records import Moment

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_GROUNDS = (
    ("provider", sa.String(60), "other"),
    ("policy_rule", sa.String(200), ""),
    ("sources", sa.Text, ""),
    ("ruleset", sa.String(80), ""),
    ("decided_by", sa.String(120), "policy"),
)


def upgrade() -> None:
    """Make the tables; add to suppressions what their grounds rest on."""
    with op.batch_alter_table("suppressions") as batch:
        for name, kind, default in _GROUNDS:
            batch.add_column(sa.Column(name, kind, nullable=False, server_default=default))
    op.create_table(
        "plans",
        sa.Column("hash", sa.String(64), primary_key=True),
        sa.Column("made_at", Moment, nullable=False),
        sa.Column("made_by", sa.String(120), nullable=False),
        sa.Column("policy", sa.String(80), nullable=False),
        sa.Column("policy_version", sa.String(80), nullable=False),
        sa.Column("counts", sa.JSON, nullable=False),
        sa.Column("run", sa.Integer, sa.ForeignKey("runs.id")),
    )
    op.create_table(
        "changes",
        sa.Column(
            "run", sa.Integer, sa.ForeignKey("runs.id"), primary_key=True, autoincrement=False
        ),
        sa.Column("plan", sa.String(64), nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("undoes", sa.Integer, sa.ForeignKey("runs.id")),
        sa.Column("state", sa.String(20), nullable=False),
    )
    op.create_index("ix_changes_plan", "changes", ["plan"])
    op.create_table(
        "change_rows",
        sa.Column(
            "run", sa.Integer, sa.ForeignKey("runs.id"), primary_key=True, autoincrement=False
        ),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("account", sa.BigInteger, nullable=False),
        sa.Column("subscriber_key", sa.String(254), nullable=False),
        *(sa.Column(name, sa.Text) for name in ("before", "after", "was", "becomes")),
        sa.Column("outcome", sa.String(20), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
    )
    op.create_table(
        "incidents",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("provider", sa.String(60), nullable=False),
        sa.Column("starts", Moment, nullable=False),
        sa.Column("ends", Moment),
        sa.Column("opened_at", Moment, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.Column("decided_by", sa.String(120), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
    )
    op.create_table(
        "audit",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("who", sa.String(120), nullable=False),
        sa.Column("verb", sa.String(60), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )


def downgrade() -> None:
    """Take them away."""
    for table in ("audit", "incidents", "change_rows", "changes", "plans"):
        op.drop_table(table)
    with op.batch_alter_table("suppressions") as batch:
        for name, _, _ in _GROUNDS:
            batch.drop_column(name)
