"""The tables of the first release: mail."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from store import columns

revision = "mail_0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "app_password_uses",
        sa.Column("password_id", columns.Id, autoincrement=False, nullable=False),
        sa.Column("used_at", columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("password_id", name=op.f("pk_app_password_uses")),
        sqlite_strict=True,
    )
    op.create_table(
        "contents",
        sa.Column("id", columns.Id, autoincrement=True, nullable=False),
        sa.Column("size_bytes", columns.Id, server_default="0", nullable=False),
        sa.Column("bytes", columns.Octets, nullable=True),
        sa.Column("file", columns.Words, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contents")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index(
        "ix_contents_file",
        "contents",
        ["file"],
        unique=False,
        sqlite_where=sa.text("file IS NOT NULL"),
        postgresql_where=sa.text("file IS NOT NULL"),
    )
    op.create_table(
        "conversations",
        sa.Column("client_id", columns.Id, autoincrement=False, nullable=False),
        sa.Column("project_id", columns.Id, nullable=False),
        sa.Column("newest", columns.Id, nullable=False),
        sa.Column("at", columns.Moment(), nullable=False),
        sa.Column("standing", columns.Id, nullable=False),
        sa.PrimaryKeyConstraint("client_id", name=op.f("pk_conversations")),
        sqlite_strict=True,
    )
    op.create_index(
        op.f("ix_conversations_project_id_conversations_standing_conversations_newest"),
        "conversations",
        ["project_id", "standing", "newest"],
        unique=False,
    )
    op.create_table(
        "filed_answers",
        sa.Column("message_id", columns.Id, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_filed_answers")),
        sqlite_strict=True,
    )
    op.create_table(
        "folders",
        sa.Column("id", columns.Id, autoincrement=True, nullable=False),
        sa.Column("mailbox_id", columns.Id, nullable=False),
        sa.Column("name", columns.Words, nullable=False),
        sa.Column("special_use", columns.Words, nullable=True),
        sa.Column("uidvalidity", columns.Id, nullable=False),
        sa.Column("uidnext", columns.Id, server_default="1", nullable=False),
        sa.Column("highestmodseq", columns.Id, server_default="1", nullable=False),
        sa.Column("messages", columns.Id, server_default="0", nullable=False),
        sa.Column("size_bytes", columns.Id, server_default="0", nullable=False),
        sa.Column("born", columns.Id, nullable=False),
        sa.Column("recent_from", columns.Id, server_default="1", nullable=False),
        sa.Column("forgotten", columns.Id, server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_folders")),
        sa.UniqueConstraint("mailbox_id", "name", name=op.f("uq_folders_mailbox_id_name")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_table(
        "greylist",
        sa.Column("network", columns.Words, nullable=False),
        sa.Column("pair", columns.Words, nullable=False),
        sa.Column("first_at", columns.Moment(), nullable=False),
        sa.Column("passed_at", columns.Moment(), nullable=True),
        sa.PrimaryKeyConstraint("network", "pair", name=op.f("pk_greylist")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_greylist_first_at"), "greylist", ["first_at"], unique=False)
    op.create_table(
        "migrated_folders",
        sa.Column("mailbox_id", columns.Id, autoincrement=False, nullable=False),
        sa.Column("source", columns.Words, nullable=False),
        sa.Column("name", columns.Words, nullable=False),
        sa.Column("uidvalidity", columns.Id, nullable=False),
        sa.Column("last_uid", columns.Id, nullable=False),
        sa.Column("refused", columns.Id, server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("mailbox_id", "source", "name", name=op.f("pk_migrated_folders")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "subscriptions",
        sa.Column("mailbox_id", columns.Id, autoincrement=False, nullable=False),
        sa.Column("name", columns.Words, nullable=False),
        sa.PrimaryKeyConstraint("mailbox_id", "name", name=op.f("pk_subscriptions")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "arrivals",
        sa.Column("id", columns.Id, autoincrement=True, nullable=False),
        sa.Column("content_id", columns.Id, nullable=False),
        sa.Column("state", columns.Words, nullable=False),
        sa.Column("parses", columns.Id, server_default="0", nullable=False),
        sa.Column("received_at", columns.Moment(), nullable=False),
        sa.Column("reverse_path", columns.Words, nullable=False),
        sa.Column("peer", columns.Words, nullable=False),
        sa.Column("helo", columns.Words, nullable=False),
        sa.Column("tls", columns.Flag(), nullable=False),
        sa.Column("authentication", columns.Json(), nullable=False),
        sa.Column("kind", columns.Words, nullable=True),
        sa.Column("client_id", columns.Id, nullable=True),
        sa.Column("sorted_at", columns.Moment(), nullable=True),
        sa.ForeignKeyConstraint(
            ["content_id"],
            ["contents.id"],
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_arrivals")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_arrivals_content_id"), "arrivals", ["content_id"], unique=False)
    op.create_index(
        "ix_arrivals_new",
        "arrivals",
        ["id"],
        unique=False,
        sqlite_where=sa.text("state = 'new'"),
        postgresql_where=sa.text("state = 'new'"),
    )
    op.create_table(
        "expunged",
        sa.Column("folder_id", columns.Id, nullable=False),
        sa.Column("modseq", columns.Id, autoincrement=False, nullable=False),
        sa.Column("uid", columns.Id, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["folder_id"],
            ["folders.id"],
        ),
        sa.PrimaryKeyConstraint("folder_id", "modseq", "uid", name=op.f("pk_expunged")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "filed",
        sa.Column("folder_id", columns.Id, nullable=False),
        sa.Column("uid", columns.Id, autoincrement=False, nullable=False),
        sa.Column("modseq", columns.Id, nullable=False),
        sa.Column("flags", columns.Words, nullable=False),
        sa.Column("internaldate", columns.Moment(), nullable=False),
        sa.Column("saved_at", columns.Moment(), nullable=False),
        sa.Column("email_id", columns.Words, nullable=False),
        sa.Column("thread_id", columns.Words, nullable=False),
        sa.Column("size_bytes", columns.Id, server_default="0", nullable=False),
        sa.Column("content_id", columns.Id, nullable=False),
        sa.Column("arrival_id", columns.Id, nullable=True),
        sa.Column("envelope", columns.Octets, nullable=False),
        sa.Column("body", columns.Octets, nullable=False),
        sa.Column("bodystructure", columns.Octets, nullable=False),
        sa.Column("parts", columns.Octets, nullable=False),
        sa.ForeignKeyConstraint(
            ["content_id"],
            ["contents.id"],
        ),
        sa.ForeignKeyConstraint(
            ["folder_id"],
            ["folders.id"],
        ),
        sa.PrimaryKeyConstraint("folder_id", "uid", name=op.f("pk_filed")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_filed_arrival",
        "filed",
        ["folder_id", "arrival_id"],
        unique=True,
        sqlite_where=sa.text("arrival_id IS NOT NULL"),
        postgresql_where=sa.text("arrival_id IS NOT NULL"),
    )
    op.create_index(op.f("ix_filed_content_id"), "filed", ["content_id"], unique=False)
    op.create_index(
        op.f("ix_filed_folder_id_filed_modseq_filed_flags"), "filed", ["folder_id", "modseq", "flags"], unique=False
    )
    op.create_table(
        "search_texts",
        sa.Column("content_id", columns.Id, autoincrement=False, nullable=False),
        sa.Column("keys", columns.Octets, nullable=False),
        sa.Column("preview", columns.Words, nullable=False),
        sa.Column("header", columns.Octets, nullable=False),
        sa.Column("inner", columns.Octets, nullable=False),
        sa.Column("text", columns.Octets, nullable=True),
        sa.ForeignKeyConstraint(["content_id"], ["contents.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("content_id", name=op.f("pk_search_texts")),
        sqlite_strict=True,
    )
    op.create_table(
        "arrival_recipients",
        sa.Column("arrival_id", columns.Id, nullable=False),
        sa.Column("position", columns.Id, autoincrement=False, nullable=False),
        sa.Column("address", columns.Words, nullable=False),
        sa.Column("purpose", columns.Words, nullable=False),
        sa.Column("target", columns.Id, nullable=True),
        sa.ForeignKeyConstraint(
            ["arrival_id"],
            ["arrivals.id"],
        ),
        sa.PrimaryKeyConstraint("arrival_id", "position", name=op.f("pk_arrival_recipients")),
        sqlite_strict=True,
    )
    op.create_table(
        "correspondence",
        sa.Column("client_id", columns.Id, autoincrement=False, nullable=False),
        sa.Column("arrival_id", columns.Id, autoincrement=False, nullable=False),
        sa.Column("mailbox_id", columns.Id, nullable=True),
        sa.Column("at", columns.Moment(), nullable=False),
        sa.Column("dmarc", columns.Words, nullable=False),
        sa.Column("letter", columns.Json(), nullable=False),
        sa.ForeignKeyConstraint(
            ["arrival_id"],
            ["arrivals.id"],
        ),
        sa.PrimaryKeyConstraint("client_id", "arrival_id", name=op.f("pk_correspondence")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_correspondence_arrival_id"), "correspondence", ["arrival_id"], unique=False)
