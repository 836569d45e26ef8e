"""The sender role as it runs, settings and tables included: an enforced MTA-STS policy stops mail, others go on."""

from __future__ import annotations

from pathlib import Path

import trustme
from sqlalchemy import select

from lab.books import Taken
from lab.description import Host, Temper, World
from lab.world import RunningWorld
from lab.zone import Record
from mail.outcome import Reason
from peers import rows
from peers.loopback import wait_until
from peers.policy_site import WEB, beside
from peers.sender_role import SenderRole
from peers.tls import server_context
from policy.lifecycle import State
from store import campaign_progress
from store.attempts import of_recipient
from store.schema import tls_policies
from store.stores import Stores

STRICT, FREE = "ann@strict.test", "ann@free.test"
DOMAINS = tuple(address.partition("@")[2] for address in (STRICT, FREE))
WORLD = World(1, (Host("mx.good.test", "127.0.6.21", DOMAINS, Temper(everyone=True)),), ())
ENFORCE = b"version: STSv1\nmode: enforce\nmx: mx.good.test\nmax_age: 86400\n"


def test_an_enforced_policy_stops_the_mail_of_its_domain_alone_and_every_attempt_says_why(
    stores: Stores, location: str, tmp_path: Path
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    made = rows.make_campaign(stores, [STRICT, FREE])
    rows.launch(stores, made)
    with (
        RunningWorld(WORLD, tmp_path) as world,
        beside(server_context(authority, "mta-sts.strict.test"), ENFORCE) as site,
    ):
        world.publish([
            Record("_mta-sts.strict.test", "TXT", "v=STSv1; id=1;"), Record("mta-sts.strict.test", "A", WEB),
        ])  # fmt: skip
        settings = {
            "dns": {"servers": [world.dns], "timeout": 1},
            "outbound": {
                "port": world.port, "sources": [{"address": "127.0.6.1", "ehlo": "out1.mailloft.test"}],
                "retry": {"campaign": {"first": 1, "longest": 1, "lifetime": 3}},
            },
            "tls": {
                "ca_file": str(tmp_path / "ca.pem"), "sts_port": site.port,
                "allowed_networks": ["127.0.7.0/24"],
            },
        }  # fmt: skip
        role = SenderRole(tmp_path, location, settings)
        role.start()
        try:
            wait_until(
                lambda: made.counts(stores).get("expired") and made.counts(stores).get("delivered"), "both end", 60
            )
        finally:
            role.stop()
        taken = [entry.recipient for entry in world.entries() if isinstance(entry, Taken)]
    with stores.core.database.read() as core:
        found = {row.address: row for row in campaign_progress.rows_of(core, made.campaign_id, 0, 10)}
        kept = core.execute(select(tls_policies.c.domain, tls_policies.c.octets)).all()
    assert (found[STRICT].state, found[FREE].state) == (State.EXPIRED, State.DELIVERED)
    assert found[STRICT].reason is Reason.NETWORKERROR
    assert taken == [FREE]
    assert [tuple(row) for row in kept] == [("strict.test", ENFORCE)]
    with stores.events.database.read() as events:
        refused, sent = of_recipient(events, found[STRICT].id), of_recipient(events, found[FREE].id)
    assert all("against MTA-STS" in one.words for one in refused)
    assert "unverified: certificate not trusted" in (sent[0].tls or "")
