"""All tables, in the three files they live in: `core`, `mail`, `events`.

On SQLite each MetaData is a file, on PostgreSQL a schema of the same name; no transaction spans two of them,
so a column that names a row of another file is a plain number, not a foreign key. The migrations make these
tables; a test proves that they make exactly these.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, ForeignKey, Index, MetaData, Table, UniqueConstraint, text

from mail.outcome import Kind, Reason
from policy.lifecycle import State
from policy.shaping import Action
from store.columns import Count, Flag, Id, Json, Moment, Octets, OneOf, Words

_NAMES = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
core = MetaData(naming_convention=_NAMES)
mail = MetaData(naming_convention=_NAMES)
events = MetaData(naming_convention=_NAMES)


def _table(name: str, metadata: MetaData, *columns: Any, **options: Any) -> Table:
    return Table(name, metadata, *columns, sqlite_strict=True, **options)


def _id() -> Column[int]:
    return Column("id", Id, primary_key=True, autoincrement=True)


def _project() -> Column[int]:
    return Column("project_id", ForeignKey("projects.id"), nullable=False)


def _text(name: str, nullable: bool = False) -> Column[str]:
    return Column(name, Words, nullable=nullable)


def _count(name: str, default: int = 0) -> Column[int]:
    return Column(name, Count, nullable=False, server_default=str(default))


def _moment(name: str, nullable: bool = False) -> Column[Any]:
    return Column(name, Moment, nullable=nullable)


# --- core: tenants and people -------------------------------------------------------------------------------

plans = _table(
    "plans", core, _id(), _text("name"),
    Column("campaigns_allowed", Flag, nullable=False),
    UniqueConstraint("name"),
)  # fmt: skip

projects = _table(
    "projects", core, _id(), _text("name"),
    Column("plan_id", ForeignKey("plans.id"), nullable=False),
    _moment("created_at"),
    UniqueConstraint("name"),
)  # fmt: skip

people = _table(
    "people", core, _id(), _text("login"), _text("role"),
    Column("project_id", ForeignKey("projects.id")),  # None: an operator, of all projects
    _text("password_hash"), _moment("created_at"),
    Column("totp", Octets), _count("totp_step"),  # sealed; the last step whose code was used
    _text("language", nullable=True), _text("theme", nullable=True),  # as chosen; None: as the browser says
    UniqueConstraint("login"), Index(None, "project_id", "id"),
)  # fmt: skip

recovery_codes = _table(
    "recovery_codes", core, Column("person_id", ForeignKey("people.id"), primary_key=True),
    Column("code_hash", Octets, primary_key=True), sqlite_with_rowid=False,
)  # fmt: skip

# Who is signed in to the panel, by the keyed hash of a cookie; not `confirmed`: the second factor is still asked.
sessions = _table(
    "sessions", core, _id(), Column("person_id", ForeignKey("people.id"), nullable=False),
    Column("token_hash", Octets, nullable=False), Column("confirmed", Flag, nullable=False), _text("agent"),
    _moment("created_at"), _moment("seen_at"), _moment("expires_at"),
    UniqueConstraint("token_hash"), Index(None, "person_id"), Index(None, "expires_at"),
)  # fmt: skip

# Who did what, when, on what; `who` stays readable when the person is gone.
audit = _table(
    "audit", core, _id(), Column("project_id", ForeignKey("projects.id")),  # None: the operator's own
    _moment("at"), _text("who"), _text("act"), _text("subject"), _text("address"),
    Index(None, "project_id", "id"), Index(None, "at"),
)  # fmt: skip

api_keys = _table(
    "api_keys", core, _id(),
    Column("project_id", ForeignKey("projects.id")),  # None: the operator's
    _text("name"), Column("key_hash", Octets, nullable=False), _moment("created_at"),
    UniqueConstraint("key_hash"),
)  # fmt: skip

# --- core: domains, mailboxes, senders ----------------------------------------------------------------------

domains = _table(
    "domains", core, _id(), _project(), _text("name"), _text("ownership_token"),
    Column("owned", Flag, nullable=False), Column("sending", Flag, nullable=False),
    Column("linked", Flag, nullable=False), _moment("created_at"),
    Column("by_hand", Flag, nullable=False),  # the operator set the states; checks leave them
    Column("findings", Json),  # of the last check, as policy/domain_verdict.py said
    _moment("checked_at", nullable=True), _moment("next_check", nullable=True), _count("checks"),
    Column("failing_since", Json, nullable=False),  # state to microseconds, of those that are to be taken back
    UniqueConstraint("name"), Index(None, "next_check"),
)  # fmt: skip

dkim_keys = _table(
    "dkim_keys", core, _id(), Column("domain_id", ForeignKey("domains.id"), nullable=False),
    _text("selector"), _text("algorithm"), Column("sealed_private_key", Octets, nullable=False),
    _text("record"), _text("state"),  # published | active | retired
    _moment("created_at"), _moment("changed_at"),
    UniqueConstraint("domain_id", "selector"),
)  # fmt: skip

mailboxes = _table(
    "mailboxes", core, _id(), _project(), Column("domain_id", ForeignKey("domains.id"), nullable=False),
    _text("address"), _text("address_key"),
    _text("password_hash"),  # argon2id of a person's own password, or keyed SHA-256 of a generated one
    Column("quota_bytes", Count), _moment("created_at"),
    _text("hidden_capabilities"),  # of IMAP, separated by one space
    Column("adds_writers", Flag, nullable=False, server_default="0"),  # an unknown writer becomes a client (M3)
    Column("adds_cards", Flag, nullable=False, server_default="0"),  # so does who is on a vCard that is attached
    UniqueConstraint("address_key"),
    sqlite_autoincrement=True,  # `mail` names mailboxes by their id, also those that were removed
)  # fmt: skip

# Mailboxes whose mails in `mail` are still to go, or may have come while they went. store/removed_mailboxes.py
removed_mailboxes = _table(
    "removed_mailboxes", core, Column("mailbox_id", Count, primary_key=True, autoincrement=False),
    _moment("removed_at"),
)  # fmt: skip

# Where mail for an address goes instead: rows of one address_key are all of its targets (an address of its own among
# them keeps a copy); "@domain" is a domain's catch-all. store/redirects.py
redirects = _table(
    "redirects", core, _id(), _project(), Column("domain_id", ForeignKey("domains.id"), nullable=False),
    _text("address"), _text("address_key"), _text("target"), _text("target_key"), _moment("created_at"),
    UniqueConstraint("address_key", "target_key"), Index(None, "project_id", "id"),
)  # fmt: skip

# Addresses and domains that a mailbox allows (never junk), denies (junk) or refuses. store/correspondents.py
correspondents = _table(
    "correspondents", core, _id(), Column("mailbox_id", ForeignKey("mailboxes.id"), nullable=False), _text("entry"),
    _text("standing"), _moment("created_at"), UniqueConstraint("mailbox_id", "entry"), Index(None, "mailbox_id", "id"),
)  # fmt: skip

app_passwords = _table(
    "app_passwords", core, _id(), Column("mailbox_id", ForeignKey("mailboxes.id"), nullable=False), _text("name"),
    *(Column(name, Octets, nullable=False) for name in ("secret_hash", "stored_key", "server_key")),
    _moment("created_at"), UniqueConstraint("mailbox_id", "secret_hash"),
)  # fmt: skip

senders = _table(
    "senders", core, _id(), _project(), _text("address"), _text("address_key"), _text("display_name"),
    _moment("authorised_at", nullable=True), _moment("created_at"),
    UniqueConstraint("project_id", "address_key"),
)  # fmt: skip

# The code that was mailed to an address to prove it (PRODUCT C1), the last one alone.
sender_codes = _table(
    "sender_codes", core, Column("sender_id", ForeignKey("senders.id"), primary_key=True),
    Column("code_hash", Octets, nullable=False), _moment("sent_at"), _count("tries"),
    sqlite_with_rowid=False,
)  # fmt: skip

connections = _table(
    "connections", core, _id(), _project(), Column("sender_id", ForeignKey("senders.id"), nullable=False),
    _text("name"), _text("login"), Column("secret_hash", Octets, nullable=False), _text("state"),
    _text("class"),  # submission | transactional: how urgent its mail is, and which retry plan it follows
    Column("answers", Json, nullable=False), _text("reason", nullable=True),  # what was asked, why it was rejected
    _moment("created_at"), Index(None, "state", "id"),
    Column("asked_by", ForeignKey("people.id")),  # None: a program asked, or who is gone
    UniqueConstraint("login"),
)  # fmt: skip

# --- core: clients and lists --------------------------------------------------------------------------------

lists = _table("lists", core, _id(), _project(), _text("name"), _moment("created_at"),
               UniqueConstraint("project_id", "name"))  # fmt: skip

clients = _table(
    "clients", core, _id(), _project(), _text("address"), _text("address_key"), _text("site"),
    Column("rating", Count, nullable=False), Column("variables", Json, nullable=False), _text("origin"),
    _moment("registered_at"),
    UniqueConstraint("project_id", "address_key"), Index(None, "project_id", "id"),
    sqlite_autoincrement=True,
)  # fmt: skip

memberships = _table(
    "memberships", core, Column("list_id", ForeignKey("lists.id"), primary_key=True),
    Column("client_id", ForeignKey("clients.id"), primary_key=True), Index(None, "client_id"),
    sqlite_with_rowid=False,
)  # fmt: skip

# Rules that say which clients are meant (policy/segment.py), and how many they were when they were last counted.
segments = _table(
    "segments", core, _id(), _project(), _text("name"), Column("rule", Json, nullable=False),
    Column("counted", Count), _moment("counted_at", nullable=True), _moment("created_at"),
    UniqueConstraint("project_id", "name"),
)  # fmt: skip

suppressions = _table(
    "suppressions", core, _id(), _project(), Column("client_id", ForeignKey("clients.id"), nullable=False),
    Column("list_id", Count, nullable=False),  # 0: everything
    _text("kind"),  # unsubscribed | complained
    Column("recipient_id", Count), _moment("at"),
    UniqueConstraint("client_id", "list_id", "kind"),
)  # fmt: skip

rating_changes = _table(
    "rating_changes", core, _id(), _project(), Column("client_id", ForeignKey("clients.id"), nullable=False),
    _count("before"), _count("after"), _text("cause"), Column("reason", OneOf(Reason)), _text("words"),
    # What the reason was read from, with the words, so that a corrected rule can be asked again (policy/replay.py).
    Column("code", Count), Column("status", Words), Column("explained", Flag),
    Column("recipient_id", Count), Column("arrival_id", Count), _moment("at"),
    _text("cause_key"),  # the same cause of the same message counts once
    UniqueConstraint("client_id", "cause_key"),
)  # fmt: skip

# How many clients of a project (list_id 0) and of each list have each rating: the tallies and the moves that are not
# folded into them yet. store/list_ratings.py
rating_tallies = _table(
    "rating_tallies", core,
    *(Column(name, Count, primary_key=True, autoincrement=False) for name in ("project_id", "list_id", "rating")),
    _count("clients"), sqlite_with_rowid=False,
)  # fmt: skip

rating_moves = _table(
    "rating_moves", core, _id(),
    *(Column(name, Count, nullable=False) for name in ("project_id", "list_id", "rating", "change")),
    Index(None, "project_id", "list_id"),
)  # fmt: skip

imports = _table(
    "imports", core, _id(), _project(), Column("list_id", ForeignKey("lists.id"), nullable=False),
    _text("state"), _text("reason", nullable=True), _text("file"), _text("separator"),
    Column("columns", Json, nullable=False), _count("bytes_total"), _count("bytes_read"), _count("rows"),
    _count("added"), _count("updated"), _count("errors"), _moment("created_at"),
    _moment("finished_at", nullable=True), _moment("claimed_until", nullable=True), Column("claimed_by", Words),
    Index(None, "state"),
)  # fmt: skip

import_errors = _table(
    "import_errors", core, Column("import_id", ForeignKey("imports.id"), primary_key=True),
    Column("line", Count, primary_key=True, autoincrement=False), _text("value"), _text("error"),
)  # fmt: skip

# --- core: campaigns, messages, ledger ----------------------------------------------------------------------

campaigns = _table(
    "campaigns", core, _id(), _project(), _text("name"), Column("sender_id", ForeignKey("senders.id"), nullable=False),
    Column("list_id", ForeignKey("lists.id")),  # None: whoever is in the project
    Column("segment_id", ForeignKey("segments.id")),  # of them, those whom it means; None: everybody
    _text("pool"), _text("state"),
    _text("state_reason", nullable=True), Column("content_version", Count, nullable=False),
    _count("recipients"), _count("expanded"), _moment("due_at", nullable=True), _moment("created_at"),
    _moment("launched_at", nullable=True), _moment("finished_at", nullable=True),
    _text("from_name"),  # "": the sender's
    _count("interval_ms"), _count("parts", 1), _count("part_every_seconds"),  # policy/timetable.py
    Column("part_times", Json, nullable=False),  # microseconds: when the second part begins, the third, ...; []: every
    _moment("paced_from", nullable=True),  # the timetable's beginning, later by what the campaign stood still
    Column("keeps_history", Flag, nullable=False),  # whether its messages are in the clients' conversations
    Index(None, "project_id", "id"), Index(None, "state"), Index(None, "segment_id"),
)  # fmt: skip

campaign_contents = _table(
    "campaign_contents", core, Column("campaign_id", ForeignKey("campaigns.id"), primary_key=True),
    Column("version", Count, primary_key=True, autoincrement=False), _text("subject"), _text("html"),
    _text("text", nullable=True), Column("defaults", Json, nullable=False), Column("attachments", Json, nullable=False),
    _text("form"), _text("source"),  # html | markdown | mjml, and what was written; `html` is made from it
)  # fmt: skip

# Test sends of drafts: messages with one row each, of no client, that count nowhere (store/campaign_tests.py).
campaign_tests = _table(
    "campaign_tests", core, Column("message_id", ForeignKey("messages.id"), primary_key=True, autoincrement=False),
    Column("campaign_id", ForeignKey("campaigns.id"), nullable=False), _text("address"), _text("subject"),
    _moment("at"), Index(None, "campaign_id", "message_id"),
)  # fmt: skip

campaign_attachments = _table(
    "campaign_attachments", core, Column("campaign_id", ForeignKey("campaigns.id"), primary_key=True),
    Column("version", Count, primary_key=True, autoincrement=False),
    Column("position", Count, primary_key=True, autoincrement=False), Column("bytes", Octets, nullable=False),
)  # fmt: skip

# Who gets a campaign, fixed at launch: client ids sorted by site, 64-bit little-endian, 32,000 a chunk.
campaign_snapshots = _table(
    "campaign_snapshots", core, Column("campaign_id", ForeignKey("campaigns.id"), primary_key=True),
    Column("chunk", Count, primary_key=True, autoincrement=False), Column("client_ids", Octets, nullable=False),
)  # fmt: skip

_OUR_REPORT = text("kind = 'submission' AND connection_id IS NULL")
messages = _table(
    "messages", core, _id(), _project(), _text("kind"),  # campaign | test | submission | answer | forward | dsn
    Column("campaign_id", ForeignKey("campaigns.id")), Column("content_version", Count),
    Column("connection_id", ForeignKey("connections.id")), _text("reverse_path"), Column("message_id", Words),
    _count("size_bytes"), Column("bytes", Octets), Column("file", Words), _moment("created_at"),
    Column("requires_tls", Flag),  # RFC 8689
    Index(None, "campaign_id"), Index(None, "message_id"),
    Index("ix_messages_file", "file", sqlite_where=text("file IS NOT NULL"), postgresql_where=text("file IS NOT NULL")),
    # A report that we send, of which two clocks may both think that it is theirs to make (store/report_mail.py).
    Index("ix_messages_our_report", "message_id", unique=True, sqlite_where=_OUR_REPORT, postgresql_where=_OUR_REPORT),
)  # fmt: skip

_OPEN_OF_CLASS = text("queued > 0 AND stream <> 'campaign'")
_OPEN_OF_CAMPAIGN = text("queued > 0 AND stream = 'campaign'")
flows = _table(
    "flows", core, _id(), _project(), _text("stream"),  # campaign | test | connection | answer | forward | dsn
    Column("stream_id", Count, nullable=False), _text("site"), Column("slot", Count, nullable=False),
    _text("class"), _text("pool"), _count("queued"), _count("held"), _moment("next_due"),
    _moment("stopped_until", nullable=True),  # while an operator's hold goes over its rows
    UniqueConstraint("stream", "stream_id", "site"),
    Index("ix_flows_held", "id", sqlite_where=text("held > 0"), postgresql_where=text("held > 0")),
    Index("ix_flows_queued", "id", sqlite_where=text("queued > 0"), postgresql_where=text("queued > 0")),
    Index("ix_flows_of_class", "class", "next_due", "id", "slot",
          sqlite_where=_OPEN_OF_CLASS, postgresql_where=_OPEN_OF_CLASS),
    Index("ix_flows_of_campaign", "stream_id", "next_due", "id", "slot",
          sqlite_where=_OPEN_OF_CAMPAIGN, postgresql_where=_OPEN_OF_CAMPAIGN),
    Index("ix_flows_unasked", "class", "id", sqlite_where=text("slot = -1"), postgresql_where=text("slot = -1")),
    Index(None, "site"),
)  # fmt: skip

# With a bound parameter SQLite does not see that a partial index fits, so conditions on state use these.
QUEUED = text("recipients.state = 'queued'")
INFLIGHT = text("recipients.state = 'inflight'")
HELD = text("recipients.state = 'held'")
OPEN_FLOW = text("flows.queued > 0")
OF_CAMPAIGN = text("flows.stream = 'campaign'")
OF_NO_CAMPAIGN = text("flows.stream <> 'campaign'")
HOLDING_FLOW = text("flows.held > 0")
_QUEUED = text("state = 'queued'")
_INFLIGHT = text("state = 'inflight'")
_HELD = text("state = 'held'")
recipients = _table(
    "recipients", core, _id(), Column("flow_id", ForeignKey("flows.id"), nullable=False),
    Column("message_id", ForeignKey("messages.id"), nullable=False), Column("client_id", ForeignKey("clients.id")),
    _text("address"), Column("state", OneOf(State), nullable=False), _moment("due"), _count("attempts"),
    _moment("queued_at"), Column("claimed_by", Count), Column("last_source", Words), Column("last_code", Count),
    Column("last_words", Words), Column("reason", OneOf(Reason)), _moment("settled_at", nullable=True),
    Column("asked", Words),  # hold | cancel: what an operator wants of a row in flight
    Index("ix_recipients_due", "flow_id", "due", sqlite_where=_QUEUED, postgresql_where=_QUEUED),
    Index("ix_recipients_held", "flow_id", "due", sqlite_where=_HELD, postgresql_where=_HELD),
    Index("ix_recipients_claimed", "claimed_by", sqlite_where=_INFLIGHT, postgresql_where=_INFLIGHT),
    Index(None, "message_id", "id"), Index(None, "client_id"),
    sqlite_autoincrement=True,
)  # fmt: skip

# What a DSN of ours tells its sender: whom it speaks of, as it stood when the DSN was queued.
reports = _table(
    "reports", core, Column("message_id", ForeignKey("messages.id"), primary_key=True),
    Column("recipient_id", ForeignKey("recipients.id"), primary_key=True),
    _text("action"),  # failed | delayed
    _text("event"), Column("code", Count), _text("words"), _moment("at"),
    UniqueConstraint("recipient_id", "action"),  # each is told once
    sqlite_with_rowid=False,
)  # fmt: skip

# Mail that was sent on, so that an arrival that is sorted again after a crash is not sent on twice.
forwards = _table(
    "forwards", core, Column("arrival_id", Count, primary_key=True, autoincrement=False),
    Column("target_key", Words, primary_key=True),
    Column("message_id", ForeignKey("messages.id"), nullable=False), Index(None, "message_id"),
    sqlite_with_rowid=False,
)  # fmt: skip

# Answers from the panel: what a repeated request is told by, and whether its copy is in the folder of sent mail yet.
answers = _table(
    "answers", core, Column("message_id", ForeignKey("messages.id"), primary_key=True, autoincrement=False),
    _project(), Column("client_id", ForeignKey("clients.id"), nullable=False),
    Column("mailbox_id", Count, nullable=False), _text("key"),
    Column("digest", Octets, nullable=False),  # of what was asked under this key
    Column("blind", Json, nullable=False),  # the addressees of blind copies, as the writer's own copy names them
    Column("filed", Flag, nullable=False), Column("arrival_id", Count),  # which mail it answers
    UniqueConstraint("project_id", "key"),
    Index("ix_answers_unfiled", "message_id", sqlite_where=text("filed = 0"), postgresql_where=text("NOT filed")),
)  # fmt: skip

counters = _table(
    "counters", core, Column("scope", Words, primary_key=True),
    Column("scope_id", Count, primary_key=True, autoincrement=False), Column("name", Words, primary_key=True),
    _count("value"), sqlite_with_rowid=False,
)  # fmt: skip

# MTA-STS policies of other domains, followed until they expire whatever the domain serves since (RFC 8461 §5.1).
tls_policies = _table(
    "tls_policies", core, Column("domain", Words, primary_key=True), _text("identity"),
    Column("octets", Octets, nullable=False), _moment("fetched_at"), _moment("expires_at"),
)  # fmt: skip

workers = _table(
    "workers", core, _id(), _text("role"), _text("node"), Column("position", Count, nullable=False),
    _moment("started_at"), _moment("alive_until"),
    sqlite_autoincrement=True,
)  # fmt: skip

# Which site a domain belongs to (policy/sites.py); checked_at 0: its MX was not asked yet.
sites = _table(
    "sites", core, Column("domain", Words, primary_key=True), _text("site"), _moment("checked_at"),
    Index(None, "checked_at"), sqlite_with_rowid=False,
)  # fmt: skip

# What a source holds back at a site, because of what was heard there (policy/shaping.py).
reactions = _table(
    "reactions", core, Column("site", Words, primary_key=True), Column("source", Words, primary_key=True),
    Column("action", OneOf(Action), primary_key=True), Column("value", Count, nullable=False), _moment("until"),
    _count("lasts_seconds"), _text("origin"), sqlite_with_rowid=False,
)  # fmt: skip

# Breakers that tripped and were not released; until None: by hand alone.
breakers = _table(
    "breakers", core, Column("scope", Words, primary_key=True),
    Column("scope_id", Count, primary_key=True, autoincrement=False),
    _text("verdict"), _text("action"), _text("reason"), _moment("tripped_at"), _moment("until", nullable=True),
    sqlite_with_rowid=False,
)  # fmt: skip

# --- mail: what came in, and what people keep ---------------------------------------------------------------

contents = _table(
    "contents", mail, _id(), _count("size_bytes"), Column("bytes", Octets), Column("file", Words),
    Index("ix_contents_file", "file", sqlite_where=text("file IS NOT NULL"), postgresql_where=text("file IS NOT NULL")),
    sqlite_autoincrement=True,  # who still reads a mail that is gone must never find another's under its id
)  # fmt: skip

# What a mail is found and ordered by (mail/search_text.py, mail/sort_keys.py); short columns first, as they are read.
search_texts = _table(
    "search_texts", mail,
    Column("content_id", ForeignKey("contents.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("keys", Octets, nullable=False), _text("preview"), Column("header", Octets, nullable=False),
    Column("inner", Octets, nullable=False), Column("text", Octets),  # None: too long to be kept twice
)  # fmt: skip

arrivals = _table(
    "arrivals", mail, _id(), Column("content_id", ForeignKey("contents.id"), nullable=False),
    _text("state"),  # new | sorted | unparsed
    _count("parses"), _moment("received_at"), _text("reverse_path"), _text("peer"), _text("helo"),
    Column("tls", Flag, nullable=False), Column("authentication", Json, nullable=False),
    Column("kind", OneOf(Kind)), Column("client_id", Count), _moment("sorted_at", nullable=True),
    Index(None, "content_id"),
    Index("ix_arrivals_new", "id", sqlite_where=text("state = 'new'"), postgresql_where=text("state = 'new'")),
    sqlite_autoincrement=True,
)  # fmt: skip

arrival_recipients = _table(
    "arrival_recipients", mail, Column("arrival_id", ForeignKey("arrivals.id"), primary_key=True),
    Column("position", Count, primary_key=True, autoincrement=False), _text("address"),
    _text("purpose"),  # mailbox | bounce | complaint | unsubscribe
    Column("target", Count),  # a mailbox's id (core), or a ledger row's
)  # fmt: skip

# A client's conversation, what came in of it: store/conversations.py. A mail to two projects is in one of each.
correspondence = _table(
    "correspondence", mail, Column("client_id", Count, primary_key=True, autoincrement=False),
    Column("arrival_id", ForeignKey("arrivals.id"), primary_key=True, autoincrement=False),
    Column("mailbox_id", Count),  # None: it came to the reverse-path of what we sent
    _moment("at"), _text("dmarc"), Column("letter", Json, nullable=False),  # mail/letter.py
    Index(None, "arrival_id"),  # the oldest first, and whether an arrival is still shown
    sqlite_with_rowid=False,
)  # fmt: skip

# A client's conversation as a whole: `newest` is its last arrival; `standing`: 2 unread, 1 unanswered, 0 done.
conversations = _table(
    "conversations", mail, Column("client_id", Count, primary_key=True, autoincrement=False),
    Column("project_id", Count, nullable=False), Column("newest", Count, nullable=False), _moment("at"),
    Column("standing", Count, nullable=False), Index(None, "project_id", "standing", "newest"),
)  # fmt: skip

# Answers whose copy is in the folder of sent mail, so that it is filed once whatever dies (store/answers.py).
filed_answers = _table(
    "filed_answers", mail, Column("message_id", Count, primary_key=True, autoincrement=False),
)  # fmt: skip

folders = _table(
    "folders", mail, _id(), Column("mailbox_id", Count, nullable=False), _text("name"),
    Column("special_use", Words),
    Column("uidvalidity", Count, nullable=False), _count("uidnext", 1), _count("highestmodseq", 1),
    _count("messages"), _count("size_bytes"),  # of its mails, kept by store/folder_state.py
    Column("born", Count, nullable=False),  # its first UIDVALIDITY: with the id, what no other folder ever had
    _count("recent_from", 1),  # the lowest UID that no session has been told of
    _count("forgotten"),  # the MODSEQ above which `expunged` names every UID that went
    UniqueConstraint("mailbox_id", "name"),
    sqlite_autoincrement=True,  # sessions and processes remember folders by their id
)  # fmt: skip

# The names that LSUB tells, of folders that are and of some that are not (RFC 3501 §6.3.6).
subscriptions = _table(
    "subscriptions", mail, Column("mailbox_id", Count, primary_key=True, autoincrement=False),
    Column("name", Words, primary_key=True), sqlite_with_rowid=False,
)  # fmt: skip

# How far a mailbox elsewhere was brought here (store/migrated.py): all UIDs up to `last_uid` of that UIDVALIDITY.
migrated_folders = _table(
    "migrated_folders", mail, Column("mailbox_id", Count, primary_key=True, autoincrement=False),
    Column("source", Words, primary_key=True), Column("name", Words, primary_key=True),
    Column("uidvalidity", Count, nullable=False), Column("last_uid", Count, nullable=False),
    _count("refused"),  # of them, those that were not taken
    sqlite_with_rowid=False,
)  # fmt: skip

app_password_uses = _table(
    "app_password_uses", mail, Column("password_id", Count, primary_key=True, autoincrement=False), _moment("used_at"),
)  # fmt: skip

expunged = _table(
    "expunged", mail, Column("folder_id", ForeignKey("folders.id"), primary_key=True),
    *(Column(name, Count, primary_key=True, autoincrement=False) for name in ("modseq", "uid")),
    sqlite_with_rowid=False,
)  # fmt: skip

filed = _table(
    "filed", mail, Column("folder_id", ForeignKey("folders.id"), primary_key=True),
    Column("uid", Count, primary_key=True, autoincrement=False), Column("modseq", Count, nullable=False),
    Column("flags", Words, nullable=False),  # sorted, separated by one space
    _moment("internaldate"), _moment("saved_at"),
    _text("email_id"), _text("thread_id"),  # RFC 8474: of the octets, and of the first message of the conversation
    _count("size_bytes"), Column("content_id", ForeignKey("contents.id"), nullable=False),
    Column("arrival_id", Count), Column("envelope", Octets, nullable=False), Column("body", Octets, nullable=False),
    Column("bodystructure", Octets, nullable=False), Column("parts", Octets, nullable=False),
    Index(None, "content_id"),
    # What SELECT, STATUS and each look for news read: without it 50,000 rows with all their structures.
    Index(None, "folder_id", "modseq", "flags"),
    Index("ix_filed_arrival", "folder_id", "arrival_id", unique=True,
          sqlite_where=text("arrival_id IS NOT NULL"), postgresql_where=text("arrival_id IS NOT NULL")),
    sqlite_with_rowid=False,
)  # fmt: skip

# Suspicious peers that were put off: a network, a reverse-path and a recipient, hashed where they are long.
greylist = _table(
    "greylist", mail, Column("network", Words, primary_key=True), Column("pair", Words, primary_key=True),
    _moment("first_at"), _moment("passed_at", nullable=True), Index(None, "first_at"),
    sqlite_with_rowid=False,
)  # fmt: skip

# --- events: what may be dropped by day ---------------------------------------------------------------------

attempts = _table(
    "attempts", events, _id(), Column("recipient_id", Count, nullable=False), _moment("at"), _text("source"),
    _text("host"), Column("tls", Words), Column("code", Count), _text("words"), Column("transcript", Words),
    _count("milliseconds"), Index(None, "recipient_id"),
)  # fmt: skip

# Sessions with hosts of other domains that have a TLS policy, until they are reported (RFC 8460).
tls_results = _table(
    "tls_results", events,
    *(Column(name, Words, primary_key=True)
      for name in ("day", "domain", "kind", "policy", "host", "address", "source", "result")),
    _count("sessions"),
)  # fmt: skip

# Mail that said it was from a domain that asks for DMARC reports, until it is reported (RFC 7489): `row` and `policy`
# are the values of mail/aggregate_report as JSON.
dmarc_results = _table(
    "dmarc_results", events,
    *(Column(name, Words, primary_key=True) for name in ("day", "domain", "policy", "row")), _count("messages"),
)  # fmt: skip

# Reports of others about domains of ours; `passed` of `messages` (for TLS: sessions) were well.
received_reports = _table(
    "received_reports", events, _id(), _text("kind"),  # dmarc | tls
    _text("domain"), _text("sender"), Column("verified", Flag, nullable=False),  # its mail passed DMARC
    _text("organization"), _text("identity"), _moment("begins_at"), _moment("ends_at"),
    _count("messages"), _count("passed"), Column("policy", Json, nullable=False), _count("arrival_id"),
    _moment("received_at"),
    UniqueConstraint("kind", "domain", "sender", "verified", "identity"), Index(None, "domain", "id"),
    Index(None, "received_at"),
)  # fmt: skip

received_report_rows = _table(
    "received_report_rows", events, Column("report_id", ForeignKey("received_reports.id"), primary_key=True),
    Column("position", Count, primary_key=True, autoincrement=False), _text("source"), _count("messages"),
    Column("passed", Flag, nullable=False), Column("details", Json, nullable=False),
)  # fmt: skip
