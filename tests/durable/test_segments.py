"""Whom a segment means on both engines: the same as its rule read word by word over every client (PRODUCT L5)."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from sqlalchemy import select, update

from admin.acts import segments
from admin.acts.pages import Window
from admin.office import Office
from admin.refusals import ConflictError, InvalidError, NotFoundError
from peers import rows
from peers.rows import VAULT, Made
from policy.segment import Ask, Condition, Rule, plain, rule_of
from store import campaigns, clients, expansion, launch_facts, lists, projects, schema, segment_query
from store.stores import Stores

NOW: Final = datetime(2026, 5, 1, 12, tzinfo=UTC)
VALUES: Final = ("", "Riga", "riga", "10", "9.5", "-1e3", "007", "12abc", "Юрмала", "2026-05-31", "2026-5-1",
                 "2026-02-30x", "true", "null", '"', "a'b", "%")  # fmt: skip
NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@pytest.fixture
def made(stores: Stores) -> Made:
    return rows.make_campaign(stores, ["first@x.test"])


@pytest.fixture
def office(stores: Stores, tmp_path: Path) -> Office:
    return Office(stores, VAULT, tmp_path, "ours.test", (), threads=False)


def _many(office: Office, project: int, first: int) -> list[int]:
    """Clients of every kind, on three lists; another project has the same."""
    chance = random.Random(3)

    def work(tx: Any) -> list[int]:
        found = [first, *(lists.create(tx, project, name, NOW).id for name in ("second", "third"))]
        for number in range(300):
            kept = {name: value for name in ("a", "b") if (value := chance.choice(VALUES))}
            one = clients.Newcomer(f"c{number}@x.test", f"c{number}@x.test", "x.test", kept)
            at = NOW - timedelta(hours=chance.randint(0, 90 * 24))
            (client,) = clients.register(tx, project, [one], chance.randint(1, 10), "import", at)
            for each in chance.sample(found, chance.randint(0, 3)):
                lists.add(tx, each, [client])
        return found

    return office.write(work)


def _told(office: Office) -> list[dict[str, Any]]:
    """Every client with its lists, as plain values."""
    with office.read() as tx:
        on: dict[int, set[int]] = {}
        for row in tx.execute(select(schema.memberships)):
            on.setdefault(row.client_id, set()).add(row.list_id)
        return [dict(row._mapping) | {"lists": on.get(row.id, set())} for row in tx.execute(select(schema.clients))]


def _means(rule: Rule, project: int, one: Mapping[str, Any]) -> bool:
    """The rule word by word."""
    day = one["registered_at"].date()
    asked = [_meets(each, str(one["variables"].get(each.variable, ""))) for each in rule.variables]
    return (
        one["project_id"] == project
        and (not rule.lists or bool(one["lists"] & set(rule.lists)))
        and not one["lists"] & set(rule.without)
        and rule.rating_from <= one["rating"] <= rule.rating_to
        and (rule.registered_from is None or day >= rule.registered_from)
        and (rule.registered_to is None or day <= rule.registered_to)
        and (not asked or (any(asked) if rule.any_of else all(asked)))
    )


def _meets(one: Condition, value: str) -> bool:
    number = float(value) if NUMBER.fullmatch(value) else None
    day = value[:10] if DAY.match(value) else None
    match one.test:
        case Ask.IS | Ask.IS_NOT:
            return (value == one.value) is (one.test is Ask.IS)
        case Ask.CONTAINS:
            return one.value in value
        case Ask.PRESENT | Ask.MISSING:
            return bool(value) is (one.test is Ask.PRESENT)
        case Ask.AT_LEAST:
            return number is not None and number >= float(one.value)
        case Ask.AT_MOST:
            return number is not None and number <= float(one.value)
        case Ask.SINCE:
            return day is not None and day >= one.value
        case Ask.UNTIL:
            return day is not None and day <= one.value


def _rules(chance: random.Random, ours: list[int]) -> list[Rule]:
    wanted = {Ask.AT_LEAST: "9.5", Ask.AT_MOST: "-5", Ask.SINCE: "2026-05-31", Ask.UNTIL: "2026-05-31"}
    each = [
        Rule(variables=(Condition("a", test, wanted.get(test, value)),))
        for test in Ask
        for value in (("Riga", "i", "%", "'", "Юр") if test not in wanted else ("x",))
    ]
    mixed = [
        {
            "lists": chance.sample(ours, chance.randint(0, 2)), "without": chance.sample(ours, chance.randint(0, 1)),
            "rating_from": chance.randint(1, 5), "rating_to": chance.randint(5, 10),
            "registered_from": "2026-03-01", "registered_to": "2026-04-15", "any_of": chance.random() < 0.5,
            "variables": [{"variable": "a", "test": "is", "value": "Riga"}, {"variable": "b", "test": "present"}],
        }
        for _ in range(20)
    ]  # fmt: skip
    return each + [rule_of({name: one[name] for name in chance.sample(sorted(one), 4)} | {}) for one in mixed]


def test_the_database_means_whom_the_rule_means(office: Office, made: Made) -> None:
    ours = _many(office, made.project_id, made.list_id)
    other = office.write(lambda tx: projects.create(tx, "other", True, NOW)).id
    theirs = office.write(lambda tx: lists.create(tx, other, "theirs", NOW)).id
    _many(office, other, theirs)
    everyone = _told(office)
    for rule in _rules(random.Random(5), ours):
        wanted = [one["id"] for one in everyone if _means(rule, made.project_id, one)]
        with office.read() as tx:
            meets = segment_query.condition(tx, made.project_id, rule)
            found = list(tx.execute(select(schema.clients.c.id).where(meets).order_by(schema.clients.c.id)).scalars())
            assert found == wanted, plain(rule)
            assert segment_query.count(tx, made.project_id, rule) == len(wanted)


def test_of_many_clients_it_says_about_how_many_at_once(office: Office, made: Made) -> None:
    names = [f"m{number}@x.test" for number in range(6_000)]
    for start in range(0, len(names), 500):
        part = [clients.Newcomer(name, name, "x.test", {}) for name in names[start : start + 500]]
        office.write(lambda tx, part=part: lists.add(
            tx, made.list_id, clients.register(tx, made.project_id, part, 7, "import", NOW)))  # fmt: skip
    office.write(lambda tx: tx.execute(update(schema.clients).where(schema.clients.c.id % 3 == 0).values(rating=3)))
    kept = segments.create(office, made.project_id, "third", {"lists": [made.list_id], "rating_to": 3})
    assert not kept.size.exact
    assert 1_800 < kept.size.clients < 2_200
    assert len(kept.examples) == 10
    exact = segments.count(office, made.project_id, kept.id)
    assert (exact.exact, exact.clients) == (True, 2_000)
    assert segments.page(office, made.project_id, Window()).items[0].counted == 2_000
    segments.edit(office, made.project_id, kept.id, "third", {"rating_from": 4})
    assert segments.page(office, made.project_id, Window()).items[0].counted is None


def test_names_are_taken_once_and_anothers_lists_and_segments_are_none(office: Office, made: Made) -> None:
    project = made.project_id
    first = segments.create(office, project, "first", {})
    with pytest.raises(ConflictError):
        segments.create(office, project, "first", {})
    with pytest.raises(InvalidError, match="^rating"):
        segments.create(office, project, "second", {"rating_from": 11})
    with pytest.raises(NotFoundError, match="^lists"):
        segments.create(office, project, "second", {"lists": [made.list_id + 99]})
    other = office.write(lambda tx: projects.create(tx, "other", True, NOW)).id
    for act in (segments.get, segments.count, segments.remove):
        with pytest.raises(NotFoundError):
            act(office, other, first.id)
    assert segments.remove(office, project, first.id) == "first"
    assert msgspec.to_builtins(segments.page(office, project, Window()))["items"] == []


def test_a_campaign_goes_to_those_of_its_list_whom_the_segment_meant_at_launch(office: Office, made: Made) -> None:
    project = made.project_id
    _many(office, project, made.list_id)
    friends = segments.create(office, project, "friends", {"rating_from": 8})
    office.write(lambda tx: tx.execute(update(schema.campaigns).values(segment_id=friends.id)))
    wanted = [one["id"] for one in _told(office) if made.list_id in one["lists"] and one["rating"] >= 8]
    with office.read() as tx:
        campaign = campaigns.by_id(tx, project, made.campaign_id)
        assert campaign is not None
        chosen = expansion.selected(tx, campaign)
        judged = launch_facts.gather(tx, campaign).ratings
    assert sorted(chosen) == wanted
    assert sum(judged.values()) == len(wanted)
    assert min(judged) >= 8
    with pytest.raises(ConflictError, match="not launched"):
        segments.remove(office, project, friends.id)
    segments.edit(office, project, friends.id, "friends", {"rating_from": 9})
    assert office.write(lambda tx: expansion.launch(tx, campaign.id, chosen, NOW))
    segments.remove(office, project, friends.id)
    with office.read() as tx:
        campaign = campaigns.by_id(tx, project, made.campaign_id)
        assert campaign is not None
        assert (campaign.segment_id, campaign.recipients) == (None, len(wanted))
        assert set(expansion.snapshot_part(tx, campaign, NOW, 1000)) == set(wanted)
