"""What mail programs are told has the shape that their own schemas ask for."""

from __future__ import annotations

import plistlib
from xml.etree import ElementTree

from policy.domain_records import records
from policy.mail_programs import Servers, apple, mozilla, outlook

SERVERS = Servers("mx.ours.test", 993, 143, 465, 587)


def test_mozilla_finds_its_servers_in_the_order_of_the_schema() -> None:
    root = ElementTree.fromstring(mozilla("ours.test", SERVERS))
    assert (root.tag, root.attrib) == ("clientConfig", {"version": "1.1"})
    (provider,) = root
    assert [child.tag for child in provider] == [
        "domain", "displayName", "displayShortName", "incomingServer", "incomingServer", "outgoingServer",
        "outgoingServer",
    ]  # fmt: skip
    wanted = ["hostname", "port", "socketType", "authentication", "username"]
    told = [[child.findtext(name) for name in wanted[:3]] for child in provider if child.tag.endswith("Server")]
    assert all([part.tag for part in child] == wanted for child in provider if child.tag.endswith("Server"))
    assert told == [
        ["mx.ours.test", "993", "SSL"], ["mx.ours.test", "143", "STARTTLS"],
        ["mx.ours.test", "465", "SSL"], ["mx.ours.test", "587", "STARTTLS"],
    ]  # fmt: skip


def test_outlook_finds_its_servers_in_its_name_spaces() -> None:
    root = ElementTree.fromstring(outlook("a&b@ours.test", SERVERS))
    assert root.tag == "{http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006}Autodiscover"
    space = "{http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a}"
    account = root.find(f"{space}Response/{space}Account")
    assert account is not None
    assert (account.findtext(f"{space}AccountType"), account.findtext(f"{space}Action")) == ("email", "settings")
    told = [
        [protocol.findtext(space + name) for name in ("Type", "Server", "Port", "LoginName", "SSL")]
        for protocol in account.findall(f"{space}Protocol")
    ]
    assert told == [
        [kind, "mx.ours.test", port, "a&b@ours.test", "on"] for kind, port in (("IMAP", "993"), ("SMTP", "465"))
    ]


def test_apple_gets_one_account_without_a_password_and_the_same_identity_each_time() -> None:
    profile = plistlib.loads(apple("ann@ours.test", "ours.test", SERVERS))
    (account,) = profile["PayloadContent"]
    assert (profile["PayloadType"], account["PayloadType"]) == ("Configuration", "com.apple.mail.managed")
    assert account["IncomingMailServerHostName"] == account["OutgoingMailServerHostName"] == "mx.ours.test"
    assert (account["IncomingMailServerUseSSL"], account["OutgoingMailServerPortNumber"]) == (True, 465)
    assert not any(name.endswith("Password") and isinstance(account[name], str) for name in account)
    assert profile == plistlib.loads(apple("ann@ours.test", "ours.test", SERVERS))
    assert profile["PayloadUUID"] != account["PayloadUUID"]


def test_the_records_to_publish_name_the_services_of_rfc_6186() -> None:
    published = {
        (one.host, one.type): one.value for one in records("ours.test", "mx.ours.test", "t", [], ["192.0.2.1"])
    }
    assert published["_imaps._tcp.ours.test", "SRV"] == "0 1 993 mx.ours.test."
    assert published["_submissions._tcp.ours.test", "SRV"] == "0 1 465 mx.ours.test."
    assert published["_submission._tcp.ours.test", "SRV"] == "0 1 587 mx.ours.test."
