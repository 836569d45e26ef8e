"""A submitted message that cannot be delivered comes back to who submitted it, signed, once, also over a kill -9.

The sender runs as a process against scripted hosts of the test; what they refuse and what they get is in their book.
"""

from __future__ import annotations

import os
import signal
import socketserver
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dkim
import pytest
from sqlalchemy import select

from mail.dkim_sign import dns_record, generate_keys, pem
from mail.dsn import told_by_report
from mail.outcome import Action
from mail.parts import parse
from peers.loopback import wait_until
from peers.smtp_role import MASTER, Premises, Running, Tenant, furnish, name_server, settle_tenant
from peers.vaults import whole_vault
from store import attempts, injection
from store.dkim import DkimKey, KeyState, add, place
from store.injection import Forward, Submitted
from store.schema import recipients
from store.spool import Stored
from store.stores import Stores

HOME, FAR = "127.0.9.31", "127.0.9.32"
LETTER = b"From: ann@ours.test\r\nTo: bob@far.test\r\nSubject: offer\r\nMessage-ID: <9@ours.test>\r\n\r\nhello\r\n"


@dataclass
class Remote:
    """Hosts at HOME and FAR: FAR answers RCPT as told by `answers`, HOME takes everything."""

    answers: dict[str, str] = field(default_factory=dict)
    taken: list[tuple[str, str, bytes]] = field(default_factory=list)
    refused: threading.Event = field(default_factory=threading.Event)

    def serve(self, ends: ExitStack) -> int:
        port = 0
        for address in (HOME, FAR):
            server = socketserver.ThreadingTCPServer((address, port), self._handler(), bind_and_activate=True)
            server.daemon_threads = True
            port = int(server.server_address[1])
            threading.Thread(target=server.serve_forever, daemon=True).start()
            ends.callback(server.server_close)
            ends.callback(server.shutdown)
        return port

    def _handler(self) -> type[socketserver.StreamRequestHandler]:
        remote = self

        class Session(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self.wfile.write(b"220 here\r\n")
                reverse_path = forward_path = ""
                for line in self.rfile:
                    verb, path = line[:4].upper(), line.partition(b"<")[2].partition(b">")[0].decode()
                    answer = "250 ok"
                    if verb == b"MAIL":
                        reverse_path = path
                    elif verb == b"RCPT":
                        forward_path, answer = path, remote.answers.get(path, "250 ok")
                    elif verb == b"DATA":
                        self.wfile.write(b"354 go on\r\n")
                        content = b"".join(iter(self.rfile.readline, b".\r\n"))
                        remote.taken.append((reverse_path, forward_path, content))
                    self.wfile.write(f"{answer}\r\n".encode())
                    if not answer.startswith("250"):
                        remote.refused.set()
                    if verb == b"QUIT":
                        return

        return Session


@dataclass
class Scene:
    premises: Premises
    stores: Stores
    tenant: Tenant
    remote: Remote
    records: dict[str, str]

    def start(self) -> Running:
        return self.premises.start("sender")

    def submit(self, *addresses: str) -> None:
        one = Submitted(
            self.tenant.project, self.tenant.connection, "ann@ours.test", "<9@ours.test>",
            Stored(len(LETTER), LETTER, None), "transactional",
        )  # fmt: skip
        forwards = [Forward(each, each, "far.test") for each in addresses]
        handed_in = injection.HandedIn(one, forwards, datetime.now(UTC))
        self.stores.core.journal.run(lambda tx: injection.queue_submissions(tx, [handed_in]))

    def came_home(self) -> list[tuple[str, str, bytes]]:
        return [one for one in self.remote.taken if one[1] == "ann@ours.test"]

    def rows(self) -> list[Any]:
        with self.stores.core.database.read() as core:
            return list(core.execute(select(recipients).order_by(recipients.c.id)))


@pytest.fixture
def scene(location: str, stores: Stores, tmp_path: Path) -> Iterator[Scene]:
    with ExitStack() as ends:
        remote = Remote()
        port = remote.serve(ends)
        zone = [("far.test", "MX", "10 mx.far.test."), ("mx.far.test", "A", FAR)]
        zone += [("ours.test", "MX", "10 mx.ours.test."), ("mx.ours.test", "A", HOME)]
        made = furnish(tmp_path, location, stores, ends.enter_context(name_server(tmp_path, zone)))
        made.settings["outbound"] = {
            "port": port, "sources": [{"address": "127.0.8.31", "ehlo": "out.ours.test"}], "delay_warning": 1,
            "retry": {"submission": {"first": 1, "longest": 1, "lifetime": 600}},
        }  # fmt: skip
        tenant = settle_tenant(stores)
        yield Scene(made, stores, tenant, remote, _signing(stores, tenant))


def _signing(stores: Stores, tenant: Tenant) -> dict[str, str]:
    """Keys of the sender's domain; the TXT records that verify them."""
    keys = generate_keys("rsa1", "ed1")
    kept = [
        DkimKey(
            key.selector,
            key.algorithm.value,
            whole_vault(MASTER).signing.seal(pem(key), place("ours.test", key.selector)),
            dns_record(key),
        )
        for key in keys
    ]
    with stores.core.database.write() as tx:
        add(tx, tenant.domain, kept, KeyState.ACTIVE, datetime.now(UTC))
    return {f"{key.selector}._domainkey.ours.test": dns_record(key) for key in keys}


def ended(running: Running) -> None:
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(15) == 0


def test_a_refused_recipient_comes_back_signed_with_the_null_reverse_path(scene: Scene) -> None:
    scene.remote.answers["bob@far.test"] = "550 5.1.1 no such user here"
    scene.submit("bob@far.test", "carol@far.test")
    running = scene.start()
    wait_until(scene.came_home, "the DSN comes home", 30)
    ended(running)
    ((reverse_path, _, content),) = scene.came_home()
    assert reverse_path == ""
    octets = content.replace(b"\r\n..", b"\r\n.")
    (told,) = told_by_report(parse(octets))
    assert (told.recipient, told.action, told.status) == ("bob@far.test", Action.FAILED, "5.1.1")
    records = {name: value.encode() for name, value in scene.records.items()}
    verifier = dkim.DKIM(octets)
    for number in (0, 1):
        assert verifier.verify(idx=number, dnsfunc=lambda name, timeout=5: records[name.decode().rstrip(".")])
    assert sorted(one[1] for one in scene.remote.taken) == ["ann@ours.test", "carol@far.test"]


def test_a_dsn_that_is_refused_is_dropped_and_told_in_the_log(scene: Scene) -> None:
    scene.remote.answers |= {"bob@far.test": "550 5.1.1 gone", "ann@ours.test": "550 5.1.1 gone too"}
    scene.submit("bob@far.test")
    running = scene.start()
    wait_until(lambda: any(line["event"] == "dsn_dropped" for line in running.log()), "the log tells it", 30)
    wait_until(lambda: [row.state.value for row in scene.rows()] == ["failed", "failed"], "both are settled", 10)
    ended(running)
    assert scene.remote.taken == []


def test_a_delay_is_told_once_and_the_delivery_goes_on(scene: Scene) -> None:
    scene.remote.answers["bob@far.test"] = "451 4.7.1 come back later"
    scene.submit("bob@far.test")
    running = scene.start()
    wait_until(scene.came_home, "the warning comes home", 30)
    attempted = scene.rows()[0].attempts
    wait_until(lambda: scene.rows()[0].attempts >= attempted + 2, "it is tried again", 20)
    del scene.remote.answers["bob@far.test"]
    wait_until(lambda: any(one[1] == "bob@far.test" for one in scene.remote.taken), "it is delivered", 20)
    ended(running)
    assert len(scene.came_home()) == 1
    (told,) = told_by_report(parse(scene.came_home()[0][2]))
    assert (told.recipient, told.action, told.status) == ("bob@far.test", Action.DELAYED, "4.7.1")


def test_a_sender_that_is_killed_around_the_settlement_tells_it_once(scene: Scene) -> None:
    scene.remote.answers |= {f"r{number}@far.test": "550 5.1.1 gone" for number in range(5)}
    for number in range(5):
        scene.remote.refused.clear()
        scene.submit(f"r{number}@far.test")
        running = scene.start()
        assert scene.remote.refused.wait(20)
        threading.Event().wait(0.01 * number)  # before, at and after the commit: results gather for 0.03 s
        os.kill(running.process.pid, signal.SIGKILL)
        running.process.wait()
    running = scene.start()
    wait_until(lambda: {row.state.value for row in scene.rows()} == {"failed", "delivered"}, "all is settled", 30)
    ended(running)
    told = [one for _, _, content in scene.came_home() for one in told_by_report(parse(content))]
    message_ids = {parse(content).headers.get("message-id") for _, _, content in scene.came_home()}
    assert {one.recipient for one in told} == {f"r{number}@far.test" for number in range(5)}
    assert len(message_ids) == 5  # one DSN each; a copy that a kill repeated has the same Message-ID


def test_every_attempt_is_kept_with_a_bounded_transcript_where_it_was_no_250(scene: Scene) -> None:
    scene.remote.answers["bob@far.test"] = "451 4.7.1 " + "later " * 80
    scene.submit("bob@far.test", "carol@far.test")
    running = scene.start()
    wait_until(lambda: scene.rows()[0].attempts >= 2, "it is tried twice", 30)
    ended(running)
    with scene.stores.events.database.read() as events:
        kept = {row.address: attempts.of_recipient(events, row.id) for row in scene.rows()}
    bob, (carol,) = kept["bob@far.test"], kept["carol@far.test"]
    assert len(bob) >= 2
    for one in bob:
        assert (one.code, one.source) == (451, "127.0.8.31")
        assert "> RCPT TO:<bob@far.test>" in (one.transcript or "")
        assert len(one.transcript or "") <= 4096
    assert (carol.code, carol.transcript) == (250, None)
    assert carol.milliseconds >= 0
