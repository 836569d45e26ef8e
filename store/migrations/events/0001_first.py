"""The tables of the first release: events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from store import columns

revision = "events_0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "attempts",
        sa.Column("id", columns.Id, autoincrement=True, nullable=False),
        sa.Column("recipient_id", columns.Id, nullable=False),
        sa.Column("at", columns.Moment(), nullable=False),
        sa.Column("source", columns.Words, nullable=False),
        sa.Column("host", columns.Words, nullable=False),
        sa.Column("tls", columns.Words, nullable=True),
        sa.Column("code", columns.Id, nullable=True),
        sa.Column("words", columns.Words, nullable=False),
        sa.Column("transcript", columns.Words, nullable=True),
        sa.Column("milliseconds", columns.Id, server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_attempts_recipient_id"), "attempts", ["recipient_id"], unique=False)
    op.create_table(
        "tls_results",
        sa.Column("day", columns.Words, nullable=False),
        sa.Column("domain", columns.Words, nullable=False),
        sa.Column("kind", columns.Words, nullable=False),
        sa.Column("policy", columns.Words, nullable=False),
        sa.Column("host", columns.Words, nullable=False),
        sa.Column("address", columns.Words, nullable=False),
        sa.Column("source", columns.Words, nullable=False),
        sa.Column("result", columns.Words, nullable=False),
        sa.Column("sessions", columns.Id, server_default="0", nullable=False),
        sa.PrimaryKeyConstraint(
            "day", "domain", "kind", "policy", "host", "address", "source", "result", name=op.f("pk_tls_results")
        ),
        sqlite_strict=True,
    )
