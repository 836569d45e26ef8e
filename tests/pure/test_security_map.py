"""docs/security.md names a test for every row of the checklist, and each of these tests exists.

Security 28 is here too: what we ship has no file that changes who runs it.
"""

from __future__ import annotations

import re
import stat
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROWS = range(1, 29)
_ROW = re.compile(r"^\| (\d+) \|(.*)\|$", re.MULTILINE)
_NAMED = re.compile(r"`((?:pure|durable|wire|web|deploy)/test_\w+\.py)::(test_\w+)`")


def test_every_row_has_a_test_that_exists_or_a_reason() -> None:
    rows = {int(number): words for number, words in _ROW.findall((ROOT / "docs/security.md").read_text())}
    assert sorted(rows) == list(ROWS)
    for number, words in rows.items():
        named = _NAMED.findall(words)
        assert named or "no test:" in words, f"row {number} names no test and gives no reason"
        for file, test in named:
            assert f"def {test}(" in (ROOT / "tests" / file).read_text(), f"row {number}: {file} has no {test}"


def test_every_test_that_is_numbered_is_in_the_map() -> None:
    written = (ROOT / "docs/security.md").read_text()
    for file in sorted((ROOT / "tests").glob("*/test_*.py")):
        for test in re.findall(r"def (test_security_\d\d_\w+)\(", file.read_text()):
            assert f"`{file.parent.name}/{file.name}::{test}`" in written, f"docs/security.md leaves out {test}"


def test_security_28_nothing_that_we_ship_runs_as_somebody_else() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False).stdout.split(b"\0")
    files = [ROOT / name.decode() for name in listed if name] or [file for file in ROOT.rglob("*") if file.is_file()]
    assert not [file for file in files if file.exists() and file.stat().st_mode & (stat.S_ISUID | stat.S_ISGID)]
    for file in (*ROOT.glob("systemd/*.service"), *ROOT.glob("ansible/**/*.yml")):
        assert not re.search(r"setcap|cap_\w+\+|mode: ['\"]?[46]\d{3}\b", file.read_text()), file
