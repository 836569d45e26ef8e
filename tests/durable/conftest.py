"""A tenant, a spool and a sorter on the stores of a test; a file that needs another names its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mta.inbound.parser import Parser
from mta.inbound.sort import Sorter
from peers import smtp_role
from peers.smtp_role import Tenant
from peers.sorting import sorter_on
from store.spool import Spool
from store.stores import Stores


@pytest.fixture
def tenant(stores: Stores) -> Tenant:
    return smtp_role.settle_tenant(stores)


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    (tmp_path / "spool").mkdir()
    return Spool(tmp_path / "spool")


@pytest.fixture
def sorter(stores: Stores, spool: Spool) -> Iterator[Sorter]:
    parser = Parser()
    yield sorter_on(stores, spool, parser)
    parser.close()
