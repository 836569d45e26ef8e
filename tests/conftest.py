"""Fixtures of every level: the stores on both engines, the real appliance, the real peers."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from peers.appliance import Appliance
from peers.postfix import Postfix
from peers.postgresql import Cluster
from store import migrate
from store.stores import Stores, open_stores

# A machine that has much to do is no failure of what is tested.
hypothesis_settings.register_profile("patient", deadline=None)
hypothesis_settings.load_profile("patient")
ENGINES = ("sqlite", "postgresql")
SLOWEST_FIRST = ("tests/wire/", "tests/web/", "tests/durable/", "tests/pure/")


class ByFile(LoadScopeScheduling):
    """A worker of `make test` takes whole files, because a file's fixtures cost more than its tests; the tests of one
    appliance, tests/web, are one file to it."""

    def _split_scope(self, nodeid: str) -> str:
        return "tests/web" if nodeid.startswith("tests/web/") else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    config.option.loadscopereorder = False  # the order is pytest_collection_modifyitems'
    return ByFile(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In a worker the files that wait for processes go first, so that no worker is left alone with one at the end."""
    if hasattr(config, "workerinput"):
        items.sort(key=_level)


def _level(item: pytest.Item) -> int:
    return next((at for at, level in enumerate(SLOWEST_FIRST) if item.nodeid.startswith(level)), len(SLOWEST_FIRST))


@pytest.fixture(scope="session")
def migrated_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The three SQLite files, migrated and empty, to copy from."""
    folder = tmp_path_factory.mktemp("migrated")
    migrate.upgrade(str(folder))
    return folder


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL of our own for the whole session, with a database `migrated` to copy from."""
    running = Cluster()
    migrate.upgrade(running.create(name="migrated"))
    yield running
    running.stop()


@pytest.fixture(params=ENGINES)
def location(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where the three databases of one test are, migrated and empty: once as SQLite's folder, once as a URL."""
    if request.param == "sqlite":
        folder = tmp_path / "databases"
        shutil.copytree(request.getfixturevalue("migrated_folder"), folder)
        yield str(folder)
    else:
        server: Cluster = request.getfixturevalue("cluster")
        url = server.create(template="migrated")
        yield url
        server.drop(url)


@pytest.fixture(scope="module", params=ENGINES if os.environ.get("MAILLOFT_BOTH_ENGINES") == "1" else ENGINES[:1])
def migrated_once(request: pytest.FixtureRequest) -> Iterator[Path | str]:
    """For all tests of a file together: SQLite's migrated folder to copy from, and in the whole form (`make imap`) a
    PostgreSQL of the file's own; tests/wire/test_imap_scripts.py has every command on both in any case.
    """
    if request.param == "sqlite":
        yield request.getfixturevalue("migrated_folder")
    else:
        server: Cluster = request.getfixturevalue("cluster")
        url = server.create(template="migrated")
        yield url
        server.drop(url)


@pytest.fixture
def stores(location: str) -> Iterator[Stores]:
    """The stores of one test on either engine."""
    opened = open_stores(location)
    yield opened
    opened.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Beside a failure stands the end of the log of each appliance that the test started or was given."""
    report = yield
    if report.when == "call" and report.failed:
        given = [one for one in getattr(item, "funcargs", {}).values() if isinstance(one, Appliance)]
        for appliance in [*item.stash.get(_STARTED, []), *given]:
            report.sections.append((f"log of {appliance.folder}", appliance.tail()))
    return report


_STARTED = pytest.StashKey[list[Appliance]]()


@pytest.fixture
def appliance(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Appliance]]:
    """Starts `mailloft up --json`: appliance(settings="...", "--sample"); stopped, or killed, after the test."""
    started: list[Appliance] = []
    request.node.stash[_STARTED] = started

    def start(settings: str = "", *options: str) -> Appliance:
        made = Appliance(tmp_path / f"appliance-{len(started)}", settings, *options)
        started.append(made)
        made.start()
        return made

    yield start
    for made in started:
        made.stop()


@pytest.fixture
def postfix() -> Iterator[Callable[..., Postfix]]:
    """Starts Debian's Postfix as the remote hosts: postfix(port, bounces_to)."""
    started: list[Postfix] = []

    def start(port: int, bounces_to: tuple[str, int]) -> Postfix:
        made = Postfix(port, bounces_to)
        started.append(made)
        made.start()
        return made

    yield start
    for made in started:
        made.stop()
