"""The tables of the first release: core."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from store import columns

revision = "core_0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "breakers",
        sa.Column("scope", columns.Words, nullable=False),
        sa.Column("scope_id", columns.Id, autoincrement=False, nullable=False),
        sa.Column("verdict", columns.Words, nullable=False),
        sa.Column("action", columns.Words, nullable=False),
        sa.Column("reason", columns.Words, nullable=False),
        sa.Column("tripped_at", columns.Moment(), nullable=False),
        sa.Column("until", columns.Moment(), nullable=True),
        sa.PrimaryKeyConstraint("scope", "scope_id", name=op.f("pk_breakers")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "counters",
        sa.Column("scope", columns.Words, nullable=False),
        sa.Column("scope_id", columns.Id, autoincrement=False, nullable=False),
        sa.Column("name", columns.Words, nullable=False),
        sa.Column("value", columns.Id, server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("scope", "scope_id", "name", name=op.f("pk_counters")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "plans",
        sa.Column("id", columns.Id, autoincrement=True, nullable=False),
        sa.Column("name", columns.Words, nullable=False),
        sa.Column("campaigns_allowed", columns.Flag(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plans")),
        sa.UniqueConstraint("name", name=op.f("uq_plans_name")),
        sqlite_strict=True,
    )
    op.create_table(
        "rating_moves",
        sa.Column("id", columns.Id, autoincrement=True, nullable=False),
        sa.Column("project_id", columns.Id, nullable=False),
        sa.Column("list_id", columns.Id, nullable=False),
        sa.Column("rating", columns.Id, nullable=False),
        sa.Column("change", columns.Id, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rating_moves")),
        sqlite_strict=True,
    )
    op.create_index(
        op.f("ix_rating_moves_project_id_rating_moves_list_id"), "rating_moves", ["project_id", "list_id"], unique=False
    )
    op.create_table(
        "rating_tallies",
        sa.Column("project_id", columns.Id, autoincrement=False, nullable=False),
        sa.Column("list_id", columns.Id, autoincrement=False, nullable=False),
        sa.Column("rating", columns.Id, autoincrement=False, nullable=False),
        sa.Column("clients", columns.Id, server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("project_id", "list_id", "rating", name=op.f("pk_rating_tallies")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "reactions",
        sa.Column("site", columns.Words, nullable=False),
        sa.Column("source", columns.Words, nullable=False),
        sa.Column("action", columns.Words, nullable=False),
        sa.Column("value", columns.Id, nullable=False),
        sa.Column("until", columns.Moment(), nullable=False),
        sa.Column("lasts_seconds", columns.Id, server_default="0", nullable=False),
        sa.Column("origin", columns.Words, nullable=False),
        sa.PrimaryKeyConstraint("site", "source", "action", name=op.f("pk_reactions")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "removed_mailboxes",
        sa.Column("mailbox_id", columns.Id, autoincrement=False, nullable=False),
        sa.Column("removed_at", columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("mailbox_id", name=op.f("pk_removed_mailboxes")),
        sqlite_strict=True,
    )
    op.create_table(
        "sites",
        sa.Column("domain", columns.Words, nullable=False),
        sa.Column("site", columns.Words, nullable=False),
        sa.Column("checked_at", columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("domain", name=op.f("pk_sites")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_sites_checked_at"), "sites", ["checked_at"], unique=False)
    op.create_table(
        "tls_policies",
        sa.Column("domain", columns.Words, nullable=False),
        sa.Column("identity", columns.Words, nullable=False),
        sa.Column("octets", columns.Octets, nullable=False),
        sa.Column("fetched_at", columns.Moment(), nullable=False),
        sa.Column("expires_at", columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("domain", name=op.f("pk_tls_policies")),
        sqlite_strict=True,
    )
    op.create_table(
        "workers",
        sa.Column("id", columns.Id, autoincrement=True, nullable=False),
        sa.Column("role", columns.Words, nullable=False),
        sa.Column("node", columns.Words, nullable=False),
        sa.Column("position", columns.Id, nullable=False),
        sa.Column("started_at", columns.Moment(), nullable=False),
        sa.Column("alive_until", columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workers")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_table(
        "projects",
        sa.Column("id", columns.Id, autoincrement=True, nullable=False),
        sa.Column("name", columns.Words, nullable=False),
        sa.Column("plan_id", columns.Id, nullable=False),
        sa.Column("created_at", columns.Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["plan_id"],
            ["plans.id"],
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_projects")),
        sa.UniqueConstraint("name", name=op.f("uq_projects_name")),
        sqlite_strict=True,
    )
    op.create_table(
        "api_keys",
        sa.Column("id", columns.Id, autoincrement=True, nullable=False),
        sa.Column("project_id", columns.Id, nullable=True),
        sa.Column("name", columns.Words, nullable=False),
        sa.Column("key_hash", columns.Octets, nullable=False),
        sa.Column("created_at", columns.Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["projects.id"],
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_api_keys_key_hash")),
        sqlite_strict=True,
    )
    op.create_table(
        "audit",
        sa.Column("id", columns.Id, autoincrement=True, nullable=False),
        sa.Column("project_id", columns.Id, nullable=True),
        sa.Column("at", columns.Moment(), nullable=False),
        sa.Column("who", columns.Words, nullable=False),
        sa.Column("act", columns.Words, nullable=False),
        sa.Column("subject", columns.Words, nullable=False),
        sa.Column("address", columns.Words, nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["projects.id"],
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_audit_at"), "audit", ["at"], unique=False)
    op.create_index(op.f("ix_audit_project_id_audit_id"), "audit", ["project_id", "id"], unique=False)
    op.create_table(
        "clients",
        sa.Column("id", columns.Id, autoincrement=True, nullable=False),
        sa.Column("project_id", columns.Id, nullable=False),
        sa.Column("address", columns.Words, nullable=False),
        sa.Column("address_key", columns.Words, nullable=False),
        sa.Column("site", columns.Words, nullable=False),
        sa.Column("rating", columns.Id, nullable=False),
        sa.Column("variables", columns.Json(), nullable=False),
        sa.Column("origin", columns.Words, nullable=False),
        sa.Column("registered_at", columns.Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["projects.id"],
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clients")),
        sa.UniqueConstraint("project_id", "address_key", name=op.f("uq_clients_project_id_address_key")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_clients_project_id_clients_id"), "clients", ["project_id", "id"], unique=False)
    op.create_table(
        "domains",
        sa.Column("id", columns.Id, autoincrement=True, nullable=False),
        sa.Column("project_id", columns.Id, nullable=False),
        sa.Column("name", columns.Words, nullable=False),
        sa.Column("ownership_token", columns.Words, nullable=False),
        sa.Column("owned", columns.Flag(), nullable=False),
        sa.Column("sending", columns.Flag(), nullable=False),
        sa.Column("linked", columns.Flag(), nullable=False),
        sa.Column("created_at", columns.Moment(), nullable=False),
        sa.Column("by_hand", columns.Flag(), nullable=False),
        sa.Column("findings", columns.Json(), nullable=True),
        sa.Column("checked_at", columns.Moment(), nullable=True),
        sa.Column("next_check", columns.Moment(), nullable=True),
        sa.Column("checks", columns.Id, server_default="0", nullable=False),
        sa.Column("failing_since", columns.Json(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["projects.id"],
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_domains")),
        sa.UniqueConstraint("name", name=op.f("uq_domains_name")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_domains_next_check"), "domains", ["next_check"], unique=False)
    op.create_table(
        "flows",
        sa.Column("id", columns.Id, autoincrement=True, nullable=False),
        sa.Column("project_id", columns.Id, nullable=False),
        sa.Column("stream", columns.Words, nullable=False),
        sa.Column("stream_id", columns.Id, nullable=False),
        sa.Column("site", columns.Words, nullable=False),
        sa.Column("slot", columns.Id, nullable=False),
        sa.Column("class", columns.Words, nullable=False),
        sa.Column("pool", columns.Words, nullable=False),
        sa.Column("queued", columns.Id, server_default="0", nullable=False),
        sa.Column("held", columns.Id, server_default="0", nullable=False),
        sa.Column("next_due", columns.Moment(), nullable=False),
        sa.Column("stopped_until", columns.Moment(), nullable=True),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["projects.id"],
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_flows")),
        sa.UniqueConstraint("stream", "stream_id", "site", name=op.f("uq_flows_stream_stream_id_site")),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_flows_held",
        "flows",
        ["id"],
        unique=False,
        sqlite_where=sa.text("held > 0"),
        postgresql_where=sa.text("held > 0"),
    )
    op.create_index(
        "ix_flows_of_campaign",
        "flows",
        ["stream_id", "next_due", "id", "slot"],
        unique=False,
        sqlite_where=sa.text("queued > 0 AND stream = 'campaign'"),
        postgresql_where=sa.text("queued > 0 AND stream = 'campaign'"),
    )
    op.create_index(
        "ix_flows_of_class",
        "flows",
        ["class", "next_due", "id", "slot"],
        unique=False,
        sqlite_where=sa.text("queued > 0 AND stream <> 'campaign'"),
        postgresql_where=sa.text("queued > 0 AND stream <> 'campaign'"),
    )
    op.create_index(
        "ix_flows_queued",
        "flows",
        ["id"],
        unique=False,
        sqlite_where=sa.text("queued > 0"),
        postgresql_where=sa.text("queued > 0"),
    )
    op.create_index(op.f("ix_flows_site"), "flows", ["site"], unique=False)
    op.create_index(
        "ix_flows_unasked",
        "flows",
        ["class", "id"],
        unique=False,
        sqlite_where=sa.text("slot = -1"),
        postgresql_where=sa.text("slot = -1"),
    )
    op.create_table(
        "lists",
        sa.Column("id", columns.Id, autoincrement=True, nullable=False),
        sa.Column("project_id", columns.Id, nullable=False),
        sa.Column("name", columns.Words, nullable=False),
        sa.Column("created_at", columns.Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["projects.id"],
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lists")),
        sa.UniqueConstraint("project_id", "name", name=op.f("uq_lists_project_id_name")),
        sqlite_strict=True,
    )
    op.create_table(
        "people",
        sa.Column("id", columns.Id, autoincrement=True, nullable=False),
        sa.Column("login", columns.Words, nullable=False),
        sa.Column("role", columns.Words, nullable=False),
        sa.Column("project_id", columns.Id, nullable=True),
        sa.Column("password_hash", columns.Words, nullable=False),
        sa.Column("created_at", columns.Moment(), nullable=False),
        sa.Column("totp", columns.Octets, nullable=True),
        sa.Column("totp_step", columns.Id, server_default="0", nullable=False),
        sa.Column("language", columns.Words, nullable=True),
        sa.Column("theme", columns.Words, nullable=True),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["projects.id"],
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people")),
        sa.UniqueConstraint("login", name=op.f("uq_people_login")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_people_project_id_people_id"), "people", ["project_id", "id"], unique=False)
    op.create_table(
        "segments",
        sa.Column("id", columns.Id, autoincrement=True, nullable=False),
        sa.Column("project_id", columns.Id, nullable=False),
        sa.Column("name", columns.Words, nullable=False),
        sa.Column("rule", columns.Json(), nullable=False),
        sa.Column("counted", columns.Id, nullable=True),
        sa.Column("counted_at", columns.Moment(), nullable=True),
        sa.Column("created_at", columns.Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["projects.id"],
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_segments")),
        sa.UniqueConstraint("project_id", "name", name=op.f("uq_segments_project_id_name")),
        sqlite_strict=True,
    )
    op.create_table(
        "senders",
        sa.Column("id", columns.Id, autoincrement=True, nullable=False),
        sa.Column("project_id", columns.Id, nullable=False),
        sa.Column("address", columns.Words, nullable=False),
        sa.Column("address_key", columns.Words, nullable=False),
        sa.Column("display_name", columns.Words, nullable=False),
        sa.Column("authorised_at", columns.Moment(), nullable=True),
        sa.Column("created_at", columns.Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["projects.id"],
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_senders")),
        sa.UniqueConstraint("project_id", "address_key", name=op.f("uq_senders_project_id_address_key")),
        sqlite_strict=True,
    )
    op.create_table(
        "campaigns",
        sa.Column("id", columns.Id, autoincrement=True, nullable=False),
        sa.Column("project_id", columns.Id, nullable=False),
        sa.Column("name", columns.Words, nullable=False),
        sa.Column("sender_id", columns.Id, nullable=False),
        sa.Column("list_id", columns.Id, nullable=True),
        sa.Column("segment_id", columns.Id, nullable=True),
        sa.Column("pool", columns.Words, nullable=False),
        sa.Column("state", columns.Words, nullable=False),
        sa.Column("state_reason", columns.Words, nullable=True),
        sa.Column("content_version", columns.Id, nullable=False),
        sa.Column("recipients", columns.Id, server_default="0", nullable=False),
        sa.Column("expanded", columns.Id, server_default="0", nullable=False),
        sa.Column("due_at", columns.Moment(), nullable=True),
        sa.Column("created_at", columns.Moment(), nullable=False),
        sa.Column("launched_at", columns.Moment(), nullable=True),
        sa.Column("finished_at", columns.Moment(), nullable=True),
        sa.Column("from_name", columns.Words, nullable=False),
        sa.Column("interval_ms", columns.Id, server_default="0", nullable=False),
        sa.Column("parts", columns.Id, server_default="1", nullable=False),
        sa.Column("part_every_seconds", columns.Id, server_default="0", nullable=False),
        sa.Column("part_times", columns.Json(), nullable=False),
        sa.Column("paced_from", columns.Moment(), nullable=True),
        sa.Column("keeps_history", columns.Flag(), nullable=False),
        sa.ForeignKeyConstraint(
            ["list_id"],
            ["lists.id"],
        ),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["projects.id"],
        ),
        sa.ForeignKeyConstraint(
            ["segment_id"],
            ["segments.id"],
        ),
        sa.ForeignKeyConstraint(
            ["sender_id"],
            ["senders.id"],
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaigns")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_campaigns_project_id_campaigns_id"), "campaigns", ["project_id", "id"], unique=False)
    op.create_index(op.f("ix_campaigns_segment_id"), "campaigns", ["segment_id"], unique=False)
    op.create_index(op.f("ix_campaigns_state"), "campaigns", ["state"], unique=False)
    op.create_table(
        "connections",
        sa.Column("id", columns.Id, autoincrement=True, nullable=False),
        sa.Column("project_id", columns.Id, nullable=False),
        sa.Column("sender_id", columns.Id, nullable=False),
        sa.Column("name", columns.Words, nullable=False),
        sa.Column("login", columns.Words, nullable=False),
        sa.Column("secret_hash", columns.Octets, nullable=False),
        sa.Column("state", columns.Words, nullable=False),
        sa.Column("class", columns.Words, nullable=False),
        sa.Column("answers", columns.Json(), nullable=False),
        sa.Column("reason", columns.Words, nullable=True),
        sa.Column("created_at", columns.Moment(), nullable=False),
        sa.Column("asked_by", columns.Id, nullable=True),
        sa.ForeignKeyConstraint(
            ["asked_by"],
            ["people.id"],
        ),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["projects.id"],
        ),
        sa.ForeignKeyConstraint(
            ["sender_id"],
            ["senders.id"],
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connections")),
        sa.UniqueConstraint("login", name=op.f("uq_connections_login")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_connections_state_connections_id"), "connections", ["state", "id"], unique=False)
    op.create_table(
        "dkim_keys",
        sa.Column("id", columns.Id, autoincrement=True, nullable=False),
        sa.Column("domain_id", columns.Id, nullable=False),
        sa.Column("selector", columns.Words, nullable=False),
        sa.Column("algorithm", columns.Words, nullable=False),
        sa.Column("sealed_private_key", columns.Octets, nullable=False),
        sa.Column("record", columns.Words, nullable=False),
        sa.Column("state", columns.Words, nullable=False),
        sa.Column("created_at", columns.Moment(), nullable=False),
        sa.Column("changed_at", columns.Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["domain_id"],
            ["domains.id"],
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dkim_keys")),
        sa.UniqueConstraint("domain_id", "selector", name=op.f("uq_dkim_keys_domain_id_selector")),
        sqlite_strict=True,
    )
    op.create_table(
        "imports",
        sa.Column("id", columns.Id, autoincrement=True, nullable=False),
        sa.Column("project_id", columns.Id, nullable=False),
        sa.Column("list_id", columns.Id, nullable=False),
        sa.Column("state", columns.Words, nullable=False),
        sa.Column("reason", columns.Words, nullable=True),
        sa.Column("file", columns.Words, nullable=False),
        sa.Column("separator", columns.Words, nullable=False),
        sa.Column("columns", columns.Json(), nullable=False),
        sa.Column("bytes_total", columns.Id, server_default="0", nullable=False),
        sa.Column("bytes_read", columns.Id, server_default="0", nullable=False),
        sa.Column("rows", columns.Id, server_default="0", nullable=False),
        sa.Column("added", columns.Id, server_default="0", nullable=False),
        sa.Column("updated", columns.Id, server_default="0", nullable=False),
        sa.Column("errors", columns.Id, server_default="0", nullable=False),
        sa.Column("created_at", columns.Moment(), nullable=False),
        sa.Column("finished_at", columns.Moment(), nullable=True),
        sa.Column("claimed_until", columns.Moment(), nullable=True),
        sa.Column("claimed_by", columns.Words, nullable=True),
        sa.ForeignKeyConstraint(
            ["list_id"],
            ["lists.id"],
        ),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["projects.id"],
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_imports")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_imports_state"), "imports", ["state"], unique=False)
    op.create_table(
        "mailboxes",
        sa.Column("id", columns.Id, autoincrement=True, nullable=False),
        sa.Column("project_id", columns.Id, nullable=False),
        sa.Column("domain_id", columns.Id, nullable=False),
        sa.Column("address", columns.Words, nullable=False),
        sa.Column("address_key", columns.Words, nullable=False),
        sa.Column("password_hash", columns.Words, nullable=False),
        sa.Column("quota_bytes", columns.Id, nullable=True),
        sa.Column("created_at", columns.Moment(), nullable=False),
        sa.Column("hidden_capabilities", columns.Words, nullable=False),
        sa.Column("adds_writers", columns.Flag(), server_default="0", nullable=False),
        sa.Column("adds_cards", columns.Flag(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["domain_id"],
            ["domains.id"],
        ),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["projects.id"],
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mailboxes")),
        sa.UniqueConstraint("address_key", name=op.f("uq_mailboxes_address_key")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_table(
        "memberships",
        sa.Column("list_id", columns.Id, nullable=False),
        sa.Column("client_id", columns.Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"],
            ["clients.id"],
        ),
        sa.ForeignKeyConstraint(
            ["list_id"],
            ["lists.id"],
        ),
        sa.PrimaryKeyConstraint("list_id", "client_id", name=op.f("pk_memberships")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_memberships_client_id"), "memberships", ["client_id"], unique=False)
    op.create_table(
        "rating_changes",
        sa.Column("id", columns.Id, autoincrement=True, nullable=False),
        sa.Column("project_id", columns.Id, nullable=False),
        sa.Column("client_id", columns.Id, nullable=False),
        sa.Column("before", columns.Id, server_default="0", nullable=False),
        sa.Column("after", columns.Id, server_default="0", nullable=False),
        sa.Column("cause", columns.Words, nullable=False),
        sa.Column("reason", columns.Words, nullable=True),
        sa.Column("words", columns.Words, nullable=False),
        sa.Column("code", columns.Id, nullable=True),
        sa.Column("status", columns.Words, nullable=True),
        sa.Column("explained", columns.Flag(), nullable=True),
        sa.Column("recipient_id", columns.Id, nullable=True),
        sa.Column("arrival_id", columns.Id, nullable=True),
        sa.Column("at", columns.Moment(), nullable=False),
        sa.Column("cause_key", columns.Words, nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"],
            ["clients.id"],
        ),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["projects.id"],
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rating_changes")),
        sa.UniqueConstraint("client_id", "cause_key", name=op.f("uq_rating_changes_client_id_cause_key")),
        sqlite_strict=True,
    )
    op.create_table(
        "recovery_codes",
        sa.Column("person_id", columns.Id, nullable=False),
        sa.Column("code_hash", columns.Octets, nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["people.id"],
        ),
        sa.PrimaryKeyConstraint("person_id", "code_hash", name=op.f("pk_recovery_codes")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "redirects",
        sa.Column("id", columns.Id, autoincrement=True, nullable=False),
        sa.Column("project_id", columns.Id, nullable=False),
        sa.Column("domain_id", columns.Id, nullable=False),
        sa.Column("address", columns.Words, nullable=False),
        sa.Column("address_key", columns.Words, nullable=False),
        sa.Column("target", columns.Words, nullable=False),
        sa.Column("target_key", columns.Words, nullable=False),
        sa.Column("created_at", columns.Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["domain_id"],
            ["domains.id"],
        ),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["projects.id"],
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_redirects")),
        sa.UniqueConstraint("address_key", "target_key", name=op.f("uq_redirects_address_key_target_key")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_redirects_project_id_redirects_id"), "redirects", ["project_id", "id"], unique=False)
    op.create_table(
        "sender_codes",
        sa.Column("sender_id", columns.Id, nullable=False),
        sa.Column("code_hash", columns.Octets, nullable=False),
        sa.Column("sent_at", columns.Moment(), nullable=False),
        sa.Column("tries", columns.Id, server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["sender_id"],
            ["senders.id"],
        ),
        sa.PrimaryKeyConstraint("sender_id", name=op.f("pk_sender_codes")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sessions",
        sa.Column("id", columns.Id, autoincrement=True, nullable=False),
        sa.Column("person_id", columns.Id, nullable=False),
        sa.Column("token_hash", columns.Octets, nullable=False),
        sa.Column("confirmed", columns.Flag(), nullable=False),
        sa.Column("agent", columns.Words, nullable=False),
        sa.Column("created_at", columns.Moment(), nullable=False),
        sa.Column("seen_at", columns.Moment(), nullable=False),
        sa.Column("expires_at", columns.Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["people.id"],
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sessions_token_hash")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_sessions_expires_at"), "sessions", ["expires_at"], unique=False)
    op.create_index(op.f("ix_sessions_person_id"), "sessions", ["person_id"], unique=False)
    op.create_table(
        "suppressions",
        sa.Column("id", columns.Id, autoincrement=True, nullable=False),
        sa.Column("project_id", columns.Id, nullable=False),
        sa.Column("client_id", columns.Id, nullable=False),
        sa.Column("list_id", columns.Id, nullable=False),
        sa.Column("kind", columns.Words, nullable=False),
        sa.Column("recipient_id", columns.Id, nullable=True),
        sa.Column("at", columns.Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"],
            ["clients.id"],
        ),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["projects.id"],
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppressions")),
        sa.UniqueConstraint("client_id", "list_id", "kind", name=op.f("uq_suppressions_client_id_list_id_kind")),
        sqlite_strict=True,
    )
    op.create_table(
        "app_passwords",
        sa.Column("id", columns.Id, autoincrement=True, nullable=False),
        sa.Column("mailbox_id", columns.Id, nullable=False),
        sa.Column("name", columns.Words, nullable=False),
        sa.Column("secret_hash", columns.Octets, nullable=False),
        sa.Column("stored_key", columns.Octets, nullable=False),
        sa.Column("server_key", columns.Octets, nullable=False),
        sa.Column("created_at", columns.Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["mailbox_id"],
            ["mailboxes.id"],
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_app_passwords")),
        sa.UniqueConstraint("mailbox_id", "secret_hash", name=op.f("uq_app_passwords_mailbox_id_secret_hash")),
        sqlite_strict=True,
    )
    op.create_table(
        "campaign_attachments",
        sa.Column("campaign_id", columns.Id, nullable=False),
        sa.Column("version", columns.Id, autoincrement=False, nullable=False),
        sa.Column("position", columns.Id, autoincrement=False, nullable=False),
        sa.Column("bytes", columns.Octets, nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["campaigns.id"],
        ),
        sa.PrimaryKeyConstraint("campaign_id", "version", "position", name=op.f("pk_campaign_attachments")),
        sqlite_strict=True,
    )
    op.create_table(
        "campaign_contents",
        sa.Column("campaign_id", columns.Id, nullable=False),
        sa.Column("version", columns.Id, autoincrement=False, nullable=False),
        sa.Column("subject", columns.Words, nullable=False),
        sa.Column("html", columns.Words, nullable=False),
        sa.Column("text", columns.Words, nullable=True),
        sa.Column("defaults", columns.Json(), nullable=False),
        sa.Column("attachments", columns.Json(), nullable=False),
        sa.Column("form", columns.Words, nullable=False),
        sa.Column("source", columns.Words, nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["campaigns.id"],
        ),
        sa.PrimaryKeyConstraint("campaign_id", "version", name=op.f("pk_campaign_contents")),
        sqlite_strict=True,
    )
    op.create_table(
        "campaign_snapshots",
        sa.Column("campaign_id", columns.Id, nullable=False),
        sa.Column("chunk", columns.Id, autoincrement=False, nullable=False),
        sa.Column("client_ids", columns.Octets, nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["campaigns.id"],
        ),
        sa.PrimaryKeyConstraint("campaign_id", "chunk", name=op.f("pk_campaign_snapshots")),
        sqlite_strict=True,
    )
    op.create_table(
        "correspondents",
        sa.Column("id", columns.Id, autoincrement=True, nullable=False),
        sa.Column("mailbox_id", columns.Id, nullable=False),
        sa.Column("entry", columns.Words, nullable=False),
        sa.Column("standing", columns.Words, nullable=False),
        sa.Column("created_at", columns.Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["mailbox_id"],
            ["mailboxes.id"],
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_correspondents")),
        sa.UniqueConstraint("mailbox_id", "entry", name=op.f("uq_correspondents_mailbox_id_entry")),
        sqlite_strict=True,
    )
    op.create_index(
        op.f("ix_correspondents_mailbox_id_correspondents_id"), "correspondents", ["mailbox_id", "id"], unique=False
    )
    op.create_table(
        "import_errors",
        sa.Column("import_id", columns.Id, nullable=False),
        sa.Column("line", columns.Id, autoincrement=False, nullable=False),
        sa.Column("value", columns.Words, nullable=False),
        sa.Column("error", columns.Words, nullable=False),
        sa.ForeignKeyConstraint(
            ["import_id"],
            ["imports.id"],
        ),
        sa.PrimaryKeyConstraint("import_id", "line", name=op.f("pk_import_errors")),
        sqlite_strict=True,
    )
    op.create_table(
        "messages",
        sa.Column("id", columns.Id, autoincrement=True, nullable=False),
        sa.Column("project_id", columns.Id, nullable=False),
        sa.Column("kind", columns.Words, nullable=False),
        sa.Column("campaign_id", columns.Id, nullable=True),
        sa.Column("content_version", columns.Id, nullable=True),
        sa.Column("connection_id", columns.Id, nullable=True),
        sa.Column("reverse_path", columns.Words, nullable=False),
        sa.Column("message_id", columns.Words, nullable=True),
        sa.Column("size_bytes", columns.Id, server_default="0", nullable=False),
        sa.Column("bytes", columns.Octets, nullable=True),
        sa.Column("file", columns.Words, nullable=True),
        sa.Column("created_at", columns.Moment(), nullable=False),
        sa.Column("requires_tls", columns.Flag(), nullable=True),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["campaigns.id"],
        ),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["connections.id"],
        ),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["projects.id"],
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_messages_campaign_id"), "messages", ["campaign_id"], unique=False)
    op.create_index(
        "ix_messages_file",
        "messages",
        ["file"],
        unique=False,
        sqlite_where=sa.text("file IS NOT NULL"),
        postgresql_where=sa.text("file IS NOT NULL"),
    )
    op.create_index(op.f("ix_messages_message_id"), "messages", ["message_id"], unique=False)
    op.create_index(
        "ix_messages_our_report",
        "messages",
        ["message_id"],
        unique=True,
        sqlite_where=sa.text("kind = 'submission' AND connection_id IS NULL"),
        postgresql_where=sa.text("kind = 'submission' AND connection_id IS NULL"),
    )
    op.create_table(
        "answers",
        sa.Column("message_id", columns.Id, autoincrement=False, nullable=False),
        sa.Column("project_id", columns.Id, nullable=False),
        sa.Column("client_id", columns.Id, nullable=False),
        sa.Column("mailbox_id", columns.Id, nullable=False),
        sa.Column("key", columns.Words, nullable=False),
        sa.Column("digest", columns.Octets, nullable=False),
        sa.Column("blind", columns.Json(), nullable=False),
        sa.Column("filed", columns.Flag(), nullable=False),
        sa.Column("arrival_id", columns.Id, nullable=True),
        sa.ForeignKeyConstraint(
            ["client_id"],
            ["clients.id"],
        ),
        sa.ForeignKeyConstraint(
            ["message_id"],
            ["messages.id"],
        ),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["projects.id"],
        ),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_answers")),
        sa.UniqueConstraint("project_id", "key", name=op.f("uq_answers_project_id_key")),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_answers_unfiled",
        "answers",
        ["message_id"],
        unique=False,
        sqlite_where=sa.text("filed = 0"),
        postgresql_where=sa.text("NOT filed"),
    )
    op.create_table(
        "campaign_tests",
        sa.Column("message_id", columns.Id, autoincrement=False, nullable=False),
        sa.Column("campaign_id", columns.Id, nullable=False),
        sa.Column("address", columns.Words, nullable=False),
        sa.Column("subject", columns.Words, nullable=False),
        sa.Column("at", columns.Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["campaigns.id"],
        ),
        sa.ForeignKeyConstraint(
            ["message_id"],
            ["messages.id"],
        ),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_campaign_tests")),
        sqlite_strict=True,
    )
    op.create_index(
        op.f("ix_campaign_tests_campaign_id_campaign_tests_message_id"),
        "campaign_tests",
        ["campaign_id", "message_id"],
        unique=False,
    )
    op.create_table(
        "forwards",
        sa.Column("arrival_id", columns.Id, autoincrement=False, nullable=False),
        sa.Column("target_key", columns.Words, nullable=False),
        sa.Column("message_id", columns.Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"],
            ["messages.id"],
        ),
        sa.PrimaryKeyConstraint("arrival_id", "target_key", name=op.f("pk_forwards")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_forwards_message_id"), "forwards", ["message_id"], unique=False)
    op.create_table(
        "recipients",
        sa.Column("id", columns.Id, autoincrement=True, nullable=False),
        sa.Column("flow_id", columns.Id, nullable=False),
        sa.Column("message_id", columns.Id, nullable=False),
        sa.Column("client_id", columns.Id, nullable=True),
        sa.Column("address", columns.Words, nullable=False),
        sa.Column("state", columns.Words, nullable=False),
        sa.Column("due", columns.Moment(), nullable=False),
        sa.Column("attempts", columns.Id, server_default="0", nullable=False),
        sa.Column("queued_at", columns.Moment(), nullable=False),
        sa.Column("claimed_by", columns.Id, nullable=True),
        sa.Column("last_source", columns.Words, nullable=True),
        sa.Column("last_code", columns.Id, nullable=True),
        sa.Column("last_words", columns.Words, nullable=True),
        sa.Column("reason", columns.Words, nullable=True),
        sa.Column("settled_at", columns.Moment(), nullable=True),
        sa.Column("asked", columns.Words, nullable=True),
        sa.ForeignKeyConstraint(
            ["client_id"],
            ["clients.id"],
        ),
        sa.ForeignKeyConstraint(
            ["flow_id"],
            ["flows.id"],
        ),
        sa.ForeignKeyConstraint(
            ["message_id"],
            ["messages.id"],
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recipients")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index(
        "ix_recipients_claimed",
        "recipients",
        ["claimed_by"],
        unique=False,
        sqlite_where=sa.text("state = 'inflight'"),
        postgresql_where=sa.text("state = 'inflight'"),
    )
    op.create_index(op.f("ix_recipients_client_id"), "recipients", ["client_id"], unique=False)
    op.create_index(
        "ix_recipients_due",
        "recipients",
        ["flow_id", "due"],
        unique=False,
        sqlite_where=sa.text("state = 'queued'"),
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index(
        "ix_recipients_held",
        "recipients",
        ["flow_id", "due"],
        unique=False,
        sqlite_where=sa.text("state = 'held'"),
        postgresql_where=sa.text("state = 'held'"),
    )
    op.create_index(op.f("ix_recipients_message_id_recipients_id"), "recipients", ["message_id", "id"], unique=False)
    op.create_table(
        "reports",
        sa.Column("message_id", columns.Id, nullable=False),
        sa.Column("recipient_id", columns.Id, nullable=False),
        sa.Column("action", columns.Words, nullable=False),
        sa.Column("event", columns.Words, nullable=False),
        sa.Column("code", columns.Id, nullable=True),
        sa.Column("words", columns.Words, nullable=False),
        sa.Column("at", columns.Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"],
            ["messages.id"],
        ),
        sa.ForeignKeyConstraint(
            ["recipient_id"],
            ["recipients.id"],
        ),
        sa.PrimaryKeyConstraint("message_id", "recipient_id", name=op.f("pk_reports")),
        sa.UniqueConstraint("recipient_id", "action", name=op.f("uq_reports_recipient_id_action")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
