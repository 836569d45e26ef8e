"""Who is suspicious, and that a suspicious peer waits once and no other ever does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from policy.junk import Fault, Filed, Screening, Seen, faults, filed, screen

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("iprev", "names", "lists", "spf", "expected"),
    [
        ("pass", ["mx.remote.test"], [], "pass", set()),
        ("temperror", [], [], "temperror", set()),
        ("permerror", [], [], "none", {Fault.NO_NAME}),
        ("fail", ["mx.remote.test"], [], "none", {Fault.NO_NAME}),
        ("pass", ["192-0-2-77.pool.isp.test"], [], "none", {Fault.DYNAMIC}),
        ("pass", ["77.2.0.192.isp.test"], [], "none", {Fault.DYNAMIC}),
        ("pass", ["dsl.isp.test"], [], "none", {Fault.DYNAMIC}),
        ("pass", ["mail.pooltable.test"], [], "none", set()),
        ("pass", ["mx.remote.test"], ["bl.test"], "softfail", {Fault.LISTED, Fault.SPF_FAIL}),
    ],
)
def test_faults(iprev: str, names: list[str], lists: list[str], spf: str, expected: set[Fault]) -> None:
    assert faults(iprev, names, "192.0.2.77", lists, spf) == expected


@pytest.mark.parametrize(
    ("first", "passed", "expected"),
    [
        (None, None, Screening.WAIT),
        (timedelta(seconds=30), None, Screening.WAIT),
        (MINUTE, None, Screening.PASS),
        (timedelta(days=3), None, Screening.WAIT),
        (None, timedelta(days=35), Screening.PASS),
        (None, timedelta(days=37), Screening.WAIT),
    ],
)
def test_who_comes_again_in_time_is_let_in(
    first: timedelta | None, passed: timedelta | None, expected: Screening
) -> None:
    seen = Seen(NOW - first if first is not None else None, NOW - passed if passed is not None else None)
    assert screen({Fault.NO_NAME}, seen, NOW, MINUTE) is expected
    assert screen(set(), seen, NOW, MINUTE) is Screening.PASS


@pytest.mark.parametrize(
    ("action", "files", "refuses"),
    [
        ("no action", Filed.PASS, Filed.PASS),
        ("greylist", Filed.PASS, Filed.PASS),
        ("add header", Filed.JUNK, Filed.JUNK),
        ("rewrite subject", Filed.JUNK, Filed.JUNK),
        ("soft reject", Filed.PASS, Filed.WAIT),
        ("reject", Filed.JUNK, Filed.REFUSE),
        ("quarantine", Filed.PASS, Filed.PASS),
    ],
)
def test_a_filters_word_refuses_only_where_it_may(action: str, files: Filed, refuses: Filed) -> None:
    assert filed(action, rejecting=False) is files
    assert filed(action, rejecting=True) is refuses
