"""Which domains roll up to a provider's site."""

from __future__ import annotations

import pytest

from policy.shaping import Provider
from policy.sites import provider_of, site_of

PROVIDERS = {
    "big": Provider(match=(".big.test", "mx.exact.test")),
    "each": Provider(match=(".each.test",), rollup=False),
}


@pytest.mark.parametrize(
    ("hosts", "site"),
    [
        (["a.big.test", "b.c.big.test"], "big"),
        (["mx.exact.test"], "big"),
        (["a.big.test", "mx.own.test"], "own.test"),  # one foreign host is enough
        (["a.big.test", "x.mx.exact.test"], "own.test"),
        (["notbig.test"], "own.test"),
        (["big.test"], "own.test"),
        (["a.big.test.evil.test"], "own.test"),
        ([], "own.test"),  # nobody told is nobody's
        (["a.each.test"], "own.test/each"),
    ],
)
def test_every_host_must_be_the_providers(hosts: list[str], site: str) -> None:
    assert site_of("own.test", hosts, PROVIDERS) == site


@pytest.mark.parametrize(
    ("site", "provider"),
    [("big", "big"), ("own.test/each", "each"), ("own.test", "default"), ("office365-dane", "office365-dane")],
)
def test_a_sites_name_tells_its_provider(site: str, provider: str) -> None:
    assert provider_of(site) == provider
