"""One appliance for all web tests: two projects that must not see one another, each with a thing of every noun."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from peers.appliance import Appliance
from peers.panel import Browser, operator_at
from peers.tenants import Tenant, tenant

# Nobody answers there, so what is sent waits in the queue and changes no rating.
NO_DNS = '[dns]\nservers = ["127.0.0.1:9"]\n'


@pytest.fixture(scope="session")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    made = Appliance(tmp_path_factory.mktemp("web"), NO_DNS, "--sample")
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="session")
def operator(web: Appliance) -> Iterator[httpx.Client]:
    with web.api() as api:
        yield api


@pytest.fixture
def browser(web: Appliance) -> Iterator[Browser]:
    """The operator at the panel."""
    made = operator_at(web)
    yield made
    made.close()


@pytest.fixture(scope="session")
def ours(web: Appliance, operator: httpx.Client) -> Iterator[Tenant]:
    made = tenant(web, operator, "ours")
    yield made
    made.api.close()


@pytest.fixture(scope="session")
def theirs(web: Appliance, operator: httpx.Client) -> Iterator[Tenant]:
    made = tenant(web, operator, "theirs")
    yield made
    made.api.close()
