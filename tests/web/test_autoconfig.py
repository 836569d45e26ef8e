"""Mail programs and hosts find a domain's servers; strangers' XML does nothing, no answer tells who has a mailbox."""

from __future__ import annotations

import plistlib
from xml.etree import ElementTree

import httpx
import pytest

from peers.appliance import Appliance
from peers.tenants import Tenant

SCHEMA = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
ASKED = (
    '<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/'
    f'outlook/requestschema/2006"><Request><EMailAddress>{{}}</EMailAddress><AcceptableResponseSchema>{SCHEMA}'
    "</AcceptableResponseSchema></Request></Autodiscover>"
)
MOZILLA = "/.well-known/autoconfig/mail/config-v1.1.xml"


@pytest.fixture
def stranger(web: Appliance) -> httpx.Client:
    api = web.api()
    del api.headers["Authorization"]
    api.base_url = httpx.URL(str(api.base_url).partition("/api/")[0])
    return api


def test_mozilla_asks_by_address_or_by_host(web: Appliance, stranger: httpx.Client, ours: Tenant) -> None:
    by_address = stranger.get("/mail/config-v1.1.xml", params={"emailaddress": f"nobody@{ours.domain}"})
    by_host = stranger.get(MOZILLA, headers={"Host": f"autoconfig.{ours.domain}:443"})
    assert by_address.headers["content-type"].startswith("application/xml")
    assert by_address.text == by_host.text
    provider = ElementTree.fromstring(by_host.text)[0]
    assert provider.findtext("domain") == ours.domain
    told = [int(port.text or "") for port in provider.iter("port")]
    assert told == [web.ready[name] for name in ("imaps", "imap", "submissions", "submission")]
    assert stranger.get(MOZILLA, params={"emailaddress": "x@elsewhere.test"}).status_code == 404
    assert stranger.get(MOZILLA, headers={"Host": "elsewhere.test"}).status_code == 404
    assert stranger.get(MOZILLA, params={"emailaddress": "no address"}).status_code == 422


def test_outlook_asks_by_post_and_finds_it_by_json(stranger: httpx.Client, ours: Tenant) -> None:
    address = f"hello@{ours.domain}"
    told = stranger.post("/autodiscover/autodiscover.xml", content=ASKED.format(address).encode("utf-8-sig"))
    assert told.status_code == 200, told.text
    names = [one.text for one in ElementTree.fromstring(told.text).iter(f"{{{SCHEMA}}}LoginName")]
    assert names == [address, address]
    found = stranger.get("/autodiscover/autodiscover.json", params={"Email": address, "Protocol": "AutodiscoverV1"})
    assert found.json()["Url"] == f"https://autodiscover.{ours.domain}/autodiscover/autodiscover.xml"
    other = stranger.get("/autodiscover/autodiscover.json", params={"Email": address, "Protocol": "Rest"})
    assert other.json()["ErrorCode"] == "ProtocolNotSupported"


@pytest.mark.parametrize(
    "body",
    [
        '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + ASKED.format("&e;@ours.test"),
        ASKED.format("<![CDATA[hello@ours.test]]>"),
        ASKED.format("hello@ours.test").replace(SCHEMA, "mobilesync"),
        ASKED.format("hello@ours.test") + " " * 20_000,
        "",
        "\udcff",
    ],
)
def test_hostile_xml_is_refused(stranger: httpx.Client, ours: Tenant, body: str) -> None:
    answer = stranger.post("/autodiscover/autodiscover.xml", content=body.encode("utf-8", "surrogateescape"))
    assert answer.status_code == 422
    assert "root:" not in answer.text


def test_apple_gets_a_profile_and_hosts_an_mta_sts_policy(stranger: httpx.Client, ours: Tenant) -> None:
    told = stranger.get(f"/apple/hello@{ours.domain}.mobileconfig")
    assert told.headers["content-type"] == "application/x-apple-aspen-config"
    assert plistlib.loads(told.content)["PayloadContent"][0]["EmailAddress"] == f"hello@{ours.domain}"
    policy = stranger.get("/.well-known/mta-sts.txt", headers={"Host": f"mta-sts.{ours.domain}"})
    assert policy.headers["content-type"].startswith("text/plain")
    assert policy.text.split("\r\n")[:2] == ["version: STSv1", "mode: testing"]
    assert stranger.get("/.well-known/mta-sts.txt", headers={"Host": "mta-sts.elsewhere.test"}).status_code == 404
