"""A bare Debian machine, the playbook over ssh, and the mail server that is there then, met from outside.

`make test-deploy` runs it whole; FORM=short is what CI runs: one pass, a handshake a port, mail in and out.
"""

from __future__ import annotations

import imaplib
import smtplib
import socket

import pytest

from peers.deployed_mail import Household, comes_in, far_host, goes_out, hand_in, subjects, trusting
from peers.deployment import HOSTNAME, Deployed, asked_for, play, whole
from peers.loopback import wait_until
from peers.machine import Machine

pytestmark = [asked_for, pytest.mark.timeout(2400)]


@pytest.mark.parametrize("port", [465, 993, 443])
def test_a_port_that_begins_with_tls_shakes_hands(deployed: Deployed, port: int) -> None:
    address = (deployed.machine.address, port)
    with socket.create_connection(address, 10) as plain, trusting().wrap_socket(plain) as secure:
        assert secure.version() in ("TLSv1.2", "TLSv1.3")


@pytest.mark.parametrize("port", [25, 587])
def test_a_port_with_starttls_shakes_hands(deployed: Deployed, port: int) -> None:
    with smtplib.SMTP(deployed.machine.address, port, timeout=10) as smtp:
        assert smtp.starttls(context=trusting())[0] == 220
        assert HOSTNAME.encode() in smtp.ehlo("peer.test")[1]


def test_imap_shakes_hands_after_starttls(deployed: Deployed) -> None:
    with imaplib.IMAP4(deployed.machine.address, 143, timeout=10) as imap:
        assert imap.starttls(trusting())[0] == "OK"


def test_mail_comes_in_and_goes_out(deployed: Deployed, ours: Household) -> None:
    """A message from outside is read over IMAP; one from a program leaves for another host from the named address."""
    comes_in(deployed, ours)
    goes_out(deployed, ours)


def test_each_role_runs_as_itself_without_a_capability(deployed: Deployed) -> None:
    told = deployed.machine.run(
        "for pid in $(pgrep -f '[m]ailloft role'); do "
        "awk '/^(Uid|CapEff|CapBnd|NoNewPrivs)/{print $2}' /proc/$pid/status"
        " | tr '\\n' ' '; echo; done"
    )
    processes = [line.split() for line in told.splitlines() if line.strip()]
    assert len({uid for uid, *_ in processes}) == 7, told
    assert {tuple(rest) for _, *rest in processes} == {("0" * 16, "0" * 16, "1")}, told
    assert "0" not in {uid for uid, *_ in processes}


def test_metrics_are_for_the_machine_itself(deployed: Deployed) -> None:
    assert "mailloft_" in deployed.machine.run(
        "python3 - <<'E'\nimport urllib.request as u\nprint(u.urlopen('http://127.0.0.1:9532/metrics').read().decode())\nE"
    )
    with pytest.raises(OSError, match="timed out|refused"):
        socket.create_connection((deployed.machine.address, 9532), 3)


def test_the_panel_greets_who_comes(deployed: Deployed) -> None:
    with deployed.api() as api:
        page = api.get("https://" + deployed.machine.address + "/", follow_redirects=True)
    assert page.status_code == 200
    assert 'type="password"' in page.text


@whole
def test_a_second_run_changes_nothing_and_neither_does_check_mode(
    deployed: Deployed, machine: Machine, values: dict[str, object]
) -> None:
    assert play("site.yml", machine, values) == 0
    assert play("site.yml", machine, values, "--check", "--diff") == 0


@whole
def test_after_a_reboot_all_is_back_and_nothing_is_lost(deployed: Deployed, ours: Household) -> None:
    comes_in(deployed, ours, "before the reboot")
    hand_in(deployed, ours, "before the reboot", "it waits over the reboot")
    deployed.machine.reboot()
    assert deployed.machine.run("systemctl --failed --no-legend --plain").strip() == ""
    assert "before the reboot" in subjects(deployed, ours)
    comes_in(deployed, ours, "after the reboot")
    with far_host() as street:
        deployed.machine.run("mailloft queue retry --all")
        wait_until(lambda: any(b"it waits over the reboot" in one for one in street.kept or []), "it left", 60)
