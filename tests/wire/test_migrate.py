"""A mailbox of Debian's Dovecot is brought here: folders, octets, flags, dates; run again, nothing twice."""

from __future__ import annotations

import imaplib
import json
import shutil
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import trustme

from admin.acts import letters, mailboxes
from admin.acts.letters import MigrationProof
from admin.foreign_imap import Account, Tls
from admin.office import Office
from admin.refusals import ConflictError
from admin.steady_imap import PAUSES
from peers.cut import CuttingRelay
from peers.doomed import dies
from peers.dovecot import PASSWORD, Dovecot
from peers.offices import PROJECT, office_of
from store import folders, mail_scan, mailbox_contents
from store.settings import Limits, Settings
from store.stores import Stores

ANN, THERE = "ann@ours.test", "ann@elsewhere.test"
# Its folders lie below INBOX, behind dots, and its Sent has another name.
PREFIXED = """\
namespace inbox {
  inbox = yes
  prefix = INBOX.
  separator = .
  mailbox "Sent Items" {
    special_use = \\Sent
    auto = create
  }
}
"""
WITH_TOKENS = """\
auth_mechanisms = plain login xoauth2
passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {asking}
}}
"""
TOKEN = "token-of-"
DATE = '"02-Jan-2026 03:04:05 +0300"'
AT = datetime(2026, 1, 2, 0, 4, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Where another user than root can reach it."""
    made = Path(tempfile.mkdtemp(prefix="migrate-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


class Tokens(BaseHTTPRequestHandler):
    """Tells Dovecot whose a token is: TOKEN, and the address behind it."""

    def do_GET(self) -> None:
        token = parse_qs(urlsplit(self.path).query).get("access_token", [""])[0]
        known = token.startswith(TOKEN)
        body = json.dumps({"email": token.removeprefix(TOKEN)} if known else {"error": "invalid_token"}).encode()
        self.send_response(200 if known else 400)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def tokens() -> Iterator[int]:
    serving = ThreadingHTTPServer(("127.0.0.1", 0), Tokens)
    threading.Thread(target=serving.serve_forever, daemon=True).start()
    yield serving.server_address[1]
    serving.shutdown()
    serving.server_close()


@pytest.fixture(scope="module")
def dovecot(folder: Path, tokens: int) -> Iterator[Dovecot]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    issued = authority.issue_cert("localhost")
    (folder / "chain.pem").write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(str(folder / "key.pem"))
    asking = folder / "tokens.conf"
    asking.write_text(f"tokeninfo_url = http://127.0.0.1:{tokens}/?access_token=\nusername_attribute = email\n")
    more = PREFIXED + WITH_TOKENS.format(asking=asking)
    running = Dovecot(folder / "dovecot", folder / "chain.pem", folder / "key.pem", more)
    yield running
    running.stop()


@pytest.fixture
def office(stores: Stores, tmp_path: Path) -> Office:
    made = office_of(stores, tmp_path, Settings(limits=Limits(message_bytes=100_000)))
    mailboxes.create(made, PROJECT, ANN, None, None)
    return made


def account(dovecot: Dovecot, folder: Path, user: str, tls: Tls = Tls.STARTTLS) -> Account:
    port = dovecot.imaps if tls is Tls.IMPLICIT else dovecot.imap
    return Account("localhost", port, user, PASSWORD, tls, folder / "ca.pem")


def put(dovecot: Dovecot, user: str, name: str, numbers: range, flags: str = "(\\Seen $Label1)", size: int = 0) -> None:
    client = imaplib.IMAP4("localhost", dovecot.imap)
    client.login(user, PASSWORD)
    name = f'"{name}"'
    client.create(name)
    for number in numbers:
        octets = b"Subject: %d\r\n\r\nFrom here\r\n%b\r\n" % (number, b"x" * size)
        assert client.append(name, flags, DATE, octets)[0] == "OK"
    client.logout()


def migrate(office: Office, account: Account) -> MigrationProof:
    return letters.migrate(office, PROJECT, ANN, account, lambda _: None)


def counts(proof: MigrationProof) -> dict[str, tuple[int, int, int, int]]:
    """By folder here: elsewhere, before, filed, known."""
    return {
        one.tally.folder: (one.elsewhere, one.before, one.tally.filed, one.tally.known)
        for one in proof.folders
        if one.elsewhere
    }


def subjects(office: Office, name: str) -> list[tuple[bytes, frozenset[str], datetime]]:
    box, spool = letters.mailbox_of(office, PROJECT, ANN), letters.spool_of(office)
    with office.stores.mail.database.read() as tx:
        found = folders.by_name(tx, box.id, name)
        assert found is not None
        mails = mailbox_contents.held(tx, found.id, mail_scan.uids_of(tx, found.id))
    return [(spool.get(one.blob, one.file).split(b"\r\n")[0], frozenset(one.flags), one.date) for one in mails]


def test_all_of_it_comes_with_flags_dates_and_folders_and_a_second_run_takes_what_is_new(
    office: Office, dovecot: Dovecot, folder: Path
) -> None:
    user = f"{office.stores.core.database.engine.dialect.name}@elsewhere.test"
    for name, numbers in (("INBOX", range(120)), ("INBOX.Sent Items", range(2)), ("INBOX.Work.&APw-ber", range(1))):
        put(dovecot, user, name, numbers)
    there = account(dovecot, folder, user)
    first = migrate(office, there)
    assert first.whole
    assert counts(first) == {"INBOX": (120, 0, 120, 0), "Sent": (2, 0, 2, 0), "Work/über": (1, 0, 1, 0)}
    marked = frozenset({"\\Seen", "$Label1"})
    assert subjects(office, "INBOX") == [(b"Subject: %d" % number, marked, AT) for number in range(120)]
    put(dovecot, user, "INBOX", range(120, 123), "()")
    put(dovecot, user, "INBOX", range(1))  # the same octets again are a mail of their own
    second = migrate(office, there)
    assert counts(second) == {"INBOX": (124, 120, 4, 0), "Sent": (2, 2, 0, 0), "Work/über": (1, 1, 0, 0)}
    assert subjects(office, "INBOX")[120:123] == [
        (b"Subject: %d" % number, frozenset(), AT) for number in (120, 121, 122)
    ]


def test_a_run_that_was_stopped_by_the_quota_goes_on_where_it_was(
    office: Office, dovecot: Dovecot, folder: Path
) -> None:
    user = f"{office.stores.core.database.engine.dialect.name}-full@elsewhere.test"
    put(dovecot, user, "INBOX", range(130), size=100)
    there = account(dovecot, folder, user, Tls.IMPLICIT)
    mailboxes.change(office, PROJECT, ANN, {"quota_bytes": 100 * 130})
    with pytest.raises(ConflictError, match="INBOX, UID .* do not fit.* run this again"):
        migrate(office, there)
    mailboxes.change(office, PROJECT, ANN, {"quota_bytes": None})
    proof = migrate(office, there)
    (told,) = counts(proof).values()
    assert (told[0], told[1] + told[2], told[3]) == (130, 130, 0)
    assert 0 < told[1] < 130
    assert [subject for subject, _, _ in subjects(office, "INBOX")] == [b"Subject: %d" % n for n in range(130)]


@pytest.mark.parametrize("where", ["store.migrated:save", "admin.migrating:Moved"])
def test_killed_between_the_mails_and_the_place_or_between_two_batches_nothing_is_lost_or_doubled(
    office: Office, dovecot: Dovecot, folder: Path, location: str, where: str
) -> None:
    user = f"{office.stores.core.database.engine.dialect.name}-{where[0]}-killed@elsewhere.test"
    put(dovecot, user, "INBOX", range(120))
    spool = office.uploads.parent
    more = {"port": dovecot.imap, "user": user, "password": PASSWORD, "project": PROJECT, "address": ANN}
    dies("migrate", where, location, spool, **more)
    brought = 0 if where == "store.migrated:save" else 50
    proof = migrate(office, account(dovecot, folder, user))
    assert (proof.whole, counts(proof)) == (True, {"INBOX": (120, brought, 120 - brought, 0)})
    assert [subject for subject, _, _ in subjects(office, "INBOX")] == [b"Subject: %d" % n for n in range(120)]


def test_a_lost_connection_is_made_again_and_nothing_comes_twice(
    office: Office, dovecot: Dovecot, request: pytest.FixtureRequest
) -> None:
    user = f"{office.stores.core.database.engine.dialect.name}-cut@elsewhere.test"
    put(dovecot, user, "INBOX", range(120), size=1000)
    relay = CuttingRelay(dovecot.imap, [70_000, 500, 40_000])
    request.addfinalizer(relay.stop)
    there = Account("localhost", relay.port, user, PASSWORD, Tls.NONE)
    pauses = list[float]()
    proof = letters.migrate(office, PROJECT, ANN, there, lambda _: None, pauses.append)
    assert (proof.whole, counts(proof)) == (True, {"INBOX": (120, 0, 120, 0)})
    assert [subject for subject, _, _ in subjects(office, "INBOX")] == [b"Subject: %d" % n for n in range(120)]
    assert (relay.connections, pauses[:2]) == (4, list(PAUSES[:2]))


def test_the_tries_come_to_an_end_and_a_later_run_goes_on(
    office: Office, dovecot: Dovecot, folder: Path, request: pytest.FixtureRequest
) -> None:
    user = f"{office.stores.core.database.engine.dialect.name}-gone@elsewhere.test"
    put(dovecot, user, "INBOX", range(120), size=1000)
    relay = CuttingRelay(dovecot.imap, [100_000, *[0] * 20])
    request.addfinalizer(relay.stop)
    pauses = list[float]()
    with pytest.raises(ConflictError, match="run this again to go on"):
        there = Account("localhost", relay.port, user, PASSWORD, Tls.NONE)
        letters.migrate(office, PROJECT, ANN, there, lambda _: None, pauses.append)
    assert pauses == list(PAUSES)
    assert migrate(office, account(dovecot, folder, user)).whole
    assert [subject for subject, _, _ in subjects(office, "INBOX")] == [b"Subject: %d" % n for n in range(120)]


def test_a_mail_over_the_limit_is_named_and_never_forgotten(office: Office, dovecot: Dovecot, folder: Path) -> None:
    user = f"{office.stores.core.database.engine.dialect.name}-large@elsewhere.test"
    put(dovecot, user, "INBOX", range(1), size=200_000)
    put(dovecot, user, "INBOX", range(1, 2))
    there = account(dovecot, folder, user)
    first = migrate(office, there)
    assert (first.whole, counts(first)) == (False, {"INBOX": (2, 0, 1, 0)})
    assert first.unfit[0].place == "INBOX, UID 1"
    again = migrate(office, there)
    assert (again.whole, counts(again)) == (False, {"INBOX": (2, 2, 0, 0)})


def test_a_token_signs_in_where_the_server_takes_it(
    office: Office, dovecot: Dovecot, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    user = f"{office.stores.core.database.engine.dialect.name}-token@elsewhere.test"
    put(dovecot, user, "INBOX", range(3))
    there = account(dovecot, folder, user)
    assert counts(migrate(office, replace(there, password=f"{TOKEN}{user}", by_token=True)))["INBOX"] == (3, 0, 3, 0)
    wrong = replace(there, password="stale-token", by_token=True)
    with pytest.raises(ConflictError, match=f"does not let {user} in") as refused:
        migrate(office, wrong)
    assert "stale-token" not in str(refused.value) + repr(wrong) + caplog.text


def test_a_certificate_of_nobody_a_wrong_password_and_a_dead_port_are_told(
    office: Office, dovecot: Dovecot, folder: Path
) -> None:
    there = account(dovecot, folder, THERE)
    for tls in (Tls.STARTTLS, Tls.IMPLICIT):
        port = dovecot.imaps if tls is Tls.IMPLICIT else dovecot.imap
        with pytest.raises(ConflictError, match="TLS failed"):
            migrate(office, Account("localhost", port, THERE, PASSWORD, tls))
        with pytest.raises(ConflictError, match="TLS failed"):
            migrate(office, Account("127.0.0.1", port, THERE, PASSWORD, tls, folder / "ca.pem"))
    with pytest.raises(ConflictError, match="does not let ann@elsewhere.test in"):
        migrate(office, Account("localhost", there.port, THERE, "wrong", Tls.STARTTLS, folder / "ca.pem"))
    with pytest.raises(ConflictError, match="localhost port 9: "):
        migrate(office, Account("localhost", 9, THERE, PASSWORD, Tls.NONE))
