"""docs/imap.md names each script of tests/scripts/imap, and every group of ImapTest that is asked of us has one."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
OFFERED = 61  # groups of the 71: all but those for CONTEXT, CATENATE and URLAUTH
BESIDE = {"qresync"}  # scripts beyond the groups


def test_each_script_is_in_the_table_and_each_group_has_one() -> None:
    scripts = {path.stem for path in (ROOT / "tests/scripts/imap").glob("*.txt")}
    rows = re.findall(
        r"^\| (?:\(none of its own\) )?([a-z0-9, -]+) \|", (ROOT / "docs/imap.md").read_text(), re.MULTILINE
    )
    assert {name for row in rows for name in row.split(", ")} - {"group"} == scripts
    assert len(scripts - BESIDE) == OFFERED
