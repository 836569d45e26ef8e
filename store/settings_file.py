"""The settings read: one tree from one TOML file and the environment, and what of it cannot be meant.

An unknown key is an error that names it. `MAILLOFT_<SECTION>__<KEY>` overrides the file; its value is TOML, and a
bare word is a string. Called by the roles, `mailloft up` and the command line at their start.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from policy.gcra import parse_rate
from store.settings import Settings, first_day

PREFIX = "MAILLOFT_"
_SHORTEST_HEARTBEAT = timedelta(seconds=1)


class SettingsError(Exception):
    """A setting that cannot be used; the text names file or variable, key and mend."""


def load(file: Path | None, environment: Mapping[str, str]) -> Settings:
    """The settings of `file` (None: the defaults) under those of the environment. Raises SettingsError."""
    tree = read_toml(file) if file else {}
    for name, value in sorted(environment.items()):
        if name.startswith(PREFIX) and "__" in name:
            _override(tree, name, value)
    where = str(file) if file else "the environment"
    try:
        settings = msgspec.convert(tree, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{where}: {error}. See docs/settings.md for every key.") from error
    _check_loopback_only(settings)
    if settings.outbound.heartbeat < _SHORTEST_HEARTBEAT:
        raise SettingsError(f"[outbound] heartbeat: at least {_SHORTEST_HEARTBEAT.total_seconds():.0f} seconds")
    _check_pace(settings)
    if settings.junk.rspamd and not _is_http(settings.junk.rspamd):
        raise SettingsError("[junk] rspamd: what is set is not http://host:port")
    for network in (
        *settings.tls.allowed_networks, *settings.mx.proxy_networks, *settings.submission.proxy_networks,
    ):  # fmt: skip
        _network(network)
    return settings


def read_toml(file: Path, called: str = "") -> dict[str, Any]:
    """`called`: which file this is, before its name in an error. Raises SettingsError."""
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"{called}{file}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{called}{file}: is not TOML: {error}") from error


def _override(tree: dict[str, Any], name: str, value: str) -> None:
    *sections, key = name.removeprefix(PREFIX).lower().split("__")
    for section in sections:
        inner = tree.setdefault(section, {})
        if not isinstance(inner, dict):
            raise SettingsError(f"{name}: `{section}` is a value, not a section")
        tree = inner
    tree[key] = _toml_value(value)


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _check_loopback_only(settings: Settings) -> None:
    """Signing in without TLS, or not at all, is for drivers on this machine (CONTRACTS.md) and nothing else."""
    if settings.imap.plaintext_login and not _is_loopback(settings.imap.address):
        raise SettingsError(f"[imap] plaintext_login needs a loopback address, not {settings.imap.address}")
    for trusted in settings.submission.trusted:
        if not (_is_loopback(trusted.network) and _is_loopback(settings.submission.address)):
            raise SettingsError(f"[submission] trusted: network {trusted.network} and address must be loopback")


def _check_pace(settings: Settings) -> None:
    """Dates and rates are text in TOML; a wrong one is found at start, not when it counts."""
    for source in settings.outbound.sources:
        try:
            first_day(source)
        except ValueError as error:
            raise SettingsError(f"[outbound] sources {source.address}: warmup {source.warmup!r}: {error}") from error
    limits = settings.limits
    rates = {
        "[breaker] slow": settings.breaker.slow,
        "[limits] connection_rate": limits.connection_rate,
        "[limits] network_connection_rate": limits.network_connection_rate,
        "[limits] guesses": limits.guesses,
    }
    for name, rate in rates.items():
        try:
            parse_rate(rate)
        except ValueError as error:
            raise SettingsError(f"{name}: {error}") from error


def _is_http(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _is_loopback(text: str) -> bool:
    return _network(text).is_loopback


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text, strict=False)
    except ValueError as error:
        raise SettingsError(f"{text!r} is no address and no network: {error}") from error


def environment() -> Mapping[str, str]:
    return os.environ
