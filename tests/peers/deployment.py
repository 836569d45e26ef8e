"""The playbooks as a person runs them, from this machine over ssh, and the server that they made, met from outside.

`Deployed` has the operator's key and speaks to the machine's own ports: 25, 587, 465, 143, 993, 443.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from peers import need
from peers.machine import Machine, key

CHECKOUT: Final = Path(__file__).parents[2]
HOSTNAME: Final = "mail.deploy.test"
TOOLS: Final = CHECKOUT / ".venv-deploy/bin"
FORM: Final = os.environ.get("MAILLOFT_DEPLOY", "")
asked_for = pytest.mark.skipif(not FORM, reason="`make test-deploy` runs it (FORM=short: what CI runs)")
whole = pytest.mark.skipif(FORM != "whole", reason="`make test-deploy` runs it, without FORM=short")
_RECAP: Final = re.compile(r"changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)")


def wheel(folder: Path) -> Path:
    """The wheel of this checkout, as `make wheel` makes it."""
    shutil.rmtree(CHECKOUT / "build", ignore_errors=True)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", folder, CHECKOUT], check=True, timeout=300)
    return next(folder.glob("mailloft-*.whl"))


def play(book: str, machine: Machine, values: dict[str, Any], *options: str, within: float = 1200) -> int:
    """How many tasks changed something. Fails the test with the end of what ansible-playbook said."""
    done = _played(book, machine, values, options, within)
    found = _RECAP.search(done.stdout)
    if done.returncode != 0 or not found:
        asked = "systemctl --failed --no-legend; journalctl --no-pager -o cat -n 40 -u 'mailloft-*'"
        pytest.fail(f"{done.stdout[-4000:]}\n{machine.run(asked, check=False)}", pytrace=False)
    return int(found[1])


def refused_play(book: str, machine: Machine, values: dict[str, Any], within: float = 1200) -> str:
    """What ansible-playbook said, its lines joined, where it must fail."""
    done = _played(book, machine, values, (), within)
    assert done.returncode != 0, done.stdout[-4000:]
    return " ".join(done.stdout.split())


def _played(
    book: str, machine: Machine, values: dict[str, Any], options: Sequence[str], within: float
) -> subprocess.CompletedProcess[str]:
    program = need.program(str(TOOLS / "ansible-playbook"), "ansible-core by `make test-deploy`")
    inventory = machine.folder / "inventory.json"
    ssh = f"-o IdentitiesOnly=yes -o UserKnownHostsFile={machine.folder / 'known_hosts'}"
    host = {
        "ansible_host": machine.address, "ansible_user": "deploy", "ansible_ssh_private_key_file": str(key()),
        "ansible_ssh_common_args": ssh, "mailloft_hostname": HOSTNAME, **values,
    }  # fmt: skip
    inventory.write_text(json.dumps({"mailloft": {"hosts": {machine.name: host}}}))
    return subprocess.run(
        [program, "-i", inventory, CHECKOUT / "ansible" / book, *options],
        env={**os.environ, "LC_ALL": "C.UTF-8", "ANSIBLE_CONFIG": str(CHECKOUT / "ansible/ansible.cfg")},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=within, check=False, cwd=machine.folder,
    )  # fmt: skip


class Deployed:
    """The server on `machine` as its operator and its mail programs meet it; its certificate is its own."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.api_key: str = json.loads(machine.run("cat /var/lib/mailloft/keepsakes.json"))["api_key"]

    def api(self, api_key: str | None = None) -> httpx.Client:
        return httpx.Client(
            base_url=f"https://{self.machine.address}/api/v1", verify=False,  # noqa: S501 - it signed its own
            headers={"Authorization": f"Bearer {api_key or self.api_key}"}, timeout=20,
        )  # fmt: skip
