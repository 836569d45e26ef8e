"""Thunderbird reads, moves and deletes a mail and sends one, by the servers that autoconfig names; the server shows it.

Debian's, driven without a screen. Too large a program for every run: skipped by name where it is not installed.
"""

from __future__ import annotations

import imaplib
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from peers import need
from peers.appliance import Appliance
from peers.loopback import wait_until
from peers.thunderbird import HOST, Account, Thunderbird, running

SENT = (
    "From: Ann <ann@sample.test>\r\nTo: bob@sample.test\r\nSubject: sent by a program\r\n"
    "Message-ID: <1@sample.test>\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\n\r\nhello\r\n"
)
_READ = """
    account.incomingServer.performExpand(null);
    const inbox = await until(() => folder("inbox"), "an inbox");
    inbox.updateFolder(null);
    await until(() => [...inbox.messages].length == 3, "three mails");
    const first = [...inbox.messages].find(one => one.subject == "number 1");
    const where = inbox.getUriForMsg(first);
    const text = await new Promise((resolve, reject) => {
        let told = "";
        MailServices.messageServiceFromURI(where).streamMessage(where, {
            QueryInterface: ChromeUtils.generateQI(["nsIStreamListener"]), onStartRequest() {},
            onStopRequest(_, status) { status ? reject(new Error(`read: ${status}`)) : resolve(told); },
            onDataAvailable(_, stream, offset, count) {
                const reader = Cc["@mozilla.org/scriptableinputstream;1"].createInstance(Ci.nsIScriptableInputStream);
                reader.init(stream);
                told += reader.read(count);
            },
        }, null, null, false, "", false);
    });
    inbox.markMessagesRead([first], true);
    return [[...inbox.messages].map(one => one.subject), text];
"""
_MOVE = """
    const inbox = folder("inbox");
    const mail = [...inbox.messages].find(one => one.subject == "number 2");
    await copied(told => MailServices.copy.copyMessages(inbox, [mail], folder("archive"), true, told, null, false));
"""
_DELETE = """
    const inbox = folder("inbox");
    const mail = [...inbox.messages].find(one => one.subject == "number 3");
    await copied(told => inbox.deleteMessages([mail], null, false, false, told, false));
"""
_SEND = """
    const fields = Cc["@mozilla.org/messengercompose/composefields;1"].createInstance(Ci.nsIMsgCompFields);
    fields.from = "Ann <ann@sample.test>";
    fields.to = "bob@sample.test";
    const file = Cc["@mozilla.org/file/local;1"].createInstance(Ci.nsIFile);
    file.initWithPath(ARGS[0]);
    const send = Cc["@mozilla.org/messengercompose/send;1"].createInstance(Ci.nsIMsgSend);
    const now = Ci.nsIMsgSend.nsMsgDeliverNow;
    await new Promise((resolve, reject) => send.sendMessageFile(
        account.defaultIdentity, account.key, fields, file, false, false, now, null, {
            QueryInterface: ChromeUtils.generateQI(["nsIMsgSendListener", "nsIMsgCopyServiceListener"]),
            onStartSending() {}, onSendStart() {}, onProgress() {}, onSendProgress() {}, onStatus() {},
            onGetDraftFolderURI() {}, onStartCopy() {}, setMessageKey() {}, getMessageId() { return ""; },
            onSendNotPerformed(id, status) { reject(new Error(`not sent: ${status}`)); },
            onTransportSecurityError(id, status) { reject(new Error(`TLS: ${status}`)); },
            onStopSending(id, status, words) { if (status) reject(new Error(`sent: ${status} ${words}`)); },
            onSendStop(server, id, status, words) { if (status) reject(new Error(`sent: ${status} ${words}`)); },
            onStopCopy(status) { status ? reject(new Error(`kept: ${status}`)) : resolve(); },
        }, null, ""));
"""


@pytest.fixture(scope="module")
def appliance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    need.large_program("thunderbird", "thunderbird")
    made = Appliance(tmp_path_factory.mktemp("thunderbird"), "", "--sample")
    made.start()
    yield made
    made.stop()


def _account(appliance: Appliance) -> Account:
    ann = appliance.ready["sample"]["mailboxes"][0]
    connection = appliance.ready["sample"]["connection"]
    with appliance.api() as anybody:
        del anybody.headers["Authorization"]
        told = anybody.get(
            f"{appliance.ready['admin']}/mail/config-v1.1.xml", params={"emailaddress": ann["login"]}
        ).text
    ways = {
        (way.get("type"), way.findtext("socketType")): int(way.findtext("port") or "")
        for way in ElementTree.fromstring(told)[0]
        if way.get("type")
    }
    login = (connection["login"], connection["password"])
    return Account(ann["login"], ann["password"], ways["imap", "SSL"], ways["smtp", "SSL"], login)


def _box(appliance: Appliance, number: int) -> imaplib.IMAP4_SSL:
    trusts = ssl.create_default_context(cafile=appliance.ready["ca"])
    person = appliance.ready["sample"]["mailboxes"][number]
    box = imaplib.IMAP4_SSL(HOST, appliance.ready["imaps"], ssl_context=trusts)
    box.login(person["login"], person["password"])
    return box


def _subjects(box: imaplib.IMAP4_SSL, folder: str, found: str = "ALL") -> list[str]:
    """Of those that a search finds, in their order."""
    box.select(folder, readonly=True)
    numbers = box.search(None, found)[1][0].split()
    told: list[Any] = [box.fetch(one.decode(), "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1][0] for one in numbers]
    return [one[1].decode().strip().removeprefix("Subject: ") for one in told]


def test_a_mail_is_read_moved_deleted_and_sent(appliance: Appliance, tmp_path: Path) -> None:
    ann, bob, account = _box(appliance, 0), _box(appliance, 1), _account(appliance)
    for number in (1, 2, 3):
        mail = f"From: b@b.test\r\nSubject: number {number}\r\nMessage-ID: <{number}@b.test>\r\n\r\nbody {number}\r\n"
        ann.append("INBOX", "", "", mail.encode())
    sent = tmp_path / "sent.eml"
    sent.write_text(SENT, newline="")

    with running(tmp_path, account) as program:
        program.trust(Path(appliance.ready["ca"]).read_text(), account)
        _worked(program, sent)

    assert _subjects(ann, "INBOX") == ["number 1"]
    assert _subjects(ann, "INBOX", "SEEN") == ["number 1"]
    assert _subjects(ann, "Archive") == ["number 2"]
    assert _subjects(ann, "Trash") == ["number 3"]
    assert _subjects(ann, "Sent") == ["sent by a program"]
    wait_until(lambda: "sent by a program" in _subjects(bob, "INBOX"), "the mail is with its addressee", 60)


def _worked(program: Thunderbird, sent: Path) -> None:
    subjects, text = program.script(_READ)
    assert subjects == ["number 1", "number 2", "number 3"]
    assert text.endswith("\r\n\r\nbody 1\r\n")
    program.script(_MOVE)
    program.script(_DELETE)
    program.script(_SEND, str(sent))
