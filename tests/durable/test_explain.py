"""`explain`: what holds for an address, each value with its origin, on both engines."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from admin.acts.explain import Explained, explain
from admin.office import Office
from admin.refusals import InvalidError, NotFoundError
from peers import rows
from peers.names import Names, record
from peers.vaults import whole_vault
from policy.shaping import EVERYWHERE, Action, Reaction
from store import breakers, clients, consequences, counters, reactions, sites
from store.settings import Settings
from store.stores import Stores

SOURCES = [
    {"address": "192.0.2.1", "ehlo": "out1.ours.test"},
    {"address": "192.0.2.2", "ehlo": "out2.ours.test", "warmup": datetime.now(UTC).date().isoformat()},
]
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Names]:
    zone = [record("shop.test", "MX", "5 aspmx.l.google.com."), record("own.test", "MX", "10 mx.own.test.")]
    made = Names(tmp_path_factory.mktemp("names"), zone)
    yield made
    made.stop()


@pytest.fixture
def office(stores: Stores, names: Names, tmp_path: Path) -> Office:
    tree = {"dns": {"servers": [names.listening]}, "outbound": {"sources": SOURCES, "connections": 4}}
    settings = msgspec.convert(tree, Settings, strict=False)
    return Office(stores, whole_vault(bytes(32)), tmp_path, "mailloft.test", (), settings=settings)


def limits(found: Explained, source: str) -> dict[str, tuple[str, str]]:
    (pace,) = [one for one in found.sources if one.source == source]
    return {one.name: (one.value, one.origin) for one in pace.limits}


def test_an_unknown_domain_has_the_limits_of_the_settings(office: Office) -> None:
    found = explain(office, None, "ann@own.test", None)
    assert (found.site, found.provider, found.checked_at) == ("own.test", "default", None)
    assert found.mx["hosts"] == [{"preference": 10, "host": "mx.own.test"}]
    assert limits(found, "192.0.2.1")["connections"] == ("4", "settings [outbound]")


def test_a_domain_at_a_provider_has_the_providers(office: Office) -> None:
    assert explain(office, None, "shop.test", None).site_by_mx == "gmail"
    now = datetime.now(UTC)
    office.write(lambda tx: sites.note(tx, ["shop.test"]))
    office.write(lambda tx: sites.tell(tx, {"shop.test": "gmail"}, now))
    found = explain(office, None, "ann@shop.test", "192.0.2.1")
    assert (found.site, found.provider, found.checked_at) == ("gmail", "gmail", now)
    assert [one.source for one in found.sources] == ["192.0.2.1"]
    assert limits(found, "192.0.2.1")["provider_connections"] == ("5", "provider gmail")


def test_reactions_are_shown_with_what_was_heard_and_their_end(office: Office) -> None:
    now = datetime.now(UTC)
    told = [
        Reaction("own.test", "192.0.2.1", Action.CONNECTIONS, 1, now + HOUR, HOUR, "3 x /busy/, last: 421 busy, bob"),
        Reaction(EVERYWHERE, "192.0.2.2", Action.REST, 0, now + HOUR, HOUR, "refused"),
        Reaction("other.test", "192.0.2.1", Action.REST, 0, now + HOUR, HOUR, "elsewhere"),
        Reaction("own.test", "192.0.2.1", Action.MESSAGES, 5, now - HOUR, HOUR, "over"),
    ]
    office.write(lambda tx: reactions.save(tx, told, now - 2 * HOUR))
    found = explain(office, None, "ann@own.test", None)
    assert limits(found, "192.0.2.1")["connections"] == ("1", "reaction: 3 x /busy/, last: 421 busy, bob")
    assert limits(found, "192.0.2.1")["message_rate"] == ("no limit", "no limit")
    assert [(one.source, one.rests) for one in found.sources] == [("192.0.2.1", False), ("192.0.2.2", True)]
    # A host's words may speak of another project's client.
    assert limits(explain(office, 7, "own.test", None), "192.0.2.1")["connections"][1] == (
        "reaction: what hosts answered"
    )


def test_warm_up_is_shown_with_what_was_sent_today(office: Office) -> None:
    today = datetime.now(UTC).date().toordinal()
    office.write(lambda tx: counters.add(tx, {("warmup", today, "192.0.2.2 default"): 12}))
    (warm,) = explain(office, None, "ann@own.test", None).warmup
    assert (warm.source, warm.row, warm.volume, warm.sent) == ("192.0.2.2", "default", 500, 12)


def test_a_client_is_shown_to_the_operator_and_its_own_project(office: Office) -> None:
    made = rows.make_campaign(office.stores, ["ann@own.test"])
    now = datetime.now(UTC)
    with office.read() as connection:
        (client,) = clients.page(connection, made.project_id, made.list_id, 0, 10)
    office.write(lambda tx: consequences.withdraw(tx, made.project_id, client.id, 0, "complained", None, now))
    office.write(
        lambda tx: breakers.trip(
            tx, breakers.Tripped("campaign", made.campaign_id, "stop", "pause", "numbers", now, None)
        )
    )
    for scope in (None, made.project_id):
        found = explain(office, scope, "ann@own.test", None)
        (known,) = found.clients
        assert (known.id, known.rating, known.subscribed) == (client.id, client.rating, False)
        assert [one["kind"] for one in known.suppressions] == ["complained"]
        assert [one.reason for one in found.breakers] == ["numbers"]
    foreign = explain(office, made.project_id + 1, "ann@own.test", None)
    assert (foreign.clients, foreign.breakers) == ([], [])


def test_what_is_no_address_and_no_source_is_refused(office: Office) -> None:
    with pytest.raises(InvalidError):
        explain(office, None, "two words", None)
    with pytest.raises(NotFoundError, match=r"192\.0\.2\.1, 192\.0\.2\.2"):
        explain(office, None, "ann@own.test", "192.0.2.9")
