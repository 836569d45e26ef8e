"""The table of providers: what is shipped can be used, what is laid over it counts, what is wrong is named."""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from policy.gcra import Rate
from policy.shaping import (
    EVERYWHERE,
    Action,
    Limits,
    Reaction,
    ShapingError,
    action_of,
    applying,
    explained,
    limits_of,
    recovered,
    rules_of,
    table_of,
    under,
)
from store.settings_file import SettingsError
from store.shaping_table import read_table

OWN = Limits(5, 100, timedelta(seconds=15))
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def table(text: str) -> Any:
    return table_of(tomllib.loads(text), {})


@pytest.mark.parametrize(
    ("provider", "reply", "action"),
    [
        ("gmail", "421 4.7.28 Our system has detected an unusual rate of unsolicited mail", Action.MESSAGES),
        ("gmail", "550 5.7.1 Our system has detected that this message is likely unsolicited mail", Action.REST),
        ("outlook", "550 5.7.1 part of their network is on our block list (S3150)", Action.REST),
        ("outlook", "421 RP-001 The mail server IP has exceeded the rate limit allowed", Action.MESSAGES),
        ("outlook", "421 exceeded the maximum number of connections (IB007)", Action.CONNECTIONS),
        ("outlook", "421 too many: max messages per connection", Action.PER_CONNECTION),
        ("yahoo", "421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred", Action.REST),
        ("yahoo", "421 4.7.0 [TS02] Messages temporarily deferred", Action.MESSAGES),
        ("yahoo", "553 5.7.1 [BL21] Connections will not be accepted", Action.REST),
        ("apple", "550 5.7.1 [HCM1] Message rejected due to local policy", Action.REST),
        ("qq", "550 Ip frequency limited", Action.REST),
        ("gmx", "421 too many connections", Action.CONNECTIONS),
        ("mailru", "550 spam message rejected. Please visit http://help.mail.ru", Action.MESSAGES),
        ("yandex", "451 4.7.1 Sorry, the service is currently unavailable. Please try again later", Action.MESSAGES),
    ],
)
def test_shipped_rules_know_what_their_providers_say(provider: str, reply: str, action: Action) -> None:
    own = read_table("").provider[provider].rules
    acted = {action_of(rule)[0] for rule in own if re.search(rule.match, reply, re.IGNORECASE)}
    assert action in acted


def test_shipped_rules_are_silent_about_an_unknown_user_and_our_own_words() -> None:
    words = ["550 5.1.1 user unknown", "the site rests", "the sender ends", "the campaign is not running",
             "452 4.2.2 mailbox full", "450 4.2.0 greylisted"]  # fmt: skip
    shipped = read_table("")
    for name in ("default", *shipped.provider):
        for rule in rules_of(name, shipped):
            assert [one for one in words if re.search(rule.match, one, re.IGNORECASE)] == []


def test_the_limits_of_the_big_ones_are_those_that_are_known() -> None:
    shipped = read_table("")
    gmail, origins = limits_of("gmail", shipped, OWN)
    assert (gmail.connections, gmail.provider_connections, gmail.messages_per_connection) == (5, 5, 50)
    assert origins["connections"] == "provider gmail"
    assert origins["idle"] == "settings [outbound]"
    assert limits_of("yahoo", shipped, OWN)[0].messages_per_connection == 20
    assert {"mailru", "yandex"} <= shipped.provider.keys()
    assert all("our own" in shipped.provider[name].source for name in ("mailru", "yandex"))
    assert limits_of("default", shipped, OWN)[0] == OWN


def test_a_file_is_laid_over_the_shipped_table_key_by_key(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text('[provider.gmail]\nconnections = 2\n[provider.mine]\nmatch = [".mine.test"]\n')
    both = read_table(str(file))
    gmail, _ = limits_of("gmail", both, OWN)
    assert (gmail.connections, gmail.messages_per_connection) == (2, 50)
    assert both.provider["mine"].match == (".mine.test",)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[provider.gmail]\nconnectoins = 2\n", "connectoins"),
        ("[provider.gmail]\nconnections = 0\n", "provider.gmail.connections"),
        ('[provider.gmail]\nmessage_rate = "fast"\n', "provider.gmail"),
        ('[provider."a.b"]\nmatch = [".a.test"]\n', "a.b"),
        ("[provider.new]\nconnections = 1\n", "match"),
        ('[[provider.gmail.rules]]\nmatch = "x"\nlasts = 5\n', "exactly one"),
        ('[[provider.gmail.rules]]\nmatch = "("\nlasts = 5\nrest = true\n', r"rules\[0\]"),
        ('[[provider.gmail.rules]]\nmatch = "x"\nlasts = 5\nrest = true\nconnections = 1\n', "exactly one"),
        ("not toml", "is not TOML"),
    ],
)
def test_a_mistake_is_named_with_its_file(tmp_path: Path, text: str, named: str) -> None:
    file = tmp_path / "own.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=named) as raised:
        read_table(str(file))
    assert str(file) in str(raised.value)


def test_a_table_needs_a_match_for_each_provider() -> None:
    with pytest.raises(ShapingError, match="match"):
        table("[provider.x]\nconnections = 1\n")


def reaction(action: Action, value: float, **what: Any) -> Reaction:
    base = {"site": "big", "source": "192.0.2.1", "until": NOW + MINUTE, "lasts": MINUTE, "origin": "heard"}
    return Reaction(**{**base, "action": action, "value": value, **what})


def test_the_strictest_reaction_holds_until_its_end() -> None:
    held = [reaction(Action.CONNECTIONS, 2), reaction(Action.CONNECTIONS, 1), reaction(Action.MESSAGES, 30)]
    slow = under(OWN, held, NOW)
    assert slow is not None
    assert (slow.connections, slow.message_rate) == (1, Rate(30, 60))
    assert under(OWN, held, NOW + MINUTE) == OWN
    assert under(OWN, [reaction(Action.REST, 0)], NOW) is None


def test_a_reaction_never_makes_a_limit_looser() -> None:
    limits = Limits(2, 10, MINUTE, message_rate=Rate(1, 1))
    held = [reaction(Action.CONNECTIONS, 5), reaction(Action.PER_CONNECTION, 50), reaction(Action.MESSAGES, 600)]
    assert under(limits, held, NOW) == limits


def test_a_rested_site_comes_back_in_doubling_steps() -> None:
    one, steps = reaction(Action.REST, 0), []
    while (one := recovered(one, OWN, NOW)) is not None:  # type: ignore[assignment]
        steps.append((one.action, one.value, one.lasts))
    assert steps == [(Action.CONNECTIONS, value, MINUTE / 4) for value in (1, 2, 4)]


def test_a_slowed_rate_comes_back_to_its_limit_or_to_no_limit() -> None:
    limited = Limits(5, 100, MINUTE, message_rate=Rate(60, 60))
    one, rates = reaction(Action.MESSAGES, 10), []
    while (one := recovered(one, limited, NOW)) is not None:  # type: ignore[assignment]
        rates.append(one.value)
    assert rates == [20, 40]
    one, steps = reaction(Action.MESSAGES, 10), 0
    while (one := recovered(one, OWN, NOW)) is not None:  # type: ignore[assignment]
        steps += 1
    assert steps == 9


def test_reactions_apply_to_their_source_and_site_or_to_all() -> None:
    held = [
        reaction(Action.REST, 0), reaction(Action.REST, 0, site="other"), reaction(Action.REST, 0, source="192.0.2.2"),
        reaction(Action.REST, 0, site=EVERYWHERE), reaction(Action.REST, 0, source=EVERYWHERE),
    ]  # fmt: skip
    assert applying(held, "big", "192.0.2.1") == [held[0], held[3], held[4]]


def test_explaining_tells_each_value_with_its_origin_and_its_end() -> None:
    limits, origins = limits_of("gmail", read_table(""), OWN)
    held = [reaction(Action.CONNECTIONS, 3), reaction(Action.CONNECTIONS, 1), reaction(Action.MESSAGES, 10)]
    told = {one.name: one for one in explained(limits, origins, held, NOW)}
    assert (told["connections"].value, told["connections"].origin) == ("1", "reaction: heard")
    assert told["connections"].until == NOW + MINUTE
    assert told["message_rate"].value == "10/min"
    assert (told["messages_per_connection"].value, told["messages_per_connection"].until) == ("50", None)
    assert explained(limits, origins, [reaction(Action.REST, 0)], NOW)[0].name == "rest"
