"""`mailloft classify`: a line a file, errors named, the others go on (CONTRACTS.md)."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

from admin.cli.classify import classify_files

BOUNCE = (
    b"From: MAILER-DAEMON@mx.site.example\nContent-Type: multipart/report; boundary=b\n\n"
    b"--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.site.example\n\n"
    b"Final-Recipient: rfc822; ann@site.example\nAction: failed\nStatus: 5.1.1\n\n--b--\n"
)


def lines(*paths: str) -> tuple[int, list[object]]:
    out = io.StringIO()
    status = classify_files(paths, as_json=True, out=out)
    return status, [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_file_is_described_as_the_contract_says(tmp_path: Path) -> None:
    file = tmp_path / "bounce.eml"
    file.write_bytes(BOUNCE)
    recipient = {
        "recipient": "ann@site.example",
        "status": "5.1.1",
        "reason": "userunknown",
        "hardbounce": True,
        "action": "failed",
        "effect": "block",
    }
    assert lines(str(file)) == (0, [{"file": str(file), "kind": "bounce", "recipients": [recipient]}])


def test_an_unreadable_file_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    good = tmp_path / "good.eml"
    good.write_bytes(b"From: ann@site.example\n\nYes.\n")
    status, found = lines(str(tmp_path / "missing.eml"), str(tmp_path), "with\0nul", str(good))
    assert status == 1
    assert [set(one) for one in found if isinstance(one, dict)] == [{"file", "error"}] * 3 + [
        {"file", "kind", "recipients"}
    ]


def test_a_name_that_is_not_utf8_is_no_trouble(tmp_path: Path) -> None:
    status, found = lines(str(tmp_path / "b\udcff.eml"))
    assert status == 1 and len(found) == 1


def test_lines_come_as_files_are_read(tmp_path: Path) -> None:
    file = tmp_path / "a.eml"
    file.write_bytes(BOUNCE)
    out = io.StringIO()

    def paths() -> Iterator[str]:
        yield str(file)
        assert out.getvalue().count("\n") == 1
        yield str(file)

    assert classify_files(paths(), as_json=True, out=out) == 0
    assert out.getvalue().count("\n") == 2


def test_people_get_words(tmp_path: Path) -> None:
    file = tmp_path / "a.eml"
    file.write_bytes(BOUNCE)
    out = io.StringIO()
    classify_files([str(file), "missing"], as_json=False, out=out)
    assert out.getvalue().splitlines() == [
        f"{file}: bounce",
        "  ann@site.example  failed  5.1.1  userunknown -> block",
        "missing: No such file or directory",
    ]
