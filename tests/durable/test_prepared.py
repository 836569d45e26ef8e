"""Statements on the driver's own cursor say what SQLAlchemy's would, and fail as they do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Column, Connection, MetaData, Table, bindparam, insert, not_, select, text
from sqlalchemy.exc import IntegrityError, InvalidRequestError

from mail.outcome import Reason
from store import prepared
from store.among import Among
from store.columns import Count, Flag, Json, Moment, OneOf, Words
from store.prepared import Prepared, compile_all
from store.schema import greylist
from store.stores import Stores

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PUT = Prepared(insert(greylist))
ONE = Prepared(select(greylist.c.pair, greylist.c.first_at, greylist.c.passed_at).where(
    greylist.c.network == bindparam("of_network")
).order_by(greylist.c.pair).limit(2))  # fmt: skip
EVERY = Table(
    "every", MetaData(), Column("id", Count, primary_key=True), Column("reason", OneOf(Reason)), Column("at", Moment),
    Column("known", Json), Column("flag", Flag), Column("words", Words),
)  # fmt: skip
PUT_EVERY = Prepared(insert(EVERY))
FULL = {"id": 1, "reason": Reason.MAILBOXFULL, "at": NOW, "known": {"Имя": ["é", None]}, "flag": True, "words": "Лавка"}
EMPTY = {**dict.fromkeys(FULL), "id": 2}


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


def every(tx: Connection) -> list[Any]:
    ours = Prepared(select(*EVERY.c).order_by(EVERY.c.id)).rows(tx)
    assert ours == list(map(tuple, tx.execute(select(EVERY).order_by(EVERY.c.id))))
    return ours


def test_values_of_our_types_go_in_and_come_back_as_with_sqlalchemy(stores: Stores) -> None:
    with stores.mail.database.write() as tx:
        EVERY.metadata.create_all(tx)
        PUT_EVERY.each(tx, [FULL, EMPTY])
        assert every(tx) == [tuple(FULL.values()), tuple(EMPTY.values())]


def test_what_the_statement_itself_says_is_kept_by_its_type(stores: Stores) -> None:
    with stores.mail.database.write() as tx:
        EVERY.metadata.create_all(tx)
        Prepared(insert(EVERY).values(id=bindparam("of"), reason=Reason.FILTERED, at=NOW)).run(tx, of=3)
        assert every(tx) == [(3, Reason.FILTERED, NOW, None, None, None)]


def test_text_takes_and_tells_values_of_our_types(stores: Stores) -> None:
    since = text("SELECT reason, at FROM every WHERE at >= :since").bindparams(bindparam("since", type_=Moment()))
    with stores.mail.database.write() as tx:
        EVERY.metadata.create_all(tx)
        PUT_EVERY.each(tx, [FULL, EMPTY])
        told = Prepared(since.columns(EVERY.c.reason, EVERY.c.at)).rows(tx, since=NOW)
    assert told == [(Reason.MAILBOXFULL, NOW)]


@pytest.mark.parametrize("words", ["a\0b", "a\ud800b", "\U0001f4ee\n"])
def test_strange_words_are_kept_or_refused_as_by_sqlalchemy(stores: Stores, words: str) -> None:
    def put(prepared: bool) -> object:
        given = [{**FULL, "words": words}, EMPTY]
        try:
            with stores.mail.database.write() as tx:
                EVERY.metadata.create_all(tx)
                PUT_EVERY.each(tx, given) if prepared else tx.execute(insert(EVERY), given)
                kept = every(tx)
                tx.execute(EVERY.delete())
        except Exception as error:  # noqa: BLE001 - which, is what both must agree in
            return type(error)
        return kept

    assert put(prepared=True) == put(prepared=False)


MANY = Prepared(select(EVERY.c.id).where(Among(EVERY.c.id, "ids"), EVERY.c.flag.is_(None)).order_by(EVERY.c.id))


@pytest.mark.parametrize(("ids", "found"), [([], []), ([7], [7]), ([9, 3, 7, 40_000], [3, 7, 9])])
def test_numbers_are_found_among_however_many_are_given(stores: Stores, ids: list[int], found: list[int]) -> None:
    with stores.mail.database.write() as tx:
        EVERY.metadata.create_all(tx)
        PUT_EVERY.each(tx, [{**EMPTY, "id": number} for number in range(10)])
        assert [number for (number,) in MANY.rows(tx, ids=ids)] == found


OTHERS = Prepared(select(EVERY.c.id).where(not_(Among(EVERY.c.words + "!", "words"))).order_by(EVERY.c.id))


@pytest.mark.parametrize(("words", "others"), [([], [1, 2]), (["Лавка!", "\"b'!"], []), (["Лавка"], [1, 2])])
def test_words_are_told_from_many(stores: Stores, words: list[str], others: list[int]) -> None:
    with stores.mail.database.write() as tx:
        EVERY.metadata.create_all(tx)
        PUT_EVERY.each(tx, [FULL, {**FULL, "id": 2, "words": "\"b'"}])
        assert [number for (number,) in OTHERS.rows(tx, words=words)] == others


def test_sqlite_looks_each_number_up(stores: Stores) -> None:
    """As a truth that is compared with 1, it would read the whole table."""
    if stores.mail.database.postgresql:
        pytest.skip("PostgreSQL reads a small table whole")
    with stores.mail.database.write() as tx:
        EVERY.metadata.create_all(tx)
        plan = tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {MANY._of(tx.dialect).text}", ("[1]",)).all()
    assert plan[0][3] == "SEARCH every USING INTEGER PRIMARY KEY (rowid=?)"
