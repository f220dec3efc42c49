"""Alembic's entry: migrate over the connection that the ledger hands in."""

from __future__ import annotations

from alembic import context

from bouncelens.store.ledger.records import Record

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Record.metadata,
    render_as_batch=True,  # SQLite cannot alter most things in place
)
with context.begin_transaction():
    context.run_migrations()
