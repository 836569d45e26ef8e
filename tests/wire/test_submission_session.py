"""The submission ports over real sockets: who may sign in, as whom they send, and that a 250 is in the queue."""

from __future__ import annotations

import shutil
import smtplib
import ssl
import time
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mail.outcome import Action, Effect, Outcome, Reason
from peers import smtp_role, swaks
from peers.smtp_role import SECRET, Premises, Running, Talk, Tenant
from store import consequences, domains, outgoing, trace
from store.spool import Spool
from store.stores import open_stores

LOGIN = "shop.ours.test"
MESSAGE = (
    b"From: Ann <ann@ours.test>\r\nTo: carl@remote.test\r\nBcc: dora@remote.test\r\nSubject: hi\r\n\r\nGood day.\r\n"
)


@pytest.fixture(scope="module")
def premises(tmp_path_factory: pytest.TempPathFactory, migrated_folder: Path) -> Iterator[Premises]:
    folder = tmp_path_factory.mktemp("submission")
    shutil.copytree(migrated_folder, folder / "databases")
    stores = open_stores(str(folder / "databases"))
    made = smtp_role.furnish(folder, str(folder / "databases"), stores, "127.0.0.1:9")
    # Only 127.0.9.0/24 may send without signing in.
    made.settings["submission"] = {"trusted": [{"network": "127.0.9.0/24", "connection": "shop ours.test"}]}
    yield made
    stores.close()


@pytest.fixture(scope="module")
def tenant(premises: Premises) -> Tenant:
    smtp_role.settle_tenant(premises.stores, "other.test")
    return smtp_role.settle_tenant(premises.stores)


@pytest.fixture(scope="module")
def running(premises: Premises, tenant: Tenant) -> Iterator[Running]:
    with premises.role("submission") as role:
        yield role


def client(premises: Premises, running: Running, source: str = "127.0.0.1") -> smtplib.SMTP:
    found = smtplib.SMTP("127.0.0.1", running.ports["submission"], timeout=20, source_address=(source, 0))
    found.starttls(context=smtp_role.trusting(premises))
    found.ehlo("program.test")
    return found


def rows(premises: Premises, message_id: str) -> list[int]:
    with premises.stores.core.database.read() as tx:
        return trace.rows_for_message_id(tx, message_id)


def bytes_of_newest(premises: Premises) -> bytes:
    with premises.stores.core.database.read() as tx:
        _, found = max(outgoing.submissions(tx, range(1, 200)).items(), key=lambda one: one[0])
    return Spool(premises.folder / "spool").get(found.blob, found.file)


def test_each_recipient_is_one_row_and_the_bytes_are_kept_once(premises: Premises, running: Running) -> None:
    with client(premises, running) as talk:
        talk.login(LOGIN, SECRET)
        message = MESSAGE.replace(b"Subject", b"Message-ID: <first@ours.test>\r\nSubject")
        talk.sendmail("ann@ours.test", ["carl@remote.test", "dora@remote.test", "Carl@remote.test"], message)
    assert len(rows(premises, "first@ours.test")) == 2
    kept = bytes_of_newest(premises)
    assert kept.startswith(b"Received: by mx.ours.test with ESMTPSA id ")
    assert b"Date: " in kept
    assert b"Bcc" not in kept
    assert kept.endswith(b"\r\n\r\nGood day.\r\n")


def test_port_465_speaks_tls_at_once_and_both_mechanisms_sign_in(premises: Premises, running: Running) -> None:
    context = smtp_role.trusting(premises)
    for mechanism in ("auth_plain", "auth_login"):
        with smtplib.SMTP_SSL("localhost", running.ports["submissions"], context=context, timeout=20) as talk:
            talk.ehlo("program.test")
            assert talk.esmtp_features["auth"].split() == ["PLAIN", "LOGIN"]
            talk.user, talk.password = LOGIN, SECRET
            talk.auth(mechanism.removeprefix("auth_").upper(), getattr(talk, mechanism))
            talk.sendmail("ann@ours.test", ["carl@remote.test"], MESSAGE)
    assert b"\r\nMessage-ID: <" in bytes_of_newest(premises)


def test_a_mailboxs_own_login_works_once_its_connection_is_approved(premises: Premises, running: Running) -> None:
    with client(premises, running, source="127.0.0.64") as talk:
        assert talk.login("Ann@ours.test", SECRET)[0] == 235
        talk.sendmail("ann@ours.test", ["carl@remote.test"], MESSAGE)
    with client(premises, running, source="127.0.0.65") as talk:
        # Bob's password is right, but nobody has approved a connection of his.
        assert talk.docmd("AUTH", "PLAIN " + b64encode(f"\0bob@ours.test\0{SECRET}".encode()).decode())[0] == 535
        assert talk.docmd("AUTH", "PLAIN " + b64encode(b"\0ann@ours.test\0wrong").decode())[0] == 535


def test_swaks_sends_from_a_trusted_network(running: Running) -> None:
    server = ("127.0.0.1", running.ports["submission"])
    sent = swaks.send(server, "ann@ours.test", "carl@remote.test", MESSAGE, "--local-interface", "127.0.9.1")
    assert sent.status == 0, sent.transcript
    refused = swaks.send(server, "ann@ours.test", "carl@remote.test", MESSAGE)
    assert "530 5.7.0" in refused.transcript


@pytest.mark.parametrize(
    ("header", "refusal"),
    [
        (b"", b'5.6.0 Message rejected: Missing required "From" header'),
        (b"From: bob@ours.test\r\n", b"5.7.1 From must be ann@ours.test"),
        (b"From: carl@remote.test\r\n", b"5.1.8 Domain not found"),
        (b"From: x@other.test\r\n", b"5.1.8 Domain not found"),
    ],
)
def test_from_must_be_the_sender(premises: Premises, running: Running, header: bytes, refusal: bytes) -> None:
    with client(premises, running) as talk:
        talk.login(LOGIN, SECRET)
        with pytest.raises(smtplib.SMTPDataError) as refused:
            talk.sendmail("ann@ours.test", ["carl@remote.test"], header + b"Subject: x\r\n\r\nHi\r\n")
    assert refused.value.smtp_code == (550 if not header else 553)
    assert refusal in refused.value.smtp_error


def test_the_envelope_must_be_the_sender_too(premises: Premises, running: Running) -> None:
    with client(premises, running) as talk:
        talk.login(LOGIN, SECRET)
        assert talk.mail("bob@ours.test") == (553, b"5.7.1 From must be ann@ours.test, the sender of this connection")
        assert talk.mail("") == (553, b"5.7.1 From must be ann@ours.test, the sender of this connection")
        assert talk.mail("carl@remote.test") == (553, b"5.1.8 Domain not found")
        assert talk.mail("Ann@OURS.test")[0] == 250


def test_who_is_blocked_or_withdrew_is_refused_with_the_reason(
    premises: Premises, running: Running, tenant: Tenant
) -> None:
    with client(premises, running) as talk:
        talk.login(LOGIN, SECRET)
        first = MESSAGE.replace(b"Subject", b"Message-ID: <blocked@ours.test>\r\nSubject")
        talk.sendmail("ann@ours.test", ["gone@remote.test", "cross@remote.test"], first)
        gone, cross = sorted(
            rows(premises, "blocked@ours.test"), key=lambda row: address_of(premises, row), reverse=True
        )
        told = Outcome(
            "gone@remote.test", Action.FAILED, "5.1.1", 550, "no such user", Reason.USERUNKNOWN, Effect.BLOCK, hard=True
        )
        with premises.stores.core.database.write() as tx:
            assert consequences.apply_report(tx, gone, told, 1, datetime.now(UTC))
            assert consequences.complaint(tx, cross, 2, datetime.now(UTC))
        talk.mail("ann@ours.test")
        assert talk.rcpt("gone@remote.test") == (550, b"5.1.1 gone@remote.test is blocked: userunknown")
        assert talk.rcpt("cross@remote.test") == (550, b"5.7.1 Email receiver unsubscribe or complaint")
        assert talk.rcpt("carl@remote.test")[0] == 250


def address_of(premises: Premises, row: int) -> str:
    with premises.stores.core.database.read() as tx:
        found = consequences.row_of(tx, row)
    assert found is not None
    return found.address


def test_a_domain_that_is_no_longer_verified_sends_nothing(
    premises: Premises, running: Running, tenant: Tenant
) -> None:
    with premises.stores.core.database.write() as tx:
        domains.set_states(tx, tenant.domain, {"sending": False})
    try:
        with client(premises, running) as talk:
            talk.login(LOGIN, SECRET)
            assert talk.mail("ann@ours.test") == (421, b"4.7.1 Domain not verify")
    finally:
        with premises.stores.core.database.write() as tx:
            domains.set_states(tx, tenant.domain, {"sending": True})


def test_security_20_wrong_logins_get_535_then_454_and_the_owner_still_signs_in_elsewhere(
    premises: Premises, running: Running
) -> None:
    replies = []
    with client(premises, running, source="127.0.0.66") as talk:
        for login in [LOGIN, "nobody"] * 6:
            secret = b64encode(f"\0{login}\0wrong".encode()).decode()
            replies.append(talk.docmd("AUTH", f"PLAIN {secret}"))
    assert replies[0] == replies[1] == (535, b"5.7.8 Incorrect login or password")
    assert replies[10] == (454, b"4.7.0 Too many login attempts")
    with client(premises, running) as talk:
        assert talk.login(LOGIN, SECRET)[0] == 235


def test_a_message_over_the_blob_limit_is_queued_whole(premises: Premises, running: Running) -> None:
    body = b"".join(b"line %d of a long message\r\n" % number for number in range(20_000))
    with client(premises, running) as talk:
        talk.login(LOGIN, SECRET)
        talk.sendmail("ann@ours.test", ["carl@remote.test"], MESSAGE + body)
    assert bytes_of_newest(premises).endswith(MESSAGE[-13:] + body)


# --- spec/SECURITY.md ---------------------------------------------------------------------------------------


def test_security_06_nothing_is_signed_in_or_sent_in_clear(running: Running) -> None:
    with Talk(running.ports["submission"]) as talk:
        talk.reply()
        assert "AUTH" not in talk.say("EHLO program.test")
        assert talk.say("AUTH PLAIN AGEAYg==").startswith("538")
        assert talk.say("AUTH LOGIN").startswith("538")
        assert talk.say("MAIL FROM:<ann@ours.test>").startswith("530 5.7.0 Must issue a STARTTLS")


def test_security_03_what_is_pipelined_behind_starttls_is_not_run(premises: Premises, running: Running) -> None:
    with Talk(running.ports["submission"], timeout=3) as talk:
        talk.reply()
        talk.say("EHLO program.test")
        talk.send(b"STARTTLS\r\nNOOP\r\nEHLO injected\r\n")
        assert talk.reply().startswith("220")
        talk.socket = smtp_role.trusting(premises).wrap_socket(talk.socket, server_hostname="localhost")
        talk.socket.settimeout(1)
        with pytest.raises(TimeoutError):
            talk.reply()
        talk.socket.settimeout(10)
        assert talk.say("EHLO program.test").startswith("250-mx.ours.test")


@pytest.mark.parametrize(
    "header",
    [
        b"From: ann@ours.test\r\nFrom: ceo@other.test\r\n",
        b"From: ceo@other.test\r\nFrom: ann@ours.test\r\n",
        b"From: ann@ours.test, ceo@other.test\r\n",
        b'From: "ann@ours.test" <ceo@other.test>\r\n',
        b"From: =?utf-8?q?ann=40ours.test?= <ceo@other.test>\r\n",
        b"From: ann@ours.test <ceo@other.test>\r\n",
        b"From: <ann@ours.test> <ceo@other.test>\r\n",
        b"From: (ann@ours.test) ceo@other.test\r\n",
        b"From: ann@ours.test\r\nSender: ceo@other.test\r\n",
        b"From: ann@ours.test\r\nResent-From: ceo@other.test\r\n",
        b"From : ceo@other.test\r\nFROM: ann@ours.test\r\n",
        b"From: ann@ours.test\r\n\tceo@other.test\r\n",
    ],
)
def test_security_07_a_signed_in_program_cannot_claim_to_be_another(
    premises: Premises, running: Running, header: bytes
) -> None:
    with client(premises, running) as talk:
        talk.login(LOGIN, SECRET)
        with pytest.raises(smtplib.SMTPDataError) as refused:
            talk.sendmail("ann@ours.test", ["carl@remote.test"], header + b"Subject: x\r\n\r\nHi\r\n")
    assert refused.value.smtp_code == 553


def test_security_01_bare_line_ends_are_refused_here_too(premises: Premises, running: Running) -> None:
    talk = client(premises, running)
    talk.login(LOGIN, SECRET)
    talk.mail("ann@ours.test")
    talk.rcpt("carl@remote.test")
    talk.docmd("DATA")
    talk.send(MESSAGE + b"end\n.\r\nMAIL FROM:<ann@ours.test>\r\n.\r\n")
    code, words = talk.getreply()
    talk.close()
    assert code == 554
    assert b"smuggling" in words


@pytest.mark.alone
def test_security_19_a_wrong_login_and_a_wrong_secret_cost_the_same(premises: Premises, running: Running) -> None:
    def seconds(login: str, source: str) -> float:
        best = 9.0
        with client(premises, running, source=source) as talk:
            for _ in range(4):
                secret = b64encode(f"\0{login}\0wrong".encode()).decode()
                began = time.perf_counter()
                talk.docmd("AUTH", f"PLAIN {secret}")
                best = min(best, time.perf_counter() - began)
        return best

    assert abs(seconds(LOGIN, "127.0.0.67") - seconds("nobody", "127.0.0.68")) < 0.05
    # A connection's secret is checked in microseconds, a mailbox's password in a fifth of a second: each by its form.
    known, unknown = seconds("ann@ours.test", "127.0.0.69"), seconds("nobody@ours.test", "127.0.0.70")
    assert min(known, unknown) > 0.03
    assert max(known, unknown) < 2 * min(known, unknown)


def test_the_metrics_port_counts_what_was_queued_and_refused(running: Running) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{running.ports['metrics']}/metrics", timeout=10) as answer:
        figures = answer.read().decode()
    assert 'mailloft_smtp_accepted_total{listener="submission"}' in figures
    assert 'mailloft_smtp_refused_total{listener="submission",reason="smuggling"} 1.0' in figures
    assert urllib.request.urlopen(f"http://127.0.0.1:{running.ports['metrics']}/healthz", timeout=10).status == 200


def test_the_clear_port_refuses_old_tls(premises: Premises, running: Running) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with pytest.warns(DeprecationWarning):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with Talk(running.ports["submission"]) as talk:
        talk.reply()
        talk.say("EHLO program.test")
        talk.say("STARTTLS")
        with pytest.raises((ssl.SSLError, ConnectionError)):
            context.wrap_socket(talk.socket, server_hostname="localhost")


def test_a_program_may_require_tls_of_every_host_on_the_way(premises: Premises, running: Running) -> None:
    with client(premises, running) as program:
        assert program.has_extn("requiretls")
        program.login(LOGIN, SECRET)
        waived = b"TLS-Required: No\r\n" + MESSAGE
        cases = [
            (["REQUIRETLS"], MESSAGE, True),
            ([], MESSAGE, None),
            ([], waived, False),
            (["REQUIRETLS"], waived, True),
        ]
        for parameters, message, required in cases:
            assert program.mail("ann@ours.test", parameters)[0] == 250
            assert program.rcpt("carl@remote.test")[0] == 250
            assert program.data(message)[0] == 250
            with premises.stores.core.database.read() as tx:
                _, found = max(outgoing.submissions(tx, range(1, 200)).items(), key=lambda one: one[0])
            assert found.requires_tls is required
        assert program.mail("ann@ours.test", ["REQUIRETLS=yes"])[0] == 501


def test_nobody_may_require_tls_who_speaks_in_clear(premises: Premises, running: Running) -> None:
    with smtplib.SMTP("127.0.0.1", running.ports["submission"], timeout=20, source_address=("127.0.9.1", 0)) as program:
        program.ehlo("program.test")
        assert not program.has_extn("requiretls")
        assert program.mail("ann@ours.test", ["REQUIRETLS"])[0] == 555
