"""What keeps a sender from sending (C1, D5, S2): each fact by its name, and nothing else does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from policy.sender_standing import SenderFacts, may_send, obstacles

GOOD = SenderFacts("news@shop.test", authorised=True, domain="shop.test", owned=True, sending=True)


@pytest.mark.parametrize(
    ("facts", "names"),
    [
        (GOOD, []),
        (replace(GOOD, authorised=False), ["sender"]),
        (replace(GOOD, sending=False), ["domain"]),
        (replace(GOOD, owned=False), ["domain"]),
        (replace(GOOD, stopped="under moderation"), ["smtp_moderation"]),
        (replace(GOOD, stopped="rejected"), ["smtp_rejected"]),
        (replace(GOOD, authorised=False, owned=False, stopped="rejected"), ["sender", "smtp_rejected", "domain"]),
    ],
)
def test_each_obstacle_is_named(facts: SenderFacts, names: list[str]) -> None:
    found = obstacles(facts)
    assert [one.name for one in found] == names
    for one in found:
        assert (facts.domain if one.name == "domain" else facts.address) in one.detail


@pytest.mark.parametrize(
    ("owned", "sending", "may"), [(True, True, True), (True, False, False), (False, True, False), (False, False, False)]
)
def test_a_domain_sends_where_it_is_owned_and_its_records_pass(owned: bool, sending: bool, may: bool) -> None:
    assert may_send(owned=owned, sending=sending) is may
