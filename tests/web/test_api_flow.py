"""What each noun of the API refuses, with problem details that name what and the mend; pages; imports; the gate."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from peers.loopback import wait_until
from peers.tenants import ANSWERS, Tenant, made_by


def refused(answer: httpx.Response, status: int) -> str:
    """The detail of a problem (RFC 9457)."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["title"]
    return str(problem["detail"])


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("/senders", {"address": "me@gmail.com"}, 422, "gmail.com is a free mail provider"),
        ("/senders", {"address": "me@mail.ru"}, 422, "free mail provider"),
        ("/senders", {"address": "me@xn--80ak6aa92e.com"}, 422, "non-Latin"),
        ("/senders", {"address": "me@почта.рф"}, 422, "non-Latin"),
        ("/senders", {"address": "no address"}, 422, "no @"),
        ("/senders", {"address": "a@ours.test", "display_name": "x\r\nBcc: spy@x.test"}, 422, "U+000D"),
        ("/senders", {"address": "a@sample.test"}, 409, "belongs to another project"),
        ("/domains", {"name": "not a domain"}, 422, "is no domain name"),
        ("/domains", {"name": "sample.test"}, 409, "one project"),
        ("/mailboxes", {"address": "a@elsewhere.test"}, 409, "publish its ownership record"),
        ("/mailboxes", {"address": "a@ours.test", "password": "short"}, 422, "8 to 256 characters"),
        ("/mailboxes", {"address": "hello@ours.test"}, 409, "exists already"),
        ("/lists", {"name": "readers"}, 409, "in this project already"),
        ("/lists", {"name": "readers", "nmae": 1}, 422, "nmae"),
        ("/clients", {"address": "x"}, 422, "no @"),
        (
            "/clients",
            {"address": "b@b.test", "variables": {"name": "two\r\nlines"}},
            422,
            "variable 'name': a line break",
        ),
        ("/clients", {"address": "ann@nowhere-ours.test"}, 409, "already"),
    ],
)
def test_what_is_refused_says_what_and_why(
    ours: Tenant, path: str, body: dict[str, Any], status: int, words: str
) -> None:
    assert words in refused(ours.api.post(path, json=body), status)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"subject": "two\r\nBcc: spy@x.test"}, "subject: character U+000D"),
        ({"subject": "Hello {{ name"}, "subject: "),
        ({"html": "<p>{% if x %}</p>"}, "html: line 1"),
        ({"text": "{{ 1 }}"}, "text: line 1"),
        ({"attachments": [{"filename": "a", "content_type": "x", "content": "YQ=="}]}, "no content type"),
        ({"attachments": [{"filename": "a", "content_type": "image/png", "content": "%"}]}, "attachments.0.content"),
    ],
)
def test_content_that_could_not_be_sent_is_refused_when_it_is_drafted(
    ours: Tenant, change: dict[str, Any], words: str
) -> None:
    good = {"name": "x", "sender": ours.sender, "list": ours.list, "subject": "x", "html": "<p>x</p>"}
    assert words in refused(ours.api.post("/campaigns", json=good | change), 422)


def test_a_domain_comes_with_every_record_to_publish(ours: Tenant) -> None:
    domain = ours.api.get("/domains/ours.test").json()
    types = sorted((record["host"].partition(".")[0], record["type"]) for record in domain["records"])
    assert [kind for _, kind in types].count("TXT") == 7  # ownership, SPF, two DKIM keys, DMARC, TLS-RPT, MTA-STS
    values = " ".join(record["value"] for record in domain["records"])
    for piece in (
        "mailloft-ownership=",
        "v=spf1 ip4:127.0.0.2 ip4:127.0.0.3 -all",
        "k=rsa",
        "k=ed25519",
        "v=DMARC1",
        "v=TLSRPTv1",
    ):
        assert piece in values
    assert ("ours.test", "MX") in [(record["host"], record["type"]) for record in domain["records"]]


def test_a_sender_without_mailbox_here_is_listed_unauthorised_and_launches_nothing(ours: Tenant) -> None:
    sender = made_by(ours.api, "/senders", {"address": "far@away-ours.test"})
    assert sender["authorised"] is False
    body = {"name": "x", "sender": sender["id"], "list": ours.list, "subject": "x", "html": "<br>"}
    campaign = made_by(ours.api, "/campaigns", body)["id"]
    answer = ours.api.post(f"/campaigns/{campaign}/launch", json={})
    assert "is not authorised" in refused(answer, 409)
    assert [reason["name"] for reason in answer.json()["reasons"]] == ["body_empty", "sender", "domain"]


def test_a_low_average_is_refused_with_the_distribution(ours: Tenant, operator: httpx.Client) -> None:
    empty = made_by(ours.api, "/lists", {"name": "nobody"})["id"]
    body = {"name": "x", "sender": ours.sender, "list": empty, "subject": "x", "html": "x"}
    campaign = made_by(ours.api, "/campaigns", body)["id"]
    answer = ours.api.post(f"/campaigns/{campaign}/launch", json={})
    assert "the list is empty" in refused(answer, 409)


def test_a_connection_waits_for_the_operator_unless_the_operator_makes_it(ours: Tenant, operator: httpx.Client) -> None:
    assert (
        made_by(ours.api, "/connections", {"name": "asked", "sender": ours.sender, "answers": ANSWERS})["state"]
        == "moderated"
    )
    answer = operator.post("/connections", params={"project": "ours"}, json={"name": "given", "sender": ours.sender})
    assert answer.json()["state"] == "active"


def test_pages_go_through_everything_once(ours: Tenant) -> None:
    list_id = made_by(ours.api, "/lists", {"name": "many"})["id"]
    wanted = [f"p{number}@pages.test" for number in range(7)]
    for address in wanted:
        made_by(ours.api, "/clients", {"address": address, "lists": [list_id]})
    found, cursor = [], ""
    while True:
        page = ours.api.get("/clients", params={"list": list_id, "limit": 3, "cursor": cursor}).json()
        found += [client["address"] for client in page["items"]]
        if page["next"] is None:
            break
        cursor = page["next"]
    assert found == wanted
    refused(ours.api.get("/clients", params={"cursor": "x"}), 422)
    refused(ours.api.get("/clients", params={"limit": 0}), 422)


def test_an_import_tells_its_broken_rows_and_updates_who_is_known(ours: Tenant) -> None:
    list_id = made_by(ours.api, "/lists", {"name": "imported"})["id"]
    first = "address;name\ni1@import.test;One\nbroken;x\ni2@import.test;Two\nI1@import.test;Uno\n"
    job = ours.api.post(f"/lists/{list_id}/imports", content=first.encode()).json()["id"]
    wait_until(lambda: ours.api.get(f"/imports/{job}").json()["state"] == "finished", "the import is finished", 15)
    state = ours.api.get(f"/imports/{job}").json()
    assert (state["rows"], state["added"], state["updated"], state["errors"]) == (4, 2, 1, 1)
    assert state["bytes_read"] == state["bytes_total"] == len(first)
    clients = ours.api.get("/clients", params={"list": list_id}).json()["items"]
    assert [(one["address"], one["rating"], one["variables"]["name"], one["site"]) for one in clients] == [
        ("i1@import.test", 7, "Uno", "import.test"),
        ("i2@import.test", 7, "Two", "import.test"),
    ]
    assert ours.api.get(f"/imports/{job}/errors").text == "line;value;error\r\n3;broken;'broken': no @ in it\r\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("address;name\nann@a.test;Zo\u00eb\n".encode("latin-1"), "line 2, byte 27"),
        ("address\nann@a.test\n".encode("utf-16"), "save it as UTF-8"),
        (b"ann@a.test;Ann\n", "no header"),
        (b"", "the file is empty"),
    ],
)
def test_a_file_that_cannot_be_imported_is_refused_at_once(ours: Tenant, content: bytes, words: str) -> None:
    assert words in refused(ours.api.post(f"/lists/{ours.list}/imports", content=content), 422)


def test_security_12_a_body_beyond_its_limit_is_refused_announced_or_not(ours: Tenant) -> None:
    big = b'{"name": "' + b"x" * 2_000_000 + b'"}'
    headers = {"Content-Type": "application/json"}
    assert "larger than the 1048576 octets" in refused(ours.api.post("/lists", content=big, headers=headers), 413)
    pieces = (big[at : at + 65_536] for at in range(0, len(big), 65_536))
    assert "larger than" in refused(ours.api.post("/lists", content=pieces, headers=headers), 413)


def test_what_is_not_there_is_a_problem_too(ours: Tenant) -> None:
    refused(ours.api.get("/no/such/thing"), 404)
    refused(ours.api.delete("/lists"), 405)
    refused(ours.api.get("/lists/not-a-number"), 422)
