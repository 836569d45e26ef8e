"""A domain from its mistakes to green and back, while the DNS of its zone changes under it (PRODUCT D1, D2, D5)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from email import message_from_bytes
from pathlib import Path

import pytest
from sqlalchemy import select

from admin.acts import domain_checks, domains, projects
from admin.office import Office
from admin.refusals import NotFoundError
from net.resolver import Resolver
from peers.names import Names, record
from peers.vaults import whole_vault
from store import people
from store.schema import messages
from store.settings import Dns, Settings
from store.stores import Stores

HOST = "mail.host.test"
TOMORROW = timedelta(hours=25)


@pytest.fixture
def names(tmp_path: Path) -> Iterator[Names]:
    made = Names(tmp_path / "names", [record("elsewhere.test", "A", "127.0.0.1")])
    yield made
    made.stop()


class LateOffice(Office):
    """An office whose clock a test moves."""

    later: timedelta = timedelta(0)

    @staticmethod
    def now() -> datetime:
        return Office.now() + LateOffice.later


class Zone:
    def __init__(self, stores: Stores, folder: Path, names: Names) -> None:
        settings = Settings(dns=Dns((names.listening,), timedelta(seconds=2)))
        self.names = names
        self.office = LateOffice(stores, whole_vault(bytes(32)), folder, HOST, ("127.0.0.2",), settings=settings)
        self.resolver = Resolver([names.listening], timedelta(seconds=2))
        self.project = projects.create(self.office, "shop", campaigns_allowed=True).id
        self.records = domains.create(self.office, self.project, "shop.test").records

    def own(self) -> None:
        """Somebody to be told, and a domain to tell in the name of."""
        home = projects.create(self.office, "home", campaigns_allowed=False).id
        domains.create(self.office, home, "host.test")
        domains.set_states(self.office, home, "host.test", {"owned": True, "sending": True})
        self.office.write(lambda tx: people.create(tx, "o@people.test", "owner", self.project, "x", self.office.now()))

    def told(self) -> list[str]:
        """Subjects of the mails to people."""
        with self.office.read() as core:
            rows = core.execute(select(messages.c.bytes).order_by(messages.c.id)).scalars()
            return [str(message_from_bytes(one)["Subject"]) for one in rows]

    def check(self) -> dict[str, str]:
        """What is wrong, by record."""
        found = domain_checks.check(self.office, self.resolver, self.project, "shop.test").findings
        return {one.about: one.mistake for one in found if one.mistake}

    def states(self) -> tuple[bool, bool, bool]:
        view = domains.get(self.office, self.project, "shop.test")
        return view.owned, view.sending, view.linked

    def replace(self, host: str, kind: str, *values: str) -> None:
        kept = [one for one in self.names.records if (one["host"], one["type"]) != (host, kind)]
        self.names.records = []
        self.names.publish([*kept, *(record(host, kind, value) for value in values)])


@pytest.fixture
def zone(stores: Stores, tmp_path: Path, names: Names) -> Iterator[Zone]:
    yield Zone(stores, tmp_path, names)
    LateOffice.later = timedelta(0)


def test_a_domain_becomes_green_record_by_record_and_falls_a_day_after_one_breaks(zone: Zone) -> None:
    zone.own()
    # SRV records, which follow, are for mail programs and no state of the domain waits for them.
    ownership, mx, spf, *keys, dmarc, tlsrpt, sts, policy = (one for one in zone.records if one.type != "SRV")
    assert set(zone.check()) == {"ownership", "mx", "spf", "dkim", "dmarc", "tlsrpt"}
    assert zone.states() == (False, False, False)

    zone.replace(ownership.host, "TXT", ownership.value)
    zone.replace("shop.test", "MX", f"10 {HOST}.shop.test.")
    zone.replace("shop.test", "TXT", "v=spf1 include:one.test -all", "v=spf1 include:two.test ~all")
    zone.replace(dmarc.host, "TXT", "v=DMARC1; p=often")
    zone.replace(tlsrpt.host, "TXT", tlsrpt.value)
    assert zone.check() == {
        "mx": "mx_zone_appended", "spf": "spf_two", "dkim": "missing", "dmarc": "dmarc_syntax",
    }  # fmt: skip
    assert zone.states() == (True, False, False)

    zone.replace("shop.test", "MX", mx.value)
    assert zone.check().get("mx") is None
    assert zone.states() == (True, False, True)

    zone.replace("shop.test", "TXT", spf.value)
    for key in keys:
        zone.replace(key.host, "TXT", key.value)
    zone.replace(dmarc.host, "TXT", dmarc.value)
    assert zone.check() == {"mtasts": "missing", "mtasts_host": "missing"}
    assert zone.states() == (True, True, True)

    zone.replace(HOST, "A", "127.0.0.2")
    zone.replace(sts.host, "TXT", sts.value)
    zone.replace(policy.host, "A", "127.0.0.3")
    assert zone.check() == {"mtasts_host": "mtasts_elsewhere"}
    zone.replace(policy.host, "A")
    zone.replace(policy.host, policy.type, policy.value)
    assert zone.check() == {}

    zone.replace(keys[0].host, "TXT", keys[0].value[:-12])
    assert zone.check() == {"dkim": "dkim_truncated"}
    assert zone.states() == (True, True, True)
    assert set(domain_checks.standing(zone.office, zone.project, "shop.test").failing_since) == {"sending"}
    assert zone.told() == ["shop.test: a DNS record is broken"]
    LateOffice.later = TOMORROW
    zone.check()
    zone.check()
    assert zone.states() == (True, False, True)
    assert zone.told() == ["shop.test: a DNS record is broken", "shop.test may do less: a DNS record is broken"]
    zone.replace(keys[0].host, "TXT", keys[0].value)
    assert zone.check() == {}
    assert zone.states() == (True, True, True)


def test_what_the_merged_record_of_the_page_says_is_right_when_published(zone: Zone) -> None:
    zone.replace("shop.test", "TXT", "v=spf1 ip4:198.51.100.7 -all", "v=spf1 include:two.test ~all")
    found = domain_checks.check(zone.office, zone.resolver, zone.project, "shop.test").findings
    (told,) = (one for one in found if one.about == "spf")
    assert "198.51.100.7" in told.paste.value
    assert "include:two.test" in told.paste.value
    zone.replace("shop.test", "TXT", told.paste.value)
    assert zone.check().get("spf") is None


def test_name_servers_that_are_gone_take_nothing_away(zone: Zone) -> None:
    for one in zone.records:
        zone.replace(one.host, one.type, one.value)
    zone.replace(HOST, "A", "127.0.0.2")
    assert zone.check() == {}
    zone.names.stop()
    LateOffice.later = TOMORROW
    assert set(zone.check().values()) == {"no_answer"}
    assert zone.states() == (True, True, True)
    zone.names.start()


def test_what_is_due_is_checked_and_the_next_time_is_later(zone: Zone) -> None:
    assert domain_checks.check_due(zone.office, zone.resolver, zone.office.now()) == 1
    standing = domain_checks.standing(zone.office, zone.project, "shop.test")
    assert standing.next_check is not None
    assert standing.next_check > zone.office.now()
    assert domain_checks.check_due(zone.office, zone.resolver, zone.office.now()) == 0


def test_states_that_the_operator_set_stay_until_the_checks_are_followed_again(zone: Zone) -> None:
    domains.set_states(zone.office, zone.project, "shop.test", {"owned": True, "sending": True})
    assert domain_checks.check_due(zone.office, zone.resolver, zone.office.now()) == 0
    assert "spf" in zone.check()
    assert zone.states() == (True, True, False)
    domain_checks.follow(zone.office, zone.project, "shop.test")
    LateOffice.later = TOMORROW
    zone.check()
    LateOffice.later = 2 * TOMORROW
    zone.check()
    assert zone.states() == (False, False, False)


def test_security_26_another_projects_domain_is_none(zone: Zone) -> None:
    other = projects.create(zone.office, "other", campaigns_allowed=True).id
    for ask in (domain_checks.standing, domain_checks.follow):
        with pytest.raises(NotFoundError):
            ask(zone.office, other, "shop.test")
    with pytest.raises(NotFoundError):
        domain_checks.check(zone.office, zone.resolver, other, "shop.test")
