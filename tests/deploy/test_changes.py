"""What is changed on a machine that works: settings, certificate, the number of processes; and a role that hangs."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest
import trustme

from peers.deployment import HOSTNAME, Deployed, play, refused_play, whole
from peers.loopback import wait_until
from peers.machine import Machine

pytestmark = [whole, pytest.mark.timeout(2400)]


def _shown(machine: Machine, port: int, authority: str) -> bool:
    """Whether the certificate on that port is for the name and leads to `authority`."""
    context = ssl.create_default_context(cadata=authority)
    try:
        with (
            socket.create_connection((machine.address, port), 10) as plain,
            context.wrap_socket(plain, server_hostname=HOSTNAME),
        ):
            return True
    except ssl.SSLCertVerificationError:
        return False


def _processes(machine: Machine) -> str:
    return machine.run("pgrep -f '[m]ailloft role'")


def test_a_setting_that_is_wrong_is_named_and_not_put_in_force(
    deployed: Deployed, machine: Machine, values: dict[str, object]
) -> None:
    before = _processes(machine)
    wrong = {"mailloft_settings": {"limits": {"connection_per_peer": 1}}}
    assert "connection_per_peer" in refused_play("site.yml", machine, {**values, **wrong})
    assert "connection_per_peer" not in machine.run("cat /etc/mailloft/mailloft.toml")
    assert _processes(machine) == before
    assert "up to 9" in refused_play("site.yml", machine, {**values, "mailloft_senders": 10})


def test_a_given_certificate_a_setting_and_a_third_sender_come_and_go(
    deployed: Deployed, machine: Machine, values: dict[str, object], tmp_path: Path
) -> None:
    authority = trustme.CA()
    given = authority.issue_cert(HOSTNAME)
    given.private_key_pem.write_to_path(tmp_path / "key.pem")
    given.cert_chain_pems[0].write_to_path(tmp_path / "chain.pem")
    files = {
        "mailloft_tls": "files",
        "mailloft_tls_private_key": str(tmp_path / "key.pem"),
        "mailloft_tls_certificate": str(tmp_path / "chain.pem"),
    }
    other = {"mailloft_senders": 3, "mailloft_settings": {"outbound": {"connections": 7}}}
    vouched = authority.cert_pem.bytes().decode()
    assert play("site.yml", machine, {**values, **files, **other}) > 0
    wait_until(lambda: all(_shown(machine, port, vouched) for port in (465, 993, 443)), "all show the given one", 90)
    assert "sender-3: lives" in machine.run("mailloft doctor", check=False)
    assert '"connections": 7' in machine.run("python3 -m json.tool /var/lib/mailloft/whereabouts.json")
    assert play("site.yml", machine, values) > 0
    own = machine.run("cat /etc/mailloft/tls/server.pem")
    wait_until(lambda: all(_shown(machine, port, own) for port in (465, 993, 443)), "all show the machine's own", 90)
    assert machine.run("systemctl is-active mailloft-sender@3", check=False).strip() == "inactive"
    assert machine.run("systemctl --failed --no-legend --plain").strip() == ""
    assert '"connections": 5' in machine.run("python3 -m json.tool /var/lib/mailloft/whereabouts.json")


def test_a_role_that_hangs_is_started_again(deployed: Deployed) -> None:
    """Stopped, so that it says nothing more; its unit waits a minute, here for some seconds."""
    run, hasty = deployed.machine.run, "/run/systemd/system/mailloft-clock.service.d"
    run(f"mkdir {hasty} && printf '[Service]\\nWatchdogSec=10\\nTimeoutStopSec=3\\n' >{hasty}/hasty.conf")
    run("systemctl daemon-reload && systemctl restart mailloft-clock")
    run("systemctl kill --kill-whom=main --signal=STOP mailloft-clock")
    asked = "systemctl show --property NRestarts,ActiveState --value mailloft-clock"
    wait_until(lambda: set(run(asked).split()) == {"1", "active"}, "it lives again", 90)
    assert "watchdog" in run("journalctl --no-pager -u mailloft-clock -n 50").lower()
    run(f"rm -r {hasty} && systemctl daemon-reload && systemctl restart mailloft-clock")
