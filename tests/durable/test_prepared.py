"""Statements on the driver's own cursor say what SQLAlchemy's would, and fail as they do."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import bindparam, insert, select
from sqlalchemy.exc import IntegrityError, InvalidRequestError

from store import prepared
from store.prepared import Prepared, compile_all
from store.schema import greylist
from store.stores import Stores

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PUT = Prepared(insert(greylist))
ONE = Prepared(select(greylist.c.pair, greylist.c.first_at, greylist.c.passed_at).where(
    greylist.c.network == bindparam("of_network")
).order_by(greylist.c.pair).limit(2))  # fmt: skip


def row(pair: str, network: str = "n") -> dict[str, object]:
    return {"network": network, "pair": pair, "first_at": NOW, "passed_at": None}


def test_moments_and_nothing_come_back_as_they_were(stores: Stores) -> None:
    with stores.mail.database.write() as tx:
        PUT.each(tx, [row("b"), row("a"), row("c"), row("d", "other")])
    with stores.mail.database.read() as tx:
        assert ONE.rows(tx, of_network="n") == [("a", NOW, None), ("b", NOW, None)]
        assert ONE.row(tx, of_network="nobody") is None


def test_what_the_driver_raises_is_sqlalchemys(stores: Stores) -> None:
    with pytest.raises(IntegrityError), stores.mail.database.write() as tx:
        PUT.run(tx, **row("a"))
        PUT.run(tx, **row("a"))
    with stores.mail.database.read() as tx:
        assert ONE.rows(tx, of_network="n") == []


def test_no_statement_runs_outside_a_transaction(stores: Stores) -> None:
    with stores.mail.database.engine.connect() as connection, pytest.raises(InvalidRequestError):
        ONE.rows(connection, of_network="n")


def test_what_was_compiled_before_a_fork_is_not_compiled_after_it(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    early = Prepared(select(greylist.c.pair).where(greylist.c.network == bindparam("of_network")))
    with stores.mail.database.read() as tx:
        compile_all(tx.dialect)
        monkeypatch.setattr(prepared, "_compiled", None)
        assert early.rows(tx, of_network="n") == []
