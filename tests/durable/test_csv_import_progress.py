"""An import is saved in batches with how far it came: after a crash it goes on, and no row is counted twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from admin import importing
from admin.acts import clients, imports, lists, projects
from admin.acts.pages import Window
from admin.importing import LostError
from admin.office import Office
from peers.vaults import whole_vault
from store import imports as rows
from store.stores import Stores

LINES = 1_050


@pytest.fixture
def office(stores: Stores, tmp_path: Path) -> Office:
    return Office(stores, whole_vault(bytes(32)), tmp_path, "mailloft.test", ())


@pytest.fixture
def owner(office: Office) -> int:
    return projects.create(office, "shop", campaigns_allowed=True).id


@pytest.fixture
def readers(office: Office, owner: int) -> int:
    return lists.create(office, owner, "readers").id


def client_file(folder: Path, lines: Iterator[str]) -> Path:
    file = folder / "outside.csv"
    file.write_text("address;name\n" + "".join(f"{line}\n" for line in lines))
    return file


def many() -> Iterator[str]:
    """Every tenth is broken, every hundredth an address that was there already."""
    for number in range(LINES):
        if number % 10 == 3:
            yield f"broken {number};x"
        elif number % 100 == 50:
            yield f"C{number - 1}@Example.test;later"
        else:
            yield f"c{number}@example.test;Name {number}"


BROKEN = len(range(3, LINES, 10))
TWICE = len(range(50, LINES, 100))


def finish(office: Office, worker: str) -> rows.Progress:
    """Claim what waits and load it to its end."""
    job = importing.claim(office, worker)
    assert job is not None
    *_, last = importing.load(office, job, worker)
    return last


def test_an_interrupted_import_goes_on_behind_its_last_saved_row(
    office: Office, owner: int, readers: int, tmp_path: Path
) -> None:
    queued = importing.queue(office, owner, readers, client_file(tmp_path, many()))
    job = importing.claim(office, "first")
    assert job is not None
    loading = importing.load(office, job, "first")
    first, second = next(loading), next(loading)
    loading.close()
    assert (first.rows, second.rows) == (200, 400)
    assert finish(office, "first").rows == LINES
    done = imports.get(office, owner, queued.id)
    assert done.state == "finished"
    assert done.bytes_read == done.bytes_total
    assert (done.added, done.updated, done.errors) == (LINES - BROKEN - TWICE, TWICE, BROKEN)
    assert len(clients.page(office, owner, readers, Window(limit=LINES)).items) == LINES - BROKEN - TWICE
    assert clients.by_address(office, owner, "c49@example.test").variables == {"name": "later"}


def test_mistakes_keep_their_line_numbers_over_a_crash(
    office: Office, owner: int, readers: int, tmp_path: Path
) -> None:
    queued = importing.queue(office, owner, readers, client_file(tmp_path, many()))
    job = importing.claim(office, "first")
    assert job is not None
    next(importing.load(office, job, "first"))
    finish(office, "first")
    told = "".join(imports.errors_csv(office, owner, queued.id)).splitlines()[1:]
    assert [int(line.partition(";")[0]) for line in told] == [number + 2 for number in range(3, LINES, 10)]


def test_an_import_in_hand_is_nobody_elses_until_its_worker_falls_silent(
    office: Office, owner: int, readers: int, tmp_path: Path
) -> None:
    importing.queue(office, owner, readers, client_file(tmp_path, many()))
    job = importing.claim(office, "first")
    assert job is not None
    assert importing.claim(office, "second") is None
    late = datetime.now(UTC) + importing.HOLD + timedelta(seconds=1)
    taken = office.write(lambda tx: rows.claim(tx, "second", late, late + importing.HOLD))
    assert taken is not None
    with pytest.raises(LostError):
        list(importing.load(office, job, "first"))
    assert imports.get(office, owner, job.id).rows == 0


def test_a_file_that_changed_or_is_gone_fails_with_the_reason(
    office: Office, owner: int, readers: int, tmp_path: Path
) -> None:
    file = client_file(tmp_path, many())
    for hurt, words in ((lambda: file.write_text("x"), "the file changed"), (file.unlink, "No such file")):
        file.write_text("address\na@a.test\n")
        queued = importing.queue(office, owner, readers, file)
        hurt()
        job = importing.claim(office, "first")
        assert job is not None
        assert list(importing.load(office, job, "first")) == []
        done = imports.get(office, owner, queued.id)
        assert done.state == "failed"
        assert words in (done.reason or "")


def test_a_known_client_keeps_rating_and_gains_variables_and_the_list(
    office: Office, owner: int, readers: int, tmp_path: Path
) -> None:
    known = clients.create(office, owner, "Ann@Example.test", [], {"city": "Oslo", "name": "Ann"})
    importing.queue(office, owner, readers, client_file(tmp_path, iter(["ann@example.TEST;Anna"])))
    assert finish(office, "first").updated == 1
    found = clients.get(office, owner, known.id)
    assert (found.rating, found.variables) == (10, {"city": "Oslo", "name": "Anna"})
    assert [one.id for one in clients.page(office, owner, readers, Window()).items] == [known.id]


def test_an_upload_is_removed_when_it_is_read_and_a_persons_own_file_is_not(
    office: Office, owner: int, readers: int, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    for folder, stays in ((tmp_path, False), (own, True)):
        file = client_file(folder, iter(["a@a.test;x"]))
        importing.queue(office, owner, readers, file)
        finish(office, "first")
        assert file.exists() is stays
