"""What is remembered of peers that were put off: the pair's first try, the network's pass, and for how long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from policy.junk import REMEMBERED, Seen
from store import greylist
from store.stores import Stores

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def seen(stores: Stores, network: str, pair: str) -> Seen:
    with stores.mail.database.read() as tx:
        return greylist.seen(tx, network, pair)


def test_a_pair_has_a_first_try_and_a_network_passes_for_all_pairs(stores: Stores) -> None:
    run = stores.mail.journal.run
    assert seen(stores, "a", "p") == Seen(None, None)
    run(lambda tx: greylist.put_off(tx, "a", "p", NOW))
    assert seen(stores, "a", "p") == Seen(NOW, None)
    assert seen(stores, "a", "q") == Seen(None, None)
    run(lambda tx: greylist.passed(tx, "a", NOW + DAY))
    assert seen(stores, "a", "q") == Seen(None, NOW + DAY)
    assert seen(stores, "b", "p") == Seen(None, None)


def test_what_no_longer_counts_is_forgotten_and_what_was_renewed_stays(stores: Stores) -> None:
    run = stores.mail.journal.run
    run(lambda tx: greylist.put_off(tx, "old", "p", NOW))
    run(lambda tx: greylist.passed(tx, "renewed", NOW))
    run(lambda tx: greylist.passed(tx, "renewed", NOW + REMEMBERED))
    assert run(lambda tx: greylist.forget(tx, NOW + REMEMBERED + DAY, REMEMBERED)) == 1
    assert seen(stores, "old", "p") == Seen(None, None)
    assert seen(stores, "renewed", "p").passed_at == NOW + REMEMBERED
