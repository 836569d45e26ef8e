"""App passwords through the API: shown once, listed with their last use, gone when revoked."""

from __future__ import annotations

from datetime import datetime

from peers.tenants import Tenant


def test_an_app_password_is_made_listed_and_revoked(ours: Tenant) -> None:
    path = f"/mailboxes/hello@{ours.domain}/app-passwords"
    made = ours.api.post(path, json={"name": "laptop"})
    assert made.status_code == 201
    assert len(made.json()["password"]) == 32
    listed = ours.api.get(path).json()
    assert [one["name"] for one in listed] == ["phone", "laptop"]
    assert listed[1]["used_at"] is None
    assert datetime.fromisoformat(listed[1]["created_at"]).tzinfo is not None
    assert made.json()["password"] not in ours.api.get(path).text
    assert ours.api.delete(f"{path}/{made.json()['id']}").status_code == 204
    assert [one["name"] for one in ours.api.get(path).json()] == ["phone"]
    assert ours.api.delete(f"{path}/{made.json()['id']}").status_code == 404


def test_a_name_tells_something_and_there_is_an_end_of_them(ours: Tenant) -> None:
    path = f"/mailboxes/hello@{ours.domain}/app-passwords"
    for name in ("", "  ", "x" * 101, "a\nb"):
        assert ours.api.post(path, json={"name": name}).status_code == 422
    made = []
    while (answer := ours.api.post(path, json={"name": "one more"})).status_code == 201:
        made.append(answer.json()["id"])
    assert answer.status_code == 409
    assert "50" in answer.json()["detail"]
    for one in made:
        assert ours.api.delete(f"{path}/{one}").status_code == 204
