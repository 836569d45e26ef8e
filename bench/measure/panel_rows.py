"""Rows for the panel's bench: very many clients of one project, with what was sent to them and what some wrote.

SQLite alone, one statement a table and part, as no part of the product writes so much at once; the appliance is down
meanwhile. Ratings are tallied by the product's own check.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any, Final

PART: Final = 100_000
TALKS: Final = 20_000  # conversations
NOTES: Final = 100_000  # of the audit trail
_NUMBERS: Final = "WITH RECURSIVE n(i) AS (SELECT :first UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :end) "
_CLIENTS: Final = """
    INSERT INTO clients (project_id, address, address_key, site, rating, variables, origin, registered_at)
    SELECT :project, 'r' || i || '@d' || (i % 500) || '.test', 'r' || i || '@d' || (i % 500) || '.test',
           'd' || (i % 500) || '.test', 1 + (i * 7) % 10, '{"name":"Reader ' || i || '","city":"' || (i % 90) || '"}',
           'import', :now - i * 1000000 FROM n
"""
_MEMBERS: Final = """
    INSERT INTO memberships (list_id, client_id) SELECT :list, id FROM clients
    WHERE project_id = :project AND id NOT IN (SELECT client_id FROM memberships WHERE list_id = :list)
"""
_SENT: Final = """
    INSERT INTO recipients (flow_id, message_id, client_id, address, state, due, attempts, queued_at, settled_at,
                            last_code, last_words, last_source)
    SELECT :flow, :message, id, address, 'delivered', :now, 1, :now, :now, 250, '2.0.0 Ok', '127.0.0.2'
    FROM clients WHERE project_id = :project
"""
_CONTENTS: Final = "INSERT INTO contents (size_bytes, bytes) SELECT 1, x'20' FROM n"
_ARRIVALS: Final = """
    INSERT INTO arrivals (content_id, state, parses, received_at, reverse_path, peer, helo, tls, authentication,
                          client_id)
    SELECT max.id - :end + 1 + i, 'sorted', 1, :now, 'r@d.test', '127.0.0.1', 'h', 0, '{}', :client + i
    FROM n, (SELECT max(id) AS id FROM contents) AS max
"""
_WRITTEN: Final = """
    INSERT INTO correspondence (client_id, arrival_id, at, dmarc, letter)
    SELECT client_id, id, received_at, 'pass', '{"subject":"Re: news","author":"Reader","own":"Thank you, but no.",'
           || '"quoted":"> News","attachments":[],"message_id":"<' || id || '@d.test>","answers":[]}'
    FROM arrivals WHERE client_id >= :client
"""
_TALKS: Final = """
    INSERT INTO conversations (client_id, project_id, newest, at, standing)
    SELECT client_id, :project, arrival_id, at, arrival_id % 3 FROM correspondence WHERE client_id >= :client
"""
_NOTES: Final = """
    INSERT INTO audit (project_id, at, who, act, subject, address)
    SELECT :project, :now + i, 'ann@ours.test', 'client.rate', 'r' || i || '@d.test: 3', '192.0.2.1' FROM n
"""


def seed(folder: Path, project: int, list_id: int, campaign: int, count: int) -> dict[str, int]:
    """`count` clients on the list, all of whom got the campaign; a client who wrote, and a row, by name."""
    now = int(time.time() * 1e6)
    given: dict[str, Any] = {"project": project, "list": list_id, "now": now, "campaign": campaign}
    with closing(sqlite3.connect(folder / "core.db", isolation_level=None)) as core:
        first = int(core.execute("SELECT coalesce(max(id), 0) + 1 FROM clients").fetchone()[0])
        with _whole(core):
            for start in range(0, count, PART):
                core.execute(_NUMBERS + _CLIENTS, given | {"first": start, "end": min(start + PART, count)})
        with _whole(core):
            core.execute(_MEMBERS, given)
        with _whole(core):
            row = _send(core, given, count)
        with _whole(core):
            core.execute(_NUMBERS + _NOTES, given | {"first": 0, "end": NOTES})
    with closing(sqlite3.connect(folder / "mail.db", isolation_level=None)) as mail, _whole(mail):
        wrote = given | {"client": first, "first": 0, "end": min(TALKS, count)}
        for statement in (_NUMBERS + _CONTENTS, _NUMBERS + _ARRIVALS, _WRITTEN, _TALKS):
            mail.execute(statement, wrote)
    return {"client": first, "row": row}


def _send(core: sqlite3.Connection, given: dict[str, Any], count: int) -> int:
    """The campaign as it is when all of it was delivered; its first row."""
    message = core.execute(
        "INSERT INTO messages (project_id, kind, campaign_id, content_version, reverse_path, created_at) "
        "VALUES (:project, 'campaign', :campaign, 1, 'hello@ours.test', :now)", given,
    ).lastrowid  # fmt: skip
    flow = core.execute(
        "INSERT INTO flows (project_id, stream, stream_id, site, slot, class, pool, next_due) "
        "VALUES (:project, 'campaign', :campaign, 'd0.test', 0, 'campaign', 'mailings', :now)", given,
    ).lastrowid  # fmt: skip
    core.execute(_SENT, given | {"message": message, "flow": flow})
    core.execute(
        "INSERT INTO counters (scope, scope_id, name, value) VALUES ('campaign', :campaign, 'state.delivered', :count)",
        given | {"count": count},
    )
    core.execute(
        "UPDATE campaigns SET state = 'finished', recipients = :count, expanded = :count, launched_at = :now, "
        "finished_at = :now WHERE id = :campaign", given | {"count": count},
    )  # fmt: skip
    return int(core.execute("SELECT max(id) FROM recipients").fetchone()[0])


class _whole:  # noqa: N801 - read as a word: `with _whole(core)`
    """One transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def __enter__(self) -> None:
        self.connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, failed: object, *_: object) -> None:
        self.connection.execute("ROLLBACK" if failed else "COMMIT")
