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
        "dmarc_results",
        sa.Column("day", columns.Words, nullable=False),
        sa.Column("domain", columns.Words, nullable=False),
        sa.Column("policy", columns.Words, nullable=False),
        sa.Column("row", columns.Words, nullable=False),
        sa.Column("messages", columns.Id, server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("day", "domain", "policy", "row", name=op.f("pk_dmarc_results")),
        sqlite_strict=True,
    )
    op.create_table(
        "received_reports",
        sa.Column("id", columns.Id, autoincrement=True, nullable=False),
        sa.Column("kind", columns.Words, nullable=False),
        sa.Column("domain", columns.Words, nullable=False),
        sa.Column("sender", columns.Words, nullable=False),
        sa.Column("verified", columns.Flag(), nullable=False),
        sa.Column("organization", columns.Words, nullable=False),
        sa.Column("identity", columns.Words, nullable=False),
        sa.Column("begins_at", columns.Moment(), nullable=False),
        sa.Column("ends_at", columns.Moment(), nullable=False),
        sa.Column("messages", columns.Id, server_default="0", nullable=False),
        sa.Column("passed", columns.Id, server_default="0", nullable=False),
        sa.Column("policy", columns.Json(), nullable=False),
        sa.Column("arrival_id", columns.Id, server_default="0", nullable=False),
        sa.Column("received_at", columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_received_reports")),
        sa.UniqueConstraint(
            "kind",
            "domain",
            "sender",
            "verified",
            "identity",
            name=op.f("uq_received_reports_kind_domain_sender_verified_identity"),
        ),
        sqlite_strict=True,
    )
    op.create_index(
        op.f("ix_received_reports_domain_received_reports_id"), "received_reports", ["domain", "id"], unique=False
    )
    op.create_index(op.f("ix_received_reports_received_at"), "received_reports", ["received_at"], unique=False)
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
    op.create_table(
        "received_report_rows",
        sa.Column("report_id", columns.Id, nullable=False),
        sa.Column("position", columns.Id, autoincrement=False, nullable=False),
        sa.Column("source", columns.Words, nullable=False),
        sa.Column("messages", columns.Id, server_default="0", nullable=False),
        sa.Column("passed", columns.Flag(), nullable=False),
        sa.Column("details", columns.Json(), nullable=False),
        sa.ForeignKeyConstraint(
            ["report_id"],
            ["received_reports.id"],
        ),
        sa.PrimaryKeyConstraint("report_id", "position", name=op.f("pk_received_report_rows")),
        sqlite_strict=True,
    )
