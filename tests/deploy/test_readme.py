"""README.md's two commands on a bare Debian: a fresh clone, what it says to install, and nothing more."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator

import pytest

from peers.bridge import Bridge
from peers.deployment import CHECKOUT, whole
from peers.loopback import wait_until
from peers.machine import Machine

pytestmark = [whole, pytest.mark.timeout(3600)]
_SERVED = re.compile(r"panel +(https://127\.0\.0\.1:\d+/)")
_GET = "import ssl, sys, urllib.request as u; u.urlopen(sys.argv[1], context=ssl._create_unverified_context())"


@pytest.fixture(scope="module")
def clone(bridge: Bridge, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine whose ordinary user has cloned the last commit."""
    machine = Machine(bridge, "bookworm", "readme", 24)
    machine.boot()
    bundle = tmp_path_factory.mktemp("clone") / "mailloft.bundle"
    subprocess.run(["git", "-C", CHECKOUT, "bundle", "create", "--quiet", bundle, "HEAD"], check=True, timeout=120)
    machine.put(bundle, "/tmp/mailloft.bundle")
    found = re.search(r"`apt install ([^`]+)`", (CHECKOUT / "README.md").read_text())
    assert found
    machine.run(f"apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q {found[1]}", within=900)
    machine.run("runuser -u deploy -- git clone -q /tmp/mailloft.bundle /home/deploy/mailloft")
    yield machine
    machine.destroy()


def test_make_run_leads_to_the_panel(clone: Machine) -> None:
    # With what an ordinary sign-in has in its environment.
    as_deploy = "--uid=deploy --working-directory=/home/deploy/mailloft --property=EnvironmentFile=/etc/environment"
    clone.run(f"systemd-run --unit=readme {as_deploy} make run")

    def said() -> str:
        return clone.run("journalctl --no-pager -o cat -u readme")

    wait_until(lambda: "Ctrl-C stops it" in said() or "Failed with" in said(), "make run tells where it answers", 900)
    served = _SERVED.search(said())
    assert served, said()[-3000:]
    clone.run(f"python3 -c '{_GET}' {served[1]}")
    clone.run("systemctl stop readme")
    assert "Traceback" not in said(), said()[-3000:]


def test_make_test_installs_its_peers_and_passes(clone: Machine) -> None:
    """As root, with a part of the tests: all that are pure, and some over sockets with a peer from Debian."""
    some = "tests/pure tests/wire/test_lab_nameserver.py tests/wire/test_mx_session.py tests/wire/test_up_sample.py"
    told = clone.run(f"cd /home/deploy/mailloft && make test ARGS='{some}' 2>&1", within=3000)
    assert re.search(r"\d+ passed", told), told[-3000:]
    assert "failed" not in told, told[-3000:]


def test_what_the_clone_became_is_what_git_ignores(clone: Machine) -> None:
    assert clone.run("cd /home/deploy/mailloft && runuser -u deploy -- git status --porcelain").strip() == ""
