"""App passwords and SCRAM: proved without being said, bound to the TLS connection, each revocable by itself."""

from __future__ import annotations

import hashlib
import hmac
import socket
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from OpenSSL import SSL

from peers.imap_premises import serving_ann_and_bob
from peers.imap_role import ANN, BOB, BOBS_OWN, MASTER, SECRET, ImapRole, Talk
from peers.loopback import wait_until
from store import app_passwords, mailboxes
from store.secrets import Vault
from store.stores import Stores, open_stores

PHONE = "phone222222222222222222222222222"
NOW = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture(scope="module")
def role(migrated_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImapRole]:
    with serving_ann_and_bob(migrated_folder, tmp_path_factory.mktemp("scram")) as running:
        yield running


@pytest.fixture
def books(role: ImapRole) -> Iterator[Stores]:
    opened = open_stores(role.location)
    yield opened
    opened.close()


@dataclass
class Scram:
    """A client of ours: what it says and whether it believes the server."""

    login: str
    password: str
    header: bytes = b"n,,"
    channel: bytes = b""
    nonce: bytes = b"cnonce"
    heard: bytes = field(default=b"", init=False)

    @property
    def bare(self) -> bytes:
        return b"n=" + self.login.encode() + b",r=" + self.nonce

    def first(self) -> bytes:
        return b64encode(self.header + self.bare)

    def last(self, prompt: bytes) -> bytes:
        """The answer to a `+ ...` line."""
        self.heard = b64decode(prompt[2:])
        nonce, salt, rounds = (piece[2:] for piece in self.heard.split(b","))
        salted = hashlib.pbkdf2_hmac("sha256", self.password.encode(), b64decode(salt), int(rounds))
        unproved = b"c=" + b64encode(self.header + self.channel) + b",r=" + nonce
        signed = b",".join((self.bare, self.heard, unproved))
        key = hmac.digest(salted, b"Client Key", "sha256")
        signature = hmac.digest(hashlib.sha256(key).digest(), signed, "sha256")
        proof = bytes(one ^ other for one, other in zip(key, signature, strict=True))
        self.expected = b"v=" + b64encode(hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), signed, "sha256"))
        return b64encode(unproved + b",p=" + b64encode(proof))


def enter(talk: Talk, client: Scram, mechanism: bytes = b"SCRAM-SHA-256", initial: bool = True) -> bytes:
    """The tagged line."""
    if initial:
        talk.send(b"a AUTHENTICATE " + mechanism + b" " + client.first() + b"\r\n")
    else:
        talk.send(b"a AUTHENTICATE " + mechanism + b"\r\n")
        assert talk.line() == b"+ \r\n"
        talk.send(client.first() + b"\r\n")
    line = talk.line()
    if not line.startswith(b"+ "):
        return line
    talk.send(client.last(line) + b"\r\n")
    line = talk.line()
    if line.startswith(b"+ "):
        assert b64decode(line[2:]) == client.expected
        talk.send(b"\r\n")
        line = talk.line()
    return line


def secured(role: ImapRole) -> Talk:
    talk = role.talk()
    talk.say(b"t STARTTLS")
    talk.encrypt(role.trust())
    return talk


@pytest.mark.parametrize("initial", [True, False])
def test_a_generated_password_is_proved_without_being_said(role: ImapRole, initial: bool) -> None:
    assert enter(secured(role), Scram(ANN, SECRET), initial=initial).startswith(b"a OK")
    assert enter(secured(role), Scram(ANN.upper(), SECRET)).startswith(b"a OK")


@pytest.mark.parametrize("login", [ANN, BOB, "nobody@ours.test", "no address"])
def test_what_is_not_proved_looks_the_same_whoever_it_is(role: ImapRole, login: str) -> None:
    client = Scram(login, BOBS_OWN)
    line = enter(secured(role), client)
    assert line == b"a NO [AUTHENTICATIONFAILED] wrong address or password\r\n"
    again = Scram(login, BOBS_OWN)
    enter(secured(role), again)
    salts = {heard.heard.split(b",")[1] for heard in (client, again)}
    assert len(salts) == 1


def test_it_is_bound_to_the_certificate(role: ImapRole) -> None:
    talk = secured(role)
    certificate = talk.socket.getpeercert(binary_form=True)  # type: ignore[attr-defined]  # of an SSLSocket
    kept = x509.load_der_x509_certificate(certificate)
    assert kept.signature_hash_algorithm is not None
    channel = kept.fingerprint(kept.signature_hash_algorithm)
    plus, header = b"SCRAM-SHA-256-PLUS", b"p=tls-server-end-point,,"
    assert enter(talk, Scram(ANN, SECRET, header, channel), plus).startswith(b"a OK")
    for wrong in (
        Scram(ANN, SECRET, header, b"x" * 32),
        Scram(ANN, SECRET, b"p=tls-unique,,", channel),
        Scram(ANN, SECRET, b"n,,"),
    ):
        assert enter(secured(role), wrong, plus).startswith(b"a NO [AUTHENTICATIONFAILED]")
    assert enter(secured(role), Scram(ANN, SECRET, b"y,,")).startswith(b"a NO [AUTHENTICATIONFAILED]")


class Exported(Talk):
    """A client that can tell what its TLS connection exports, which Python's ssl cannot."""

    def __init__(self, port: int) -> None:
        self._buffer = b""
        plain = socket.create_connection(("127.0.0.1", port), timeout=20)
        plain.settimeout(None)
        self.connection = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD), plain)
        self.connection.set_connect_state()
        self.connection.do_handshake()
        self.socket = self.connection  # type: ignore[assignment]  # it has the same recv and sendall


def test_it_is_bound_to_the_session_itself(role: ImapRole) -> None:
    talk = Exported(role.ports["imaps"])
    assert b"AUTH=SCRAM-SHA-256-PLUS" in talk.line()
    channel = talk.connection.export_keying_material(b"EXPORTER-Channel-Binding", 32, b"")
    assert enter(talk, Scram(ANN, SECRET, b"p=tls-exporter,,", channel), b"SCRAM-SHA-256-PLUS").startswith(b"a OK")
    other = Exported(role.ports["imaps"])
    other.line()
    line = enter(other, Scram(ANN, SECRET, b"p=tls-exporter,,", channel), b"SCRAM-SHA-256-PLUS")
    assert line.startswith(b"a NO [AUTHENTICATIONFAILED]")


def test_without_tls_nothing_is_offered_and_nothing_begun(role: ImapRole) -> None:
    talk = role.talk()
    assert b"SCRAM" not in talk.say(b"c CAPABILITY")[0]
    assert enter(talk, Scram(ANN, SECRET)).startswith(b"a NO [PRIVACYREQUIRED]")


def test_a_message_that_is_none_ends_the_sign_in_and_not_the_session(role: ImapRole) -> None:
    talk = secured(role)
    for said in (b"!", b"=", b64encode(b"n,,n=x"), b64encode(b"\xff\0")):
        talk.send(b"a AUTHENTICATE SCRAM-SHA-256 " + said + b"\r\n")
        assert talk.line().split()[1] in (b"NO", b"BAD")
    talk.send(b"a AUTHENTICATE SCRAM-SHA-256 " + Scram(ANN, SECRET).first() + b"\r\n")
    talk.line()
    talk.send(b"*\r\n")
    assert talk.line().startswith(b"a BAD")
    assert enter(talk, Scram(ANN, SECRET)).startswith(b"a OK")


def test_an_app_password_opens_the_mailbox_until_it_is_revoked(role: ImapRole, books: Stores) -> None:
    with books.core.database.read() as tx:
        bob = mailboxes.by_address(tx, BOB)
    assert bob is not None
    vault = Vault(MASTER)
    made = books.core.journal.run(lambda tx: app_passwords.create(tx, vault, bob.id, BOB, "phone", PHONE, NOW))
    for login in (BOB, ANN):
        line = secured(role).say(b"a LOGIN %b %b" % (login.encode(), PHONE.encode()))[-1]
        assert line.startswith(b"a OK" if login == BOB else b"a NO")
    assert enter(secured(role), Scram(BOB, PHONE)).startswith(b"a OK")

    def used() -> bool:
        with books.mail.database.read() as tx:
            return list(app_passwords.uses(tx, [made])) == [made]

    wait_until(used, "its use is written down", 10)
    assert books.core.journal.run(lambda tx: app_passwords.revoke(tx, bob.id, made))
    assert secured(role).say(b"a LOGIN %b %b" % (BOB.encode(), PHONE.encode()))[-1].startswith(b"a NO")
    assert enter(secured(role), Scram(BOB, PHONE)).startswith(b"a NO")
    assert secured(role).say(b'a LOGIN %b "%b"' % (BOB.encode(), BOBS_OWN.encode()))[-1].startswith(b"a OK")
