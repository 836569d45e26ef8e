"""Skips a test by the name of the peer it lacks, or fails it where MAILLOFT_REQUIRE_PEERS=1 says all must be here."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

SEARCHED = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def program(name: str, package: str) -> Path:
    """Where the peer's program is; the test is skipped, or failed, without it."""
    found = shutil.which(name, path=SEARCHED)
    if found is None:
        lacking(f"{name} (Debian package {package})")
    return Path(found)


def large_program(name: str, package: str) -> Path:
    """The same, but never failed: too large for every run, so tests/debian-packages.txt does without it."""
    found = shutil.which(name, path=SEARCHED)
    if found is None:
        pytest.skip(f"needs {name} (Debian package {package}, left out of the usual ones for its size)")
    return Path(found)


def root(reason: str) -> None:
    if os.geteuid() != 0:
        lacking(f"root: {reason}")


def lacking(what: str) -> NoReturn:
    if os.environ.get("MAILLOFT_REQUIRE_PEERS") == "1":
        pytest.fail(f"needs {what}, and MAILLOFT_REQUIRE_PEERS=1 says it must be here", pytrace=False)
    pytest.skip(f"needs {what}")
