"""What the clock's gauges say is what the rows say: waiting mail by class, ratings by cause, room, the last backup."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from admin import backup
from admin.acts import clients, lists, projects
from admin.keepsakes import replace
from admin.observing import Observer
from admin.office import Office
from peers import rows
from peers.vaults import whole_vault
from store.stores import Stores


@pytest.fixture
def office(stores: Stores, tmp_path: Path) -> Office:
    return Office(stores, whole_vault(bytes(32)), tmp_path, "mailloft.test", (), folder=tmp_path)


def told(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_waiting_mail_is_told_by_class_with_the_age_of_what_is_due(stores: Stores, office: Office) -> None:
    made = rows.make_campaign(stores, [f"c{number}@a.test" for number in range(5)])
    rows.launch(stores, made)
    rows.expand(stores, made)
    Observer(office, office.folder).step(office.now() + timedelta(hours=2))
    assert told("mailloft_queue_rows", **{"class": "campaign", "state": "queued"}) == 5
    assert told("mailloft_queue_rows", **{"class": "submission", "state": "queued"}) == 0
    assert told("mailloft_queue_oldest_seconds", **{"class": "campaign"}) >= 7200
    assert told("mailloft_queue_oldest_seconds", **{"class": "transactional"}) == 0


def test_a_rating_that_changed_is_counted_once_by_cause_and_direction(office: Office) -> None:
    project = projects.create(office, "shop", campaigns_allowed=True).id
    readers = lists.create(office, project, "readers").id
    ann = clients.create(office, project, "ann@a.test", [readers], {}).id
    clients.rate(office, project, ann, 5, "before anybody looked")
    observer, before = (
        Observer(office, office.folder),
        told("mailloft_rating_changes_total", cause="hand", direction="down"),
    )
    clients.rate(office, project, ann, 2, "test")
    observer.step(office.now())
    observer.step(office.now())
    assert told("mailloft_rating_changes_total", cause="hand", direction="down") == before + 1


def test_room_and_the_age_of_the_backup_are_told(office: Office) -> None:
    observer = Observer(office, office.folder)
    observer.step(office.now())
    assert told("mailloft_backup_timestamp_seconds") == 0
    assert 0 < told("mailloft_disk_free_bytes", place="spool") <= told("mailloft_disk_size_bytes", place="spool")
    kept = f'{{"made_at":"2026-03-01T12:00:00Z","where":"{office.folder}","size_bytes":1}}'
    replace(office.folder / backup.LAST, kept.encode())
    observer.step(office.now())
    assert told("mailloft_backup_timestamp_seconds") == 1772366400
