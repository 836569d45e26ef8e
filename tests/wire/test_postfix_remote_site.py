"""A campaign through the real appliance to Debian's Postfix, and everything that comes back from it.

Once for all tests here, and once more on PostgreSQL: `mailloft up` with two source addresses, Postfix as three remote
hosts with manners of their own (tests/peers/postfix.py), a newsletter of some 40 kB with variables, an inline image and
a UTF-8 subject to 130 clients (tests/peers/press.py). Then people write back with swaks.
"""

from __future__ import annotations

import imaplib
import ssl
import subprocess
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path

import dkim
import pytest

from peers import need, opendkim
from peers.loopback import wait_until
from peers.postgresql import Cluster
from peers.press import EDITOR, FULL, GHOSTS, GONE, READERS, SLOW, SOURCES, Press, reply, running_press


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def press(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Press]:
    database = ""
    if request.param == "postgresql":
        cluster: Cluster = request.getfixturevalue("cluster")
        database = cluster.create()
    with running_press(tmp_path_factory.mktemp("press"), database) as made:
        yield made


def test_each_recipient_got_one_message_and_each_their_own(press: Press) -> None:
    found = [message_from_bytes(octets, policy=policy.default) for octets in press.postfix.delivered()]
    assert sorted(message["Delivered-To"] for message in found) == sorted(READERS + SLOW)
    assert len({message["Message-ID"] for message in found}) == len(found)
    for message in found:
        name = message["Delivered-To"].partition("@")[0].title()
        assert message["Subject"] == f"Nº 7 — {name}, größer als gedacht"
        html = message.get_body(("html",))
        assert html is not None
        assert f"Good morning, {name}!" in html.get_content()
        assert "{{" not in html.get_content()


def test_the_message_is_what_was_written(press: Press) -> None:
    octets = press.postfix.delivered()[0]
    assert 20_000 < len(octets) < 80_000
    message = message_from_bytes(octets, policy=policy.default)
    assert {part.get_content_type() for part in message.walk()} >= {"text/plain", "text/html", "image/png"}
    image = next(part for part in message.walk() if part.get_content_type() == "image/png")
    html = message.get_body(("html",))
    assert html is not None
    assert f"cid:{image['Content-ID'].strip('<>')}" in html.get_content()
    assert image.get_content().startswith(b"\x89PNG")
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["From"].addresses[0].display_name == "Die Redaktion, Tübingen"


def test_every_delivered_message_verifies_with_dkimpy_and_with_opendkim(press: Press, tmp_path: Path) -> None:
    keys = {name: value for name, value in press.names.txt().items() if "._domainkey." in name}
    wire = {name.encode() + b".": value.encode() for name, value in keys.items()}
    for octets in press.postfix.delivered():
        content = octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        signed = dkim.DKIM(content)
        ours = [at for at, (name, _) in enumerate(signed.headers) if name.lower() == b"dkim-signature"]
        assert len(ours) == 2
        for at in range(len(ours)):
            assert signed.verify(idx=at, dnsfunc=lambda name, timeout=5: wire[name])
        assert opendkim.verdicts(octets, keys, tmp_path) == {"rsa-sha256": "pass", "ed25519-sha256": "pass"}


def test_a_changed_letter_breaks_the_signature_for_opendkim(press: Press, tmp_path: Path) -> None:
    octets = press.postfix.delivered()[0].replace(b"orchard", b"orchids", 1)
    assert set(opendkim.verdicts(octets, press.names.txt(), tmp_path).values()) == {"fail"}


def test_postfix_saw_both_addresses_each_with_its_name_and_tls(press: Press) -> None:
    brought = press.postfix.took()
    assert {one.source: one.ehlo for one in brought if one.source in SOURCES} == SOURCES
    assert all(one.ehlo == SOURCES[one.source] for one in brought if one.source in SOURCES)
    assert press.postfix.tls_sources() >= set(SOURCES)


def test_a_connection_carries_several_messages(press: Press) -> None:
    wait_until(lambda: all(press.postfix.messages_by_connection(source) for source in SOURCES), "idle ends them", 60)
    for source in SOURCES:
        assert max(press.postfix.messages_by_connection(source)) > 3


def test_the_deferred_were_tried_again_and_arrived(press: Press) -> None:
    for address in SLOW:
        assert press.rows[address]["state"] == "delivered"
        assert press.rows[address]["attempts"] >= 2
        assert len(press.postfix.delivered_to(address)) == 1
        assert press.rating(address) == 7


def test_the_refused_are_failed_and_blocked_with_postfix_own_words(press: Press) -> None:
    for address in GHOSTS:
        row = press.rows[address]
        assert (row["state"], row["attempts"]) == ("failed", 1)
        assert "User unknown in virtual mailbox table" in row["last_words"]
        assert press.rating(address) == 1


def test_a_dsn_takes_the_250_back_and_lowers_the_rating_by_its_reason(press: Press) -> None:
    assert {press.rows[address]["state"] for address in GONE + FULL} == {"bounced"}
    # GONE[0] is revived by the test below, whichever runs first.
    assert {press.rating(address) for address in GONE[1:]} == {1}
    assert {press.rating(address) for address in FULL} == {6}
    assert {press.rating(address) for address in READERS} == {7}


def test_the_states_and_sources_of_the_report_agree_with_postfix(press: Press) -> None:
    report = press.get(f"/campaigns/{press.campaign}/report")
    assert report["deferrals"] >= len(SLOW)
    assert set(report["sources"]) == set(SOURCES)
    by_source = dict.fromkeys(SOURCES, 0)
    for one in press.postfix.took():
        if one.source in SOURCES:
            by_source[one.source] += 1
    assert report["sources"] == by_source


@pytest.fixture(scope="module")
def replied(press: Press) -> str:
    """Someone whose mailbox was gone writes again; their words."""
    words = "I am back, grüße aus Łódź. Please keep writing."
    said = reply(press, GONE[0], words)
    assert said.status == 0, said.transcript
    assert "250 " in said.transcript
    wait_until(lambda: press.rating(GONE[0]) == 10, "the reply raises the rating to 10", 30)
    return words


def test_a_reply_by_swaks_revives_a_blocked_client(press: Press, replied: str) -> None:
    history = press.get(f"/clients/{press.clients()[GONE[0]]['id']}")["rating_history"]
    assert [(change["before"], change["after"]) for change in history][-2:] in ([(7, 1), (1, 10)], [(1, 10), (7, 1)])


def test_the_reply_is_read_with_imaplib(press: Press, replied: str) -> None:
    trusts = ssl.create_default_context(cafile=press.appliance.ready["ca"])
    with imaplib.IMAP4_SSL("127.0.0.1", press.appliance.ready["imaps"], ssl_context=trusts) as imap:
        imap.login(EDITOR, press.password)
        imap.select("INBOX", readonly=True)
        _, numbers = imap.search(None, "FROM", f'"{GONE[0]}"')
        assert len(numbers[0].split()) == 1
        _, parts = imap.fetch(numbers[0].split()[0].decode(), "(BODY.PEEK[])")
    message = message_from_bytes(parts[0][1], policy=policy.default)
    assert replied in message.get_content()
    results = " ".join(message.get_all("Authentication-Results", []))
    assert "spf=pass" in results
    assert "dmarc=pass" in results


def test_the_reply_is_read_with_mbsync(press: Press, replied: str, tmp_path: Path) -> None:
    program = need.program("mbsync", "isync")
    (tmp_path / "mail").mkdir()
    sections = (
        f"IMAPAccount us\nHost localhost\nPort {press.appliance.ready['imaps']}\nUser {EDITOR}\n"
        f'Pass "{press.password}"\nSSLType IMAPS\nCertificateFile {press.appliance.ready["ca"]}\n',
        "IMAPStore there\nAccount us\n",
        f"MaildirStore here\nPath {tmp_path}/mail/\nInbox {tmp_path}/mail/INBOX\n",
        "Channel all\nFar :there:\nNear :here:\nPatterns INBOX\nCreate Near\nSyncState *\n",
    )
    (tmp_path / "mbsyncrc").write_text("\n".join(sections))
    command = [program, "--config", tmp_path / "mbsyncrc", "--all"]
    said = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert said.returncode == 0, said.stdout + said.stderr
    kept = [file.read_bytes() for file in (tmp_path / "mail" / "INBOX").glob("*/*") if file.is_file()]
    assert any(replied.encode() in octets for octets in kept)
