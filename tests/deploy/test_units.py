"""The units in systemd/: how open systemd itself finds each, and that each names a role and sockets that exist."""

from __future__ import annotations

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest

from admin.roles import ROLES
from peers.need import program

UNITS = Path(__file__).parents[2] / "systemd"
SERVICES = sorted(file.name for file in UNITS.glob("*.service"))
# The most that `systemd-analyze security` may say, of ten; what is not named here has 1.5.
BARS = {
    "mailloft-sorter.service": 0.5,
    "mailloft-migrate.service": 2.5,
    "mailloft-clock.service": 2.5,
    "mailloft-backup.service": 2.5,
}


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root folder with our units and the program that they start."""
    program("systemd-analyze", "systemd")
    root = tmp_path_factory.mktemp("root")
    shutil.copytree(UNITS, root / "etc/systemd/system")
    mailloft = root / "opt/mailloft/venv/bin/mailloft"
    mailloft.parent.mkdir(parents=True)
    mailloft.touch(0o755)
    return root


@pytest.mark.parametrize("unit", SERVICES)
def test_a_unit_is_no_more_open_than_its_bar(machine: Path, unit: str) -> None:
    bar = BARS.get(unit, 1.5)
    instance = unit.replace("@.", "@1.")
    # Its threshold is in tenths; the status is 1 where the unit is above it.
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", f"--root={machine}", "--no-pager",
         f"--threshold={round(bar * 10)}", instance],
        check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert judged.returncode == 0, judged.stdout[-300:] + judged.stderr


def _read(file: Path) -> configparser.RawConfigParser:
    unit = configparser.RawConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # how configparser keeps the case of keys
    unit.read_string(file.read_text())
    return unit


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_each_role_has_a_unit_with_its_sockets_by_name(role: object) -> None:
    name, sockets = role.name, role.sockets  # type: ignore[attr-defined]
    file = next(UNITS.glob(f"mailloft-{name}*.service"))
    passed = {
        _read(UNITS / socket.replace("%i", ""))["Socket"]["FileDescriptorName"]
        for line in file.read_text().splitlines()
        if line.startswith("Sockets=")
        for socket in line.removeprefix("Sockets=").split()
    }
    assert passed == {*sockets, "metrics"}


def test_only_the_sender_is_given_the_key_that_opens_dkim_keys() -> None:
    given = {file.name for file in UNITS.glob("*.service") if "signing.key" in file.read_text()}
    assert given == {"mailloft-sender@.service"}


def test_the_sorter_has_no_network() -> None:
    service = _read(UNITS / "mailloft-sorter.service")["Service"]
    assert service["PrivateNetwork"] == "yes"
    assert service["RestrictAddressFamilies"] == "AF_UNIX"
