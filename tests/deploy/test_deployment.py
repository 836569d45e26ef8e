"""A bare Debian machine, the playbook over ssh, and the mail server that is there then, met from outside.

`make test-deploy` runs it whole; FORM=short is what CI runs: one pass, a handshake a port, mail in and out.
"""

from __future__ import annotations

import asyncio
import imaplib
import os
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage

import httpx
import pytest

from peers.bridge import HOST, Bridge
from peers.counting_host import Street
from peers.deployment import HOSTNAME, Deployed, play, wheel
from peers.loopback import wait_until
from peers.machine import Machine
from peers.names import Names, record
from peers.need import program, root

FORM = os.environ.get("MAILLOFT_DEPLOY", "")
pytestmark = [
    pytest.mark.skipif(not FORM, reason="`make test-deploy` runs it (FORM=short: what CI runs)"),
    pytest.mark.timeout(2400),
]
whole = pytest.mark.skipif(FORM != "whole", reason="only the whole form has it")

NAMESERVER = f"{HOST}:5353"
VALUES = {
    "mailloft_tls": "own",
    "mailloft_dns_zones": [{"name": "test", "addresses": [f"{HOST}@5353"]}],
}


@pytest.fixture(scope="module")
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
    yield made
    made.down()


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    return {**VALUES, "mailloft_wheel": str(wheel(tmp_path_factory.mktemp("wheel")))}


@pytest.fixture(scope="module")
def machine(bridge: Bridge) -> Iterator[Machine]:
    made = Machine(bridge, "bookworm", "mail", 20)
    made.boot()
    yield made
    made.destroy()


@pytest.fixture(scope="module")
def names(bridge: Bridge, machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Names]:
    """The DNS of the world that the machine lives in: its own domain's mail comes to it, far.test's to this host."""
    records = [
        record("shop.test", "MX", f"10 {HOSTNAME}"),
        record(HOSTNAME, "A", machine.address),
        record("far.test", "MX", "10 mx.far.test"),
        record("mx.far.test", "A", HOST),
    ]
    serving = Names(tmp_path_factory.mktemp("names"), records, NAMESERVER)
    yield serving
    serving.stop()


@pytest.fixture(scope="module")
def deployed(machine: Machine, names: Names, values: dict[str, object]) -> Deployed:
    assert play("site.yml", machine, values) > 0
    return Deployed(machine)


@contextmanager
def far_host() -> Iterator[Street]:
    """far.test's MX: takes all on port 25 of this end of the bridge, and keeps who came."""
    street, loop = Street(25), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(asyncio.start_server(street.serve, HOST, 25), loop).result(10)
    try:
        yield street
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


def _trusting() -> ssl.SSLContext:
    """The machine's certificate is its own, so the name is what is looked at."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@pytest.mark.parametrize("port", [465, 993, 443])
def test_a_port_that_begins_with_tls_shakes_hands(deployed: Deployed, port: int) -> None:
    address = (deployed.machine.address, port)
    with socket.create_connection(address, 10) as plain, _trusting().wrap_socket(plain) as secure:
        assert secure.version() in ("TLSv1.2", "TLSv1.3")


@pytest.mark.parametrize("port", [25, 587])
def test_a_port_with_starttls_shakes_hands(deployed: Deployed, port: int) -> None:
    with smtplib.SMTP(deployed.machine.address, port, timeout=10) as smtp:
        assert smtp.starttls(context=_trusting())[0] == 220
        assert HOSTNAME.encode() in smtp.ehlo("peer.test")[1]


def test_imap_shakes_hands_after_starttls(deployed: Deployed) -> None:
    with imaplib.IMAP4(deployed.machine.address, 143, timeout=10) as imap:
        assert imap.starttls(_trusting())[0] == "OK"


def test_mail_comes_in_and_goes_out(deployed: Deployed) -> None:
    """A message from outside is read over IMAP; one from a program leaves for another host from the named address."""
    with deployed.api() as operator:
        key = _made(operator, "/projects", {"name": "shop", "campaigns_allowed": True})["api_key"]
        with deployed.api(key) as api:
            _made(api, "/domains", {"name": "shop.test"})
            states = {"owned": True, "sending": True, "linked": True}
            assert operator.patch("/domains/shop.test", params={"project": "shop"}, json=states).is_success
            mailbox = _made(api, "/mailboxes", {"address": "ann@shop.test"})
            sender = _made(api, "/senders", {"address": "ann@shop.test", "display_name": "Ann"})["id"]
        # What the operator makes needs no moderation.
        connection = _made(operator, "/connections?project=shop", {"name": "shop", "sender": sender})
    with smtplib.SMTP(deployed.machine.address, 25, timeout=20) as smtp:
        smtp.send_message(_letter("bob@far.test", "ann@shop.test"))
    with imaplib.IMAP4_SSL(deployed.machine.address, 993, ssl_context=_trusting(), timeout=20) as imap:
        imap.login("ann@shop.test", mailbox["password"])
        imap.select("INBOX")
        wait_until(lambda: imap.noop() and imap.search(None, "ALL")[1] != [b""], "the letter is in the mailbox", 60)
    with far_host() as street:
        with smtplib.SMTP_SSL(deployed.machine.address, 465, context=_trusting(), timeout=20) as smtp:
            smtp.login(connection["login"], connection["password"])
            smtp.send_message(_letter("ann@shop.test", "bob@far.test"))
        wait_until(lambda: street.taken, "far.test has taken it", 60)
    (_, _, source, recipient) = street.taken[0]
    assert (source, recipient) == (deployed.machine.address, "bob@far.test")


def _made(api: httpx.Client, path: str, body: dict[str, object]) -> dict[str, str]:
    answer = api.post(path, json=body)
    assert answer.is_success, answer.text
    made: dict[str, str] = answer.json()
    return made


def _letter(author: str, reader: str) -> EmailMessage:
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = author, reader, "by way of the machine"
    letter.set_content("Good day.\n")
    return letter


def test_each_role_runs_as_itself_without_a_capability(deployed: Deployed) -> None:
    told = deployed.machine.run(
        "for pid in $(pgrep -f 'mailloft role'); do awk '/^(Uid|CapEff|CapBnd|NoNewPrivs)/{print $2}' /proc/$pid/status"
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


@whole
def test_a_second_run_changes_nothing_and_neither_does_check_mode(
    deployed: Deployed, machine: Machine, values: dict[str, object]
) -> None:
    assert play("site.yml", machine, values) == 0
    assert play("site.yml", machine, values, "--check", "--diff") == 0


@whole
def test_after_a_reboot_all_is_back(deployed: Deployed) -> None:
    deployed.machine.run("systemctl reboot", check=False)
    wait_until(lambda: _answers(deployed.machine.address), "the machine answers on port 25 again", 120)
    deployed.machine.wait_until_reached()
    assert deployed.machine.run("systemctl --failed --no-legend --plain").strip() == ""


def _answers(address: str) -> bool:
    try:
        with smtplib.SMTP(address, 25, timeout=3) as smtp:
            return smtp.noop()[0] == 250
    except OSError:
        return False
