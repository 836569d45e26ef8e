"""The other Debian, with its PostgreSQL, Prometheus and a certificate by ACME: the same playbook, the same mail."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator

import pytest
import yaml

from peers.bridge import Bridge
from peers.deployed_mail import Household, comes_in, goes_out, household
from peers.deployment import Deployed, play, whole
from peers.loopback import wait_until
from peers.machine import Machine
from peers.names import Names
from peers.pebble import Pebble

pytestmark = [whole, pytest.mark.timeout(2400)]
HOSTNAME = "mail.trixie.test"
# Debian has none: of another's package there are the folders that it reads and the unit that it is restarted by.
_GRAFANA = """
mkdir -p /etc/grafana/provisioning/dashboards /etc/grafana/provisioning/datasources
printf '[Service]\\nExecStart=/bin/sleep infinity\\n' >/etc/systemd/system/grafana-server.service
systemctl daemon-reload
"""
_TRUSTING = "REQUESTS_CA_BUNDLE=/etc/mailloft/tls/acme-ca.pem"


@pytest.fixture(scope="module")
def machine(bridge: Bridge) -> Iterator[Machine]:
    made = Machine(bridge, "trixie", "trixie", 22)
    made.boot()
    made.run(_GRAFANA)
    yield made
    made.destroy()


@pytest.fixture(scope="module")
def pebble(bridge: Bridge, names: Names, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pebble]:
    made = Pebble(tmp_path_factory.mktemp("pebble"), names.listening)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def values(values: dict[str, object], pebble: Pebble) -> dict[str, object]:
    return {
        **values,
        "mailloft_hostname": HOSTNAME,
        "mailloft_postgresql": True,
        "mailloft_prometheus": True,
        "mailloft_tls": "acme",
        "mailloft_acme_email": "postmaster@trixie.test",
        "mailloft_acme_directory": pebble.directory,
        "mailloft_acme_ca": str(pebble.authority),
    }


@pytest.fixture(scope="module")
def deployed(machine: Machine, values: dict[str, object]) -> Deployed:
    assert play("site.yml", machine, values) > 0
    return Deployed(machine)


@pytest.fixture(scope="module")
def ours(deployed: Deployed) -> Household:
    return household(deployed, "trixie.test")


def test_mail_comes_in_and_goes_out_of_postgresql(deployed: Deployed, ours: Household) -> None:
    comes_in(deployed, ours)
    goes_out(deployed, ours)
    held = deployed.machine.run("runuser -u postgres -- psql -Atc 'SELECT count(*) FROM mail.filed' mailloft")
    assert int(held) > 0
    assert deployed.machine.run("ls /var/lib/mailloft/*.db", check=False).count("/var/lib/mailloft/core.db\n") == 0


def _shown(machine: Machine, port: int, root: str) -> str:
    """The serial number of the certificate on that port, which must be for the name and lead to `root`."""
    context = ssl.create_default_context(cadata=root)
    with (
        socket.create_connection((machine.address, port), 10) as plain,
        context.wrap_socket(plain, server_hostname=HOSTNAME) as secure,
    ):
        return str((secure.getpeercert() or {})["serialNumber"])


@pytest.mark.parametrize("port", [465, 993, 443])
def test_the_certificate_is_of_the_authority(deployed: Deployed, pebble: Pebble, port: int) -> None:
    assert _shown(deployed.machine, port, pebble.root())


def test_a_renewed_certificate_is_taken_without_a_restart(deployed: Deployed, pebble: Pebble) -> None:
    machine, root = deployed.machine, pebble.root()
    before = {port: _shown(machine, port, root) for port in (465, 993, 443)}
    processes = machine.run("pgrep -f '[m]ailloft role'")
    machine.run(f"{_TRUSTING} certbot renew --force-renewal --no-random-sleep-on-renew")
    wait_until(lambda: all(_shown(machine, port, root) != before[port] for port in before), "all show the new one", 60)
    assert machine.run("pgrep -f '[m]ailloft role'") == processes


def test_prometheus_hears_every_process_and_the_machine(deployed: Deployed) -> None:
    asked = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:9090/api/v1/targets').read().decode())"

    def health() -> list[str]:
        targets = json.loads(deployed.machine.run(f'python3 -c "{asked}"'))["data"]["activeTargets"]
        return [target["health"] for target in targets]

    wait_until(lambda: health() == ["up"] * 10, "all are scraped", 60)


def test_a_grafana_that_is_there_is_given_its_dashboards_and_where_the_figures_are(deployed: Deployed) -> None:
    run = deployed.machine.run
    told = yaml.safe_load(run("cat /etc/grafana/provisioning/dashboards/mailloft.yml"))
    folder = told["providers"][0]["options"]["path"]
    there = {name: json.loads(run(f"cat {folder}/{name}"))["uid"] for name in run(f"ls {folder}").split()}
    assert there == {f"{uid}.json": uid for uid in there.values()}
    assert len(there) == 5
    source = yaml.safe_load(run("cat /etc/grafana/provisioning/datasources/mailloft.yml"))["datasources"][0]
    assert (source["uid"], source["url"]) == ("mailloft", "http://127.0.0.1:9090")
    assert run("systemctl is-active grafana-server.service").strip() == "active"
    assert run(f"runuser -u nobody -- cat {folder}/mailloft-queue.json")


def test_the_resolver_is_one_that_validates(deployed: Deployed) -> None:
    assert "validator" in deployed.machine.run("unbound-checkconf -o module-config")
    assert "/root.key" in deployed.machine.run("unbound-checkconf -o auto-trust-anchor-file")


def test_the_backup_of_a_night_is_made_by_its_unit(deployed: Deployed) -> None:
    deployed.machine.run("systemctl start mailloft-backup.service")
    last = json.loads(deployed.machine.run("cat /var/lib/mailloft/backup.json"))
    assert deployed.machine.run(f"ls {last['where']}").split() == sorted(
        [
            "core.dump", "events.dump", "keepsakes.json", "mail.dump", "manifest.json", "master.key", "signing.key",
            "signing.pub",
        ]
    )  # fmt: skip
    assert "mailloft-backup.timer" in deployed.machine.run("systemctl list-timers --no-legend")


def test_a_second_run_changes_nothing_and_neither_does_check_mode(
    deployed: Deployed, machine: Machine, values: dict[str, object]
) -> None:
    assert play("site.yml", machine, values) == 0
    assert play("site.yml", machine, values, "--check", "--diff") == 0


def test_after_a_reboot_mail_comes_in(deployed: Deployed, ours: Household) -> None:
    deployed.machine.reboot()
    assert deployed.machine.run("systemctl --failed --no-legend --plain").strip() == ""
    comes_in(deployed, ours, "after the reboot")
