"""The demo through the real appliance: the sums agree, and when a host lies the figures follow."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

# Nothing is over quota by 452 here, so no row has to grow old before a campaign is over.
BRISK = ("--clients", "240", "--temper", "northpost.test=full=552", "--json")


def _demo(directory: Path, *options: str) -> tuple[int, dict[str, Any], str]:
    appliance = shlex.join([sys.executable, "-m", "admin.cli", "up"])
    command = [sys.executable, "-m", "lab.demo", "--appliance", appliance, *BRISK, *options]
    environment = {**os.environ, "TMPDIR": str(directory)}
    ended = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False, env=environment)
    assert ended.stdout, ended.stderr
    figures = json.loads(ended.stdout)
    assert isinstance(figures, dict)
    return ended.returncode, figures, ended.stderr


@pytest.mark.timeout(240)
def test_every_recipient_ends_once_and_the_sums_agree(tmp_path: Path) -> None:
    status, figures, errors = _demo(tmp_path)
    assert (status, figures["lost"], figures["ratings"]["wrongly_blocked"]) == (0, 0, 0), errors
    ends = sum(figures[end] for end in ("delivered", "failed", "expired", "suppressed"))
    assert figures["clients"] == ends == 240
    assert 0 < sum(figures["bounced"].values()) < figures["delivered"]
    assert set(figures["sources"]) == {"127.0.0.11", "127.0.0.12"}
    assert sum(figures["sources"].values()) == figures["delivered"]
    assert figures["ratings"]["revived"] > 0 and figures["ratings"]["lowered"] > 0
    assert figures["replies_in_mailbox"] > figures["ratings"]["revived"]


@pytest.mark.timeout(240)
def test_a_lost_mail_and_a_false_refusal_show_in_the_figures(tmp_path: Path) -> None:
    status, figures, _errors = _demo(tmp_path, "--lose", "1", "--false-refusal", "1", "--seed", "2")
    assert (status, figures["lost"], figures["ratings"]["wrongly_blocked"]) == (1, 1, 1)
