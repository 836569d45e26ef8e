"""Whose mail a mailbox wants: which entry counts, and what nobody's list may do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.correspondents import Standing, Writers, entries, entry_of, is_junk, refuses, standing

ALLOW, DENY, REFUSE = Standing.ALLOW, Standing.DENY, Standing.REFUSE


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("Carl@Remote.Test", "carl@remote.test"),
        (" remote.test ", "remote.test"),
        ("@Remote.test", "remote.test"),
        ("*.remote.test", "remote.test"),
        ("b\u00fccher.test", "xn--bcher-kva.test"),
    ],
)
def test_an_entry_is_an_address_or_a_domain_in_one_spelling(text: str, entry: str) -> None:
    assert entry_of(text) == entry
    assert entry in entries(f"carl@{entry.rpartition('@')[2]}")


@pytest.mark.parametrize("text", ["", "@", "a b", "carl@", "carl@remote@test", "-.test", "x" * 300])
def test_what_is_neither_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        entry_of(text)


def test_the_entry_that_says_most_counts() -> None:
    kept = {"remote.test": DENY, "good.remote.test": ALLOW, "eve@good.remote.test": REFUSE}
    assert standing(kept, "carl@remote.test") is DENY
    assert standing(kept, "carl@deep.remote.test") is DENY
    assert standing(kept, "carl@good.remote.test") is ALLOW
    assert standing(kept, "Eve@Good.remote.test") is REFUSE
    assert standing(kept, "carl@notremote.test") is None
    assert standing(kept, None) is None


@pytest.mark.parametrize(
    ("kept", "dmarc", "otherwise", "junk"),
    [
        ({}, "none", True, True),
        ({}, "none", False, False),
        ({"remote.test": ALLOW}, "pass", True, False),
        ({"remote.test": ALLOW}, "none", True, False),
        ({"remote.test": ALLOW}, "fail", True, True),
        ({"remote.test": ALLOW}, "fail", False, False),
        ({"remote.test": DENY}, "pass", False, True),
        ({"remote.test": REFUSE}, "pass", False, True),
        ({"lists.test": DENY}, "pass", False, True),
        ({"lists.test": DENY, "carl@remote.test": ALLOW}, "pass", True, False),
        ({"lists.test": ALLOW}, "pass", True, True),
    ],
)
def test_a_wanted_author_is_no_junk_unless_the_name_is_forged(
    kept: dict[str, Standing], dmarc: str, otherwise: bool, junk: bool
) -> None:
    assert is_junk(kept, Writers("carl@remote.test", "bounces@lists.test", dmarc), otherwise) is junk


def test_an_alias_is_refused_only_where_all_that_it_leads_to_refuse() -> None:
    mine = {"spam.test": REFUSE}
    assert refuses([mine], "eve@spam.test")
    assert refuses([mine, mine], "eve@spam.test")
    assert not refuses([mine, {}], "eve@spam.test")
    assert not refuses([mine, {"spam.test": DENY}], "eve@spam.test")
    assert not refuses([], "eve@spam.test")
    assert not refuses([mine], "")


@given(st.text(max_size=80))
def test_any_text_is_an_entry_or_none(text: str) -> None:
    assert isinstance(entries(text), list)
