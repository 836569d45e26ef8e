"""docs/install.md, command by command: a bare machine, a server, another out of its backup, and a new release."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from peers.bridge import HOST, Bridge
from peers.deployment import CHECKOUT, whole
from peers.document import Block, blocks
from peers.machine import Machine, key
from peers.names import Names, record

pytestmark = [whole, pytest.mark.timeout(2400)]
# What differs here from a machine on the internet: who vouches for the certificate, who knows the names.
_HERE = f"""\
mailloft_tls=own
mailloft_dns_zones=[{{"name": "test", "addresses": ["{HOST}@5353"]}}]
"""


@pytest.fixture
def machine(bridge: Bridge) -> Iterator[Machine]:
    made = Machine(bridge, "bookworm", "document", 23)
    made.boot()
    yield made
    made.destroy()


def test_its_commands_make_a_mail_server(machine: Machine, names: Names, tmp_path: Path) -> None:
    inventory = tmp_path / "inventory.ini"
    ssh = f"-o IdentitiesOnly=yes -o UserKnownHostsFile={machine.folder / 'known_hosts'}"
    host = f"{machine.address} ansible_user=root ansible_ssh_private_key_file={key()} ansible_ssh_common_args='{ssh}'"
    replacing = {
        "mail.example.org ansible_user=root": host,
        "example.org": "document.test",
        "ansible/inventory.ini": str(inventory),
        "$PWD/backups": str(tmp_path / "backups"),
    }
    found = blocks(CHECKOUT / "docs/install.md", replacing)
    assert [(block.kind, block.where) for block in found if block.kind in ("sh", "ini")] == [
        ("sh", ""), ("ini", ""), ("sh", ""), ("sh", "server"), ("sh", "server"), ("sh", "server"),
        ("sh", "server published"), ("sh", "server"), ("sh", ""), ("sh", "bare"), ("sh", "server"), ("sh", ""),
    ]  # fmt: skip
    names.publish([record("mail.document.test", "A", machine.address)])
    for block in found:
        if block.kind == "ini":
            inventory.write_text(block.text + _HERE)
        elif block.kind == "sh":
            if "published" in block.where:
                names.publish(json.loads(machine.run("mailloft domain show document.test --json"))["records"])
            _given(block, machine)
    assert len(list((tmp_path / "backups").glob("mailloft-*.tar"))) == 1
    # What was made before the backup outlived the machine and the release.
    assert "ann@document.test" in machine.run("mailloft mailbox list")
    assert json.loads(machine.run("mailloft domain show document.test --json"))["sending"] is True


def _given(block: Block, machine: Machine) -> None:
    if block.where.startswith("server"):
        machine.run(f"set -eu\n{block.text}")
        return
    if block.where == "bare":
        machine.boot()
    # Nothing that the document does not name: ansible.cfg is not found from where its reader is.
    places = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.text], cwd=CHECKOUT, env={**places, "LC_ALL": "C.UTF-8"},
        capture_output=True, text=True, timeout=1500, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{block.text}\n{done.stdout[-3000:]}\n{done.stderr[-2000:]}"
