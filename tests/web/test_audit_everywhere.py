"""What is done by API key or at the command line is in the audit trail as what is done in the panel (PRODUCT P4), and a
list leaves as CSV in which no cell is a formula."""

from __future__ import annotations

import csv
import io
import subprocess
from typing import Any

import httpx
from markupsafe import escape

from peers.appliance import PROGRAM, Appliance
from peers.panel import operator_at, project_of
from peers.tenants import Tenant, made_by
from store.audit import Entry, page
from store.stores import open_stores


def _trail(web: Appliance) -> list[Entry]:
    """The newest first."""
    stores = open_stores(str(web.folder))
    with stores.core.database.read() as core:
        found = page(core, None, 0, 20)
    stores.close()
    return found


def _cli(web: Appliance, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAM, *words, "--dir", web.folder], capture_output=True, text=True, timeout=60, check=False
    )


def test_an_act_by_api_is_noted_with_its_key_and_one_that_was_refused_or_only_looked_is_not(
    web: Appliance, ours: Tenant, operator: httpx.Client
) -> None:
    made_by(ours.api, "/lists", {"name": "noted by key"})
    newest = _trail(web)[0]
    project = newest.project
    assert (newest.who, newest.act, newest.subject) == ("API key first", "list.create", "noted by key")
    assert newest.address == "127.0.0.1"
    assert ours.api.post("/lists", json={"name": "noted by key"}).status_code == 409
    assert ours.api.get("/lists").status_code == 200
    assert _trail(web)[0].id == newest.id
    assert operator.post("/lists", params={"project": "ours"}, json={"name": "by the operator"}).is_success
    by_operator = _trail(web)[0]
    assert (by_operator.project, by_operator.who) == (project, "API key the operator's first")


def test_panel_api_and_command_line_name_a_thing_alike(web: Appliance, ours: Tenant) -> None:
    name = 'Spring "sale": all'
    body = {"name": name, "sender": ours.sender, "list": ours.list, "subject": "s", "html": "<p>h</p>"}
    campaign = made_by(ours.api, "/campaigns", body)["id"]
    thing = f'campaign {campaign} "Spring \\"sale\\": all"'
    assert _trail(web)[0].subject == name
    ours.api.put(f"/campaigns/{campaign}", json=body).raise_for_status()
    assert _trail(web)[0].subject == thing
    ours.api.put(f"/campaigns/{campaign}", json={**body, "name": "Summer"}).raise_for_status()
    assert _trail(web)[0].subject == f"{thing}: Summer"
    ours.api.put(f"/campaigns/{campaign}", json=body).raise_for_status()
    done = _cli(web, "campaign", "edit", str(campaign), "--pool", "others", "--project", "ours")
    assert done.returncode == 0, done.stderr
    assert (_trail(web)[0].act, _trail(web)[0].subject) == ("campaign.edit", thing)
    operator = operator_at(web)
    base = f"/p/{project_of(operator, ours.name)}"
    assert operator.post(f"{base}/campaigns/{campaign}/cancel").status_code == 303
    assert (_trail(web)[0].act, _trail(web)[0].subject) == ("campaign.cancel", thing)
    shown = {
        language: operator.get(f"{base}/audit", headers={"Accept-Language": language}).text for language in ("en", "ru")
    }
    told = [f"campaign {campaign} “{escape(name)}”: Summer", f"рассылка № {campaign} «{escape(name)}»: Summer"]
    operator.close()
    for text, answer in zip(told, shown.values(), strict=True):
        assert text in answer


def test_what_is_removed_is_still_named_and_what_has_no_name_by_its_path(web: Appliance, ours: Tenant) -> None:
    key = made_by(ours.api, "/keys", {"name": "for a while"})["id"]
    ours.api.delete(f"/keys/{key}").raise_for_status()
    assert _trail(web)[0].subject == f'key {key} "for a while"'
    ours.api.post(f"/clients/{ours.client}/rating", json={"rating": 9}).raise_for_status()
    assert _trail(web)[0].subject == f'client {ours.client} "ann@nowhere-ours.test"'
    made_by(ours.api, "/queue/retry", {"address": "nobody@x.test"})
    assert (_trail(web)[0].act, _trail(web)[0].subject) == ("queue.retry", "nobody@x.test")
    made_by(ours.api, "/queue/release", {"campaign": ours.campaign})
    assert (_trail(web)[0].act, _trail(web)[0].subject) == ("queue.release", f'campaign {ours.campaign} "first"')
    made_by(ours.api, "/queue/retry", {"site": "gmail"})
    assert _trail(web)[0].subject == "queue/retry"
    ours.api.put(f"/mailboxes/hello@{ours.domain}/hidden-capabilities", json={"names": []}).raise_for_status()
    assert _trail(web)[0].subject == f"hello@{ours.domain}"


def test_another_projects_things_are_not_named(web: Appliance, ours: Tenant, theirs: Tenant) -> None:
    before = _trail(web)[0].id
    assert theirs.api.post(f"/campaigns/{ours.campaign}/pause").status_code == 404
    assert _trail(web)[0].id == before
    assert made_by(theirs.api, "/queue/release", {"campaign": ours.campaign})["changed"] == 0
    assert (_trail(web)[0].act, _trail(web)[0].subject) == ("queue.release", "queue/release")


def test_an_act_at_the_command_line_is_noted_with_its_user_and_a_look_is_not(web: Appliance, ours: Tenant) -> None:
    before = _trail(web)[0]
    assert _cli(web, "list", "list", "--project", "ours").returncode == 0
    assert _trail(web)[0].id == before.id
    assert _cli(web, "list", "add", "noted at the shell", "--project", "ours").returncode == 0
    newest = _trail(web)[0]
    assert (newest.act, newest.subject) == ("list.add", "noted at the shell")
    assert newest.who.endswith(" (command line)")
    assert newest.address
    assert newest.project is not None


def test_a_list_leaves_as_csv_with_all_variables_and_no_formula(web: Appliance, ours: Tenant) -> None:
    exported = made_by(ours.api, "/lists", {"name": "leaves"})["id"]
    people: list[dict[str, Any]] = [
        {"address": "a@x.test", "variables": {"name": "=1+1", "city": "Riga; Latvia"}},
        {"address": "b@x.test", "variables": {"tel": "+371", "note": '"'}},
    ]
    for one in people:
        made_by(ours.api, "/clients", {**one, "lists": [exported]})
    told = ours.api.get(f"/lists/{exported}/clients.csv")
    assert told.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(told.text), delimiter=";"))
    assert [(row["address"], row["rating"], row["subscribed"]) for row in rows] == [
        ("a@x.test", "10", "yes"), ("b@x.test", "10", "yes"),
    ]  # fmt: skip
    assert [(row["name"], row["city"], row["tel"], row["note"]) for row in rows] == [
        ("'=1+1", "Riga; Latvia", "", ""), ("", "", "'+371", '"'),
    ]  # fmt: skip
    shell = _cli(web, "list", "export", "leaves", "-", "--project", "ours")
    assert shell.stdout.splitlines() == told.text.splitlines(), shell.stderr


def test_an_api_key_opens_until_it_is_revoked(web: Appliance, ours: Tenant) -> None:
    made = made_by(ours.api, "/keys", {"name": "till"})
    with web.api(made["key"]) as till:
        assert till.get("/lists").status_code == 200
        assert [one["name"] for one in till.get("/keys").json()] == ["first", "till"]
        assert ours.api.delete(f"/keys/{made['id']}").status_code == 204
        assert till.get("/lists").status_code == 401
