"""Settings that may hold a secret are never told: not by `mailloft settings --json`, not by an error."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, get_args, get_type_hints

import msgspec
import pytest
from typer.testing import CliRunner

from admin.cli.commands import app
from store.settings import SECRET, Settings
from store.settings_file import SettingsError, load
from store.settings_shown import secret_settings, shown

# Texts that may be shown: names, addresses, folders, rates. A new one is put here or marked SECRET.
OPEN: Final = {
    "server.hostname", "server.node", "dns.servers", "tls.certificate", "tls.private_key", "tls.ca_file",
    "tls.allowed_networks", "outbound.sources.address", "outbound.sources.ehlo", "outbound.sources.pool",
    "outbound.sources.warmup", "outbound.sources.plan", "mx.address", "mx.proxy_networks", "mx.postmaster",
    "authentication.organization", "authentication.trusted_sealers", "submission.address",
    "submission.proxy_networks", "submission.trusted.network", "submission.trusted.connection", "imap.address",
    "admin.address", "admin.url", "metrics.address", "storage.spool", "limits.connection_rate",
    "limits.network_connection_rate", "limits.guesses", "shaping.file", "breaker.action", "breaker.slow",
}  # fmt: skip

FILE = """
[outbound]
sources = [{address = "127.0.0.1", ehlo = "out.shop.test"}]
[storage]
database = "postgresql://mail:hush-1@db.test/mail?sslpassword=hush-2"
[junk]
rspamd = "http://asks:hush-3@10.0.0.9:11333"
block_lists = ["hush-4.zen.dq.list.test"]
"""


def _texts(struct: Any, before: str = "") -> Iterator[tuple[str, bool]]:
    """Every setting that is a text or texts, by its name, and whether it is secret; depth first."""
    for name, kind in get_type_hints(struct, include_extras=True).items():
        parts = [kind, *get_args(kind), *(inner for one in get_args(kind) for inner in get_args(one))]
        inner = next((one for one in parts if isinstance(one, type) and issubclass(one, msgspec.Struct)), None)
        if inner is not None:
            yield from _texts(inner, f"{before}{name}.")
        elif any(one is str or isinstance(one, str) for one in parts):
            yield f"{before}{name}", SECRET in parts


def test_of_every_text_it_is_decided_whether_it_may_be_shown() -> None:
    texts = dict(_texts(Settings))
    assert {name for name, secret in texts.items() if not secret} == OPEN
    assert {name for name, secret in texts.items() if secret} == {".".join(one) for one in secret_settings()}


def test_a_secret_that_is_set_is_told_to_be_set_and_no_more(tmp_path: Path) -> None:
    file = tmp_path / "mailloft.toml"
    file.write_text(FILE)
    told = CliRunner().invoke(app, ["settings", str(file), "--dir", str(tmp_path), "--json"])
    assert told.exit_code == 0, told.output
    assert "hush" not in told.output
    settings = json.loads(told.output)
    assert [settings["storage"]["database"], settings["junk"]["rspamd"], settings["junk"]["block_lists"]] == ["set"] * 3
    assert settings["outbound"]["sources"][0]["ehlo"] == "out.shop.test"


def test_a_secret_that_is_not_set_is_told_to_be_not_set() -> None:
    plain = shown(Settings())
    assert {plain[section][key] for section, key in secret_settings()} == {"not set"}


def test_an_error_about_a_secret_does_not_tell_it(tmp_path: Path) -> None:
    file = tmp_path / "mailloft.toml"
    file.write_text('[junk]\nrspamd = "htp://asks:hush@10.0.0.9"\n')
    with pytest.raises(SettingsError, match=r"\[junk\] rspamd") as raised:
        load(file, {})
    assert "hush" not in str(raised.value)
