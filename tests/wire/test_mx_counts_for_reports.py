"""The running MX counts what DMARC made of mail, also of what it refused, and loses none of it when it is stopped."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from peers import smtp_role
from peers.smtp_role import deliver
from store import dmarc_results
from store.stores import open_stores

RECORDS = [
    ("strict.test", "TXT", "v=spf1 -all"),
    ("_dmarc.strict.test", "TXT", "v=DMARC1; p=reject; rua=mailto:r@strict.test"),
    ("good.test", "TXT", "v=spf1 ip4:127.0.0.0/8 -all"),
    ("_dmarc.good.test", "TXT", "v=DMARC1; p=reject; rua=mailto:r@good.test"),
    ("_dmarc.quiet.test", "TXT", "v=DMARC1; p=none"),
]


def test_what_passed_and_what_was_refused_is_in_the_rows_of_its_domain(tmp_path: Path, migrated_folder: Path) -> None:
    shutil.copytree(migrated_folder, tmp_path / "databases")
    location = str(tmp_path / "databases")
    stores = open_stores(location)
    with smtp_role.name_server(tmp_path, RECORDS) as server:
        premises = smtp_role.furnish(tmp_path, location, stores, server)
        smtp_role.settle_tenant(stores)
        with premises.role("mx") as mx:
            said = [
                deliver(mx.ports["mx"], f"x@{domain}", ["ann@ours.test"], f"From: x@{domain}\r\n\r\nHi\r\n".encode())
                for domain in ("strict.test", "good.test", "good.test", "quiet.test")
            ]
    assert [reply[:3] for reply in said] == ["550", "250", "250", "250"]
    with stores.events.database.read() as events:
        due = dmarc_results.reportable(events, (datetime.now(UTC) + timedelta(days=1)).date().isoformat(), 10)
        rows = {seen.domain: dmarc_results.of_day(events, day, seen) for day, seen in due}
    told = {
        domain: [(row.source, row.disposition, row.spf, count) for row, count in of_domain]
        for domain, of_domain in rows.items()
    }
    assert told == {
        "strict.test": [("127.0.0.1", "reject", "fail", 1)],
        "good.test": [("127.0.0.1", "none", "pass", 2)],
    }
    stores.close()
