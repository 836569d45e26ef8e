"""The other Debian, with its PostgreSQL, Prometheus and a certificate by ACME: the same playbook, the same mail."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import yaml

from peers.bridge import HOST, PREFIX, Bridge
from peers.deployed_mail import Household, comes_in, goes_out, household
from peers.deployment import Deployed, play, refused_play, whole
from peers.loopback import wait_until
from peers.machine import Machine
from peers.names import Names, record
from peers.pebble import Pebble
from peers.releases import BROKEN_ROLE, REVISION, TABLE, release
from peers.unbound import Unbound

pytestmark = [whole, pytest.mark.timeout(2400)]
HOSTNAME = "mail.trixie.test"
SECOND = f"{PREFIX}.122"  # an address that the machine is given, and sends from
# Debian has none: of another's package there are the folders that it reads and the unit that it is restarted by.
_GRAFANA = """
mkdir -p /etc/grafana/provisioning/dashboards /etc/grafana/provisioning/datasources
printf '[Service]\\nExecStart=/bin/sleep infinity\\n' >/etc/systemd/system/grafana-server.service
systemctl daemon-reload
"""
# How the machine's resolver answers: the code, whether it vouches for the answer, and the answer.
_ASK = """
import dns.flags, dns.message, dns.query, sys
asked = dns.message.make_query(sys.argv[1], "A", want_dnssec=True)
asked.flags |= dns.flags.CD if "unchecked" in sys.argv else 0
answer = dns.query.udp(asked, "127.0.0.1", timeout=20)
found = [item.to_text() for rrset in answer.answer if rrset.rdtype == 1 for item in rrset]
print(answer.rcode(), bool(answer.flags & dns.flags.AD), *found)
"""


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
def signed(bridge: Bridge, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Unbound]:
    """The name server of a zone that the root does not vouch for."""
    records = ["good 60 IN A 192.0.2.1", "bad 60 IN A 192.0.2.2"]
    made = Unbound(tmp_path_factory.mktemp("signed"), "signed.example", records, {}, ["bad A"], host=HOST)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def values(values: dict[str, object], pebble: Pebble, names: Names, signed: Unbound) -> dict[str, object]:
    names.publish([record("asked.example", "A", "192.0.2.3")])
    signed_zone = {"name": "signed.example", "addresses": [signed.listening.replace(":", "@")], "signed": True}
    return {
        **values,
        "mailloft_dns_zones": [*cast(list[object], values["mailloft_dns_zones"]), signed_zone],
        "mailloft_dns_trust_anchors": [signed.anchor],
        "mailloft_dns_forwarders": [names.listening.replace(":", "@")],
        "mailloft_sources": [
            {"address": f"{PREFIX}.22", "ehlo": HOSTNAME, "pool": "spare"},
            {"address": SECOND, "ehlo": "out2.trixie.test", "interface": "eth0"},
        ],
        "mailloft_metrics_networks": [f"{HOST}/32"],
        "mailloft_hostname": HOSTNAME,
        # Words, as an inventory.ini gives them.
        "mailloft_postgresql": "true",
        "mailloft_prometheus": "true",
        "mailloft_alertmanagers": [f"{HOST}:9093"],
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
    goes_out(deployed, ours, SECOND)
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


def test_a_certificate_that_falls_due_is_renewed_by_its_unit_and_taken_without_a_restart(
    deployed: Deployed, pebble: Pebble
) -> None:
    machine, root = deployed.machine, pebble.root()
    before = {port: _shown(machine, port, root) for port in (465, 993, 443)}
    processes = machine.run("pgrep -f '[m]ailloft role'")
    machine.run("sed -i '1i renew_before_expiry = 9999 days' /etc/letsencrypt/renewal/mailloft.conf")
    # What its timer starts each day.
    machine.run("systemctl start certbot.service", within=300)
    wait_until(lambda: all(_shown(machine, port, root) != before[port] for port in before), "all show the new one", 60)
    assert machine.run("pgrep -f '[m]ailloft role'") == processes


def test_prometheus_hears_every_process_and_the_machine_and_tells_who_is_named(deployed: Deployed) -> None:
    def asked(what: str) -> Any:
        get = f"import urllib.request as u; print(u.urlopen('http://127.0.0.1:9090/api/v1/{what}').read().decode())"
        return json.loads(deployed.machine.run(f'python3 -c "{get}"'))["data"]

    wait_until(
        lambda: [target["health"] for target in asked("targets")["activeTargets"]] == ["up"] * 10, "all are scraped", 60
    )
    assert [one["url"] for one in asked("alertmanagers")["activeAlertmanagers"]] == [
        f"http://{HOST}:9093/api/v2/alerts"
    ]
    rules = asked("rules")["groups"]
    assert {rule["health"] for group in rules for rule in group["rules"]} <= {"ok", "unknown"}
    assert rules


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


def test_the_resolver_validates_what_an_own_anchor_vouches_for_and_asks_its_forwarders(deployed: Deployed) -> None:
    run = deployed.machine.run

    def answer(*words: str) -> str:
        return run(f"/opt/mailloft/venv/bin/python - {' '.join(words)} <<'E'\n{_ASK}\nE").strip()

    assert answer("good.signed.example") == "0 True 192.0.2.1"
    assert answer("bad.signed.example") == "2 False"
    assert answer("mail.trixie.test") == f"0 False {PREFIX}.22"
    assert answer("asked.example", "unchecked") == "0 False 192.0.2.3"
    assert "/root.key" in run("unbound-checkconf -o auto-trust-anchor-file")


def test_the_figures_are_for_the_network_that_is_named(deployed: Deployed) -> None:
    for port in (9511, 9521, 9531, 9532, 9534, 9535, 9541):
        told = httpx.get(f"http://{deployed.machine.address}:{port}/metrics", timeout=10)
        assert "mailloft_" in told.text
    assert f"ip saddr {HOST} tcp dport 9511-9599 accept" in deployed.machine.run("nft list ruleset")


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


def test_a_release_that_does_not_answer_is_taken_back_with_its_tables(
    deployed: Deployed, machine: Machine, values: dict[str, object], tmp_path: Path, ours: Household
) -> None:
    def asked(words: str) -> str:
        return machine.run(f'runuser -u postgres -- psql -Atc "{words}" mailloft').strip()

    before = asked("SELECT count(*) FROM mail.filed"), asked("SELECT version_num FROM core.alembic_version")
    changes = {REVISION: TABLE, "imap/daemon.py": BROKEN_ROLE}
    broken = release(Path(str(values["mailloft_wheel"])), "0.3.0", changes, tmp_path)
    told = refused_play("upgrade.yml", machine, {**values, "mailloft_wheel": str(broken)})
    assert "the old one runs again" in told
    after = asked("SELECT count(*) FROM mail.filed"), asked("SELECT version_num FROM core.alembic_version")
    assert after == before
    assert "core_aside-" in asked("SELECT string_agg(nspname, ' ') FROM pg_namespace")
    comes_in(deployed, ours, "after the way back")


def test_a_second_run_changes_nothing_and_neither_does_check_mode(
    deployed: Deployed, machine: Machine, values: dict[str, object]
) -> None:
    assert play("site.yml", machine, values) == 0
    assert play("site.yml", machine, values, "--check", "--diff") == 0


def test_after_a_reboot_mail_comes_in(deployed: Deployed, ours: Household) -> None:
    deployed.machine.reboot()
    assert deployed.machine.run("systemctl --failed --no-legend --plain").strip() == ""
    comes_in(deployed, ours, "after the reboot")
    assert f"{SECOND}/32" in deployed.machine.run("ip address show dev eth0")
