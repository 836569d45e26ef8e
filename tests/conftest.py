"""Fixtures of every level: the stores on both engines, the real appliance, the real peers."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from peers.postgresql import Cluster

from store import migrate
from store.stores import Stores, open_stores

ENGINES = ("sqlite", "postgresql")


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


@pytest.fixture
def stores(location: str) -> Iterator[Stores]:
    """The stores of one test on either engine."""
    opened = open_stores(location)
    yield opened
    opened.close()
