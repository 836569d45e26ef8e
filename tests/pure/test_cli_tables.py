"""What the command line shows in a table is whole: people paste keys and records from it."""

from __future__ import annotations

import pytest

from admin.cli.showing import show

KEY = "v=DKIM1; k=rsa; p=" + "MIIB" * 120


def test_a_long_value_is_on_one_line_where_no_terminal_is(capsys: pytest.CaptureFixture[str]) -> None:
    show([{"host": "s1._domainkey.shop.test", "value": KEY}], as_json=False)
    assert f"s1._domainkey.shop.test  {KEY}" in [line.rstrip() for line in capsys.readouterr().out.splitlines()]


def test_a_long_value_goes_on_in_the_next_line_of_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")
    show([{"value": KEY.replace(" ", "")}], as_json=False)
    assert "".join(capsys.readouterr().out.split()[1:]) == KEY.replace(" ", "")
