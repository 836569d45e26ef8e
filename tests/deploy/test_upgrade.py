"""upgrade.yml: a new release takes over while the ports stay open; one that fails leaves the old one at work."""

from __future__ import annotations

import smtplib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from peers.deployed_mail import Household, comes_in
from peers.deployment import Deployed, play, refused_play, whole
from peers.machine import Machine
from peers.releases import BROKEN_ROLE, REVISION, TABLE, release

pytestmark = [whole, pytest.mark.timeout(2400)]

_BROKEN_MIGRATION = TABLE.replace(b"op.create_table(", b"op.drop_table('never_was')\n    op.create_table(")


def _in_use(machine: Machine) -> str:
    return machine.run(
        "/opt/mailloft/venv/bin/python -c 'from importlib.metadata import version; print(version(\"mailloft\"))'"
    ).strip()


def _processes(machine: Machine) -> set[str]:
    return set(machine.run("pgrep -f '[m]ailloft role'").split())


def _revision(machine: Machine) -> str:
    return machine.run(
        "python3 -c \"import sqlite3; print(sqlite3.connect('/var/lib/mailloft/core.db')"
        ".execute('SELECT version_num FROM alembic_version').fetchone()[0])\""
    ).strip()


def test_a_migration_that_fails_touches_nothing(
    deployed: Deployed, machine: Machine, values: dict[str, object], tmp_path: Path
) -> None:
    before = _processes(machine), _revision(machine), _in_use(machine)
    broken = release(Path(str(values["mailloft_wheel"])), "0.2.0", {REVISION: _BROKEN_MIGRATION}, tmp_path)
    told = refused_play("upgrade.yml", machine, {**values, "mailloft_wheel": str(broken)})
    assert "the old one runs on, untouched" in told
    assert "never_was" in told
    assert (_processes(machine), _revision(machine), _in_use(machine)) == before


def test_a_release_that_does_not_answer_is_taken_back_with_its_tables(
    deployed: Deployed, machine: Machine, values: dict[str, object], tmp_path: Path, ours: Household
) -> None:
    before = _revision(machine), _in_use(machine)
    changes = {REVISION: TABLE, "imap/daemon.py": BROKEN_ROLE}
    broken = release(Path(str(values["mailloft_wheel"])), "0.3.0", changes, tmp_path)
    told = refused_play("upgrade.yml", machine, {**values, "mailloft_wheel": str(broken)})
    assert "the old one runs again" in told
    assert (_revision(machine), _in_use(machine)) == before
    comes_in(deployed, ours, "after the way back")


def test_who_connects_during_an_upgrade_is_served(
    deployed: Deployed, machine: Machine, values: dict[str, object], tmp_path: Path, ours: Household
) -> None:
    fresh = release(Path(str(values["mailloft_wheel"])), "0.4.0", {REVISION: TABLE}, tmp_path)
    with callers(machine.address) as calls:
        assert play("upgrade.yml", machine, {**values, "mailloft_wheel": str(fresh)}) > 0
    assert (_in_use(machine), _revision(machine)) == ("0.4.0", "core_0002")
    assert not [call for call in calls if isinstance(call, str)]
    assert len(calls) > 20
    comes_in(deployed, ours, "after the upgrade")
    assert play("upgrade.yml", machine, {**values, "mailloft_wheel": str(fresh)}) == 0
    assert len(machine.run("ls /opt/mailloft/releases").split()) == 2


@contextmanager
def callers(address: str) -> Iterator[list[float | str]]:
    """One call on port 25 after another: how long each took to hear 220 and 250, or what went wrong."""
    calls: list[float | str] = []
    over = threading.Event()

    def call() -> None:
        while not over.wait(0.1):
            began = time.monotonic()
            try:
                with smtplib.SMTP(address, 25, timeout=300) as smtp:
                    smtp.ehlo("peer.test")
                calls.append(time.monotonic() - began)
            except OSError as error:
                calls.append(f"{type(error).__name__}: {error}")

    calling = threading.Thread(target=call)
    calling.start()
    try:
        yield calls
    finally:
        over.set()
        calling.join(310)
