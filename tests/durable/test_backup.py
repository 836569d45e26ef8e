"""A backup of a living appliance becomes the same one elsewhere, and sends nothing by itself."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from admin import backup, keepsakes, restore
from admin.backup import BackupError
from admin.keepsakes import KeepsakeError, Whereabouts, make_keys, replace
from peers import rows
from peers.need import root
from peers.postgresql import Cluster
from store import campaigns
from store.campaigns import CampaignState
from store.copying import count
from store.spool import Spool
from store.stores import Stores, open_stores

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def quiet(_what: str, _done: int, _of: int) -> None:
    """Nobody watches."""


@pytest.fixture
def living(stores: Stores, location: str, tmp_path: Path) -> Whereabouts:
    """DIR with keys, a queued message with its row, and a file in the spool."""
    folder = tmp_path / "dir"
    folder.mkdir()
    make_keys(folder)
    replace(folder / "keepsakes.json", b'{"operator":{"login":"operator","password":"x"},"api_key":"y","ports":{}}')
    made = rows.make_campaign(stores, [f"c{number}@a.test" for number in range(5)])
    rows.launch(stores, made)
    rows.expand(stores, made)
    Spool(folder / "spool").put(b"x" * 300_000)
    return Whereabouts(location, str(folder / "spool"), "", "mx.ours.test", ())


@pytest.fixture
def elsewhere(request: pytest.FixtureRequest, location: str, tmp_path: Path) -> Whereabouts:
    """An empty place of the same engine."""
    other = tmp_path / "other"
    other.mkdir()
    if location.startswith("postgresql"):
        cluster: Cluster = request.getfixturevalue("cluster")
        return Whereabouts(cluster.create(), str(other / "spool"), "", "mx.ours.test", ())
    return Whereabouts(str(other), str(other / "spool"), "", "mx.ours.test", ())


def test_what_was_there_is_there_again_and_queued_mail_waits_for_a_person(
    living: Whereabouts, elsewhere: Whereabouts, tmp_path: Path
) -> None:
    made = backup.back_up(tmp_path / "dir", living, tmp_path / "backups", NOW, quiet)
    done = restore.restore(made, tmp_path / "other", elsewhere, NOW, quiet)
    assert done.rows["core"]["recipients"] == 5
    assert done.rows == {name: count(name, living.database) for name in ("mail", "core", "events")}
    assert (done.held, done.paused, done.files) == (5, 1, 1)
    assert _spool(elsewhere) == _spool(living) != {}
    for name in ("master.key", "signing.key", "keepsakes.json"):
        assert (tmp_path / "other" / name).read_bytes() == (tmp_path / "dir" / name).read_bytes()
    there = open_stores(elsewhere.database)
    with there.core.database.read() as core:
        assert [one.state for one in campaigns.in_states(core, tuple(CampaignState))] == [CampaignState.PAUSED]
    there.close()


def _spool(where: Whereabouts) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in Path(where.spool).glob("??/*")}


def test_a_backup_that_was_changed_or_is_not_whole_is_refused_before_anything_is_written(
    living: Whereabouts, elsewhere: Whereabouts, tmp_path: Path
) -> None:
    made = backup.back_up(tmp_path / "dir", living, tmp_path / "backups", NOW, quiet)
    spooled = next((made / "spool").glob("??/*"))
    spooled.write_bytes(b"y" * 300_000)
    with pytest.raises(BackupError, match="not what was written"):
        restore.restore(made, tmp_path / "other", elsewhere, NOW, quiet)
    spooled.unlink()
    with pytest.raises(BackupError, match="missing from the backup"):
        restore.restore(made, tmp_path / "other", elsewhere, NOW, quiet)
    assert list((tmp_path / "other").iterdir()) == []
    with pytest.raises(BackupError, match="no backup"):
        backup.read_manifest(tmp_path)


def test_an_appliance_that_is_there_is_not_overwritten(living: Whereabouts, tmp_path: Path) -> None:
    made = backup.back_up(tmp_path / "dir", living, tmp_path / "backups", NOW, quiet)
    with pytest.raises(BackupError, match="an appliance is here already"):
        restore.restore(made, tmp_path / "dir", living, NOW, quiet)


def test_what_a_killed_backup_left_is_no_backup_and_goes_with_the_next(living: Whereabouts, tmp_path: Path) -> None:
    half = tmp_path / "backups" / "mailloft-20260301T000000Z.partial"
    half.mkdir(parents=True)
    (half / "mail.db").write_bytes(b"half")
    made = backup.back_up(tmp_path / "dir", living, tmp_path / "backups", NOW, quiet)
    assert list((tmp_path / "backups").iterdir()) == [made]
    last = backup.last_of(tmp_path / "dir")
    assert last is not None
    assert (last.made_at, last.where) == (NOW, str(made))


def test_an_appliance_in_the_way_is_put_aside_whole(living: Whereabouts, tmp_path: Path) -> None:
    made = backup.back_up(tmp_path / "dir", living, tmp_path / "backups", NOW, quiet)
    before = _spool(living)
    aside = restore.put_aside(tmp_path / "dir", living, NOW)
    done = restore.restore(made, tmp_path / "dir", living, NOW, quiet)
    assert (done.rows["core"]["recipients"], _spool(living)) == (5, before)
    assert {file.name: file.read_bytes() for file in aside.glob("spool/??/*")} == before
    assert (aside / "keepsakes.json").exists()
    if not living.database.startswith("postgresql"):
        assert count("core", str(aside))["recipients"] == 5


def test_old_backups_go_and_what_is_no_backup_stays(tmp_path: Path) -> None:
    for day in (1, 2, 3, 4):
        whole = tmp_path / f"mailloft-2026030{day}T000000Z"
        whole.mkdir()
        (whole / backup.MANIFEST).touch()
    broken = tmp_path / "mailloft-20260302T120000Z"  # half removed by a prune that was killed
    broken.mkdir()
    (tmp_path / "mailloft-mine").mkdir()
    assert len(backup.prune(tmp_path, 2)) == 3
    left = {one.name for one in tmp_path.iterdir()}
    assert left == {"mailloft-20260303T000000Z", "mailloft-20260304T000000Z", "mailloft-mine"}
    assert backup.prune(tmp_path, 2) == []


def test_all_that_is_put_back_is_on_the_disk_before_anything_may_start(
    living: Whereabouts, elsewhere: Whereabouts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        if (tmp_path / "other" / keepsakes.RESTORING).exists():
            synced.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")))
        fsync(descriptor)

    made = backup.back_up(tmp_path / "dir", living, tmp_path / "backups", NOW, quiet)
    monkeypatch.setattr(os, "fsync", noted)
    restore.restore(made, tmp_path / "other", elsewhere, NOW, quiet)
    other = tmp_path / "other"
    spooled = [other / "spool" / path.relative_to(living.spool) for path in Path(living.spool).rglob("*")]
    assert len(spooled) == 2
    databases = [] if elsewhere.database.startswith("postgresql") else [other / "core.db", other / "mail.db"]
    assert {*spooled, *databases, other / "spool", other} <= set(synced)
    assert synced[-2:] == [other / "keepsakes.json.new", other]


@pytest.mark.parametrize("at", ["databases", "spool", "held"])
def test_a_restore_that_was_killed_leaves_nothing_that_starts_and_is_given_again(
    living: Whereabouts, elsewhere: Whereabouts, tmp_path: Path, at: str
) -> None:
    """Killed with the rows there and not yet held, a start would send them."""
    made = backup.back_up(tmp_path / "dir", living, tmp_path / "backups", NOW, quiet)
    other = tmp_path / "other"
    assert _killed(lambda: restore.restore(made, other, elsewhere, NOW, quiet), at) == -signal.SIGKILL
    for start in (keepsakes.prepare, keepsakes.load_whereabouts, keepsakes.refuse_half_restored):
        with pytest.raises(KeepsakeError, match="broken off here"):
            start(other)
    assert not (other / "keepsakes.json").exists()
    restore.put_aside(other, elsewhere, NOW)
    with pytest.raises(KeepsakeError, match="broken off here"):
        keepsakes.prepare(other)
    done = restore.restore(made, other, elsewhere, NOW, quiet)
    assert (done.held, done.paused, done.files, done.rows["core"]["recipients"]) == (5, 1, 1, 5)
    assert keepsakes.prepare(other) == other


def _killed(act: Callable[[], object], at: str) -> int:
    """The exit status of a fork that does `act` and is killed before the spool, the tables or the rows' rest."""
    pid = os.fork()
    if pid == 0:

        def die(*_: object, **__: object) -> None:
            os.kill(os.getpid(), signal.SIGKILL)

        where = {
            "databases": (restore, "_put_spool_back"),
            "spool": (restore.migrate, "upgrade"),
            "held": (restore, "_stop_everything"),
        }
        setattr(*where[at], die)
        try:
            act()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_what_root_leaves_is_for_whom_the_folder_is(living: Whereabouts, tmp_path: Path) -> None:
    """The clock, a user of its own, tells how old the last backup is."""
    root("files of another user")
    (tmp_path / "dir").chmod(0o2770)
    os.chown(tmp_path / "dir", 12_345, 12_346)
    before = os.umask(0o077)
    try:
        backup.back_up(tmp_path / "dir", living, tmp_path / "backups", NOW, quiet)
    finally:
        os.umask(before)
    left = (tmp_path / "dir" / backup.LAST).stat()
    assert (left.st_uid, left.st_gid, left.st_mode & 0o777) == (12_345, 12_346, 0o640)
