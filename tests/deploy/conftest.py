"""The machines of the deployment tests: one bridge, one name server, one wheel, a mail server on each Debian.

The first machine is used by all tests of the short form; each other costs a play of its own and belongs to one file.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from peers.bridge import HOST, PREFIX, Bridge
from peers.deployed_mail import Household, household
from peers.deployment import HOSTNAME, Deployed, play, wheel
from peers.machine import Machine, sweep
from peers.names import Names, record
from peers.need import program, root

NAMESERVER = f"{HOST}:5353"


@pytest.fixture(scope="session")
def bridge() -> Iterator[Bridge]:
    root("machines have a bridge and containers")
    for name, package in (
        ("lxc-start", "lxc"),
        ("mmdebstrap", "mmdebstrap"),
        ("nft", "nftables"),
        ("ssh", "openssh-client"),
    ):
        program(name, package)
    made = Bridge()
    sweep()
    yield made
    made.down()


@pytest.fixture(scope="session")
def values(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    return {
        "mailloft_tls": "own",
        "mailloft_dns_zones": [{"name": "test", "addresses": [f"{HOST}@5353"]}],
        "mailloft_wheel": str(wheel(tmp_path_factory.mktemp("wheel"))),
    }


@pytest.fixture(scope="session")
def machine(bridge: Bridge) -> Iterator[Machine]:
    made = Machine(bridge, "bookworm", "mail", 20)
    made.boot()
    yield made
    made.destroy()


@pytest.fixture(scope="session")
def names(bridge: Bridge, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Names]:
    """The DNS of the world that the machines live in: their domains' mail comes to them, far.test's to this host."""
    records = [
        record("shop.test", "MX", f"10 {HOSTNAME}"),
        record(HOSTNAME, "A", f"{PREFIX}.20"),
        record("trixie.test", "MX", "10 mail.trixie.test"),
        record("mail.trixie.test", "A", f"{PREFIX}.22"),
        record("far.test", "MX", "10 mx.far.test"),
        record("mx.far.test", "A", HOST),
    ]
    serving = Names(tmp_path_factory.mktemp("names"), records, NAMESERVER)
    yield serving
    serving.stop()


@pytest.fixture(scope="session")
def deployed(machine: Machine, names: Names, values: dict[str, object]) -> Deployed:
    assert play("site.yml", machine, values) > 0
    return Deployed(machine)


@pytest.fixture(scope="session")
def ours(deployed: Deployed) -> Household:
    return household(deployed, "shop.test")
