"""The settings: one tree from one TOML file and the environment, with units in the types.

An unknown key is an error that names it. `MAILLOFT_<SECTION>__<KEY>` overrides the file; its value is TOML, and a
bare word is a string. Durations are seconds. A default is one that is safe on the open Internet; what `mailloft up`
changes for loopback it writes into the tree that it starts from (admin/up.py).
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any

import msgspec

PREFIX = "MAILLOFT_"


class SettingsError(Exception):
    """A setting that cannot be used; the text names file or variable, key and mend."""


class Server(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    hostname: str = "mailloft.test"  # our name in EHLO of the MX, Authentication-Results and Received


class Dns(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    servers: tuple[str, ...] = ()  # host:port; empty: those of the machine
    timeout: timedelta = timedelta(seconds=5)  # for one question, all servers together
    validating: bool = False  # the servers check DNSSEC and the way to them is safe: their word makes DANE count


class Tls(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    ca_file: str = ""  # PEM; empty: the authorities of the machine
    sts_port: int = 443  # where MTA-STS policies are fetched
    allowed_networks: tuple[str, ...] = ()  # that fetches may reach beside public addresses


class Retry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    first: timedelta
    longest: timedelta
    lifetime: timedelta


class RetryPlans(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    transactional: Retry = Retry(timedelta(minutes=1), timedelta(hours=1), timedelta(days=1))
    campaign: Retry = Retry(timedelta(minutes=5), timedelta(hours=4), timedelta(days=3))
    submission: Retry = Retry(timedelta(minutes=5), timedelta(hours=4), timedelta(days=5))


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    address: str
    ehlo: str
    pool: str = "mailings"
    weight: int = 1


class Outbound(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    port: int = 25
    sources: tuple[Source, ...] = ()
    workers: int = 2
    retry: RetryPlans = RetryPlans()
    connections: int = 5  # at once from one source to one site
    messages_per_connection: int = 100
    idle: timedelta = timedelta(seconds=15)  # after which a connection without work is closed


class Mx(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    address: str = "127.0.0.1"
    port: int = 0  # 0: a free one, chosen at the first start and kept


class TrustedNetwork(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    network: str
    connection: str


class Submission(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    address: str = "127.0.0.1"
    port: int = 0
    tls_port: int = 0
    trusted: tuple[TrustedNetwork, ...] = ()


class Imap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    address: str = "127.0.0.1"
    port: int = 0
    tls_port: int = 0
    plaintext_login: bool = False


class Admin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    address: str = "127.0.0.1"
    port: int = 0
    url: str = ""  # what links in mail begin with; empty: https://address:port


class Metrics(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    address: str = "127.0.0.1"


class Storage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    database: str = ""  # a PostgreSQL URL, or a folder for SQLite's files; empty: DIR
    spool: str = ""  # a folder; empty: DIR/spool


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    message_bytes: int = 50 * 1024 * 1024
    recipients: int = 100  # of one transaction
    connections_per_peer: int = 50
    session: timedelta = timedelta(minutes=10)
    idle: timedelta = timedelta(minutes=5)
    inflight: int = 600  # rows that one sender process holds at once
    import_bytes: int = 512 * 1024 * 1024


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    server: Server = Server()
    dns: Dns = Dns()
    tls: Tls = Tls()
    outbound: Outbound = Outbound()
    mx: Mx = Mx()
    submission: Submission = Submission()
    imap: Imap = Imap()
    admin: Admin = Admin()
    metrics: Metrics = Metrics()
    storage: Storage = Storage()
    limits: Limits = Limits()


def load(file: Path | None, environment: Mapping[str, str]) -> Settings:
    """The settings of `file` (None: the defaults) under those of the environment. Raises SettingsError."""
    tree = _read(file) if file else {}
    for name, value in sorted(environment.items()):
        if name.startswith(PREFIX) and "__" in name:
            _override(tree, name, value)
    where = str(file) if file else "the environment"
    try:
        settings = msgspec.convert(tree, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{where}: {error}. See docs/settings.md for every key.") from error
    _check_loopback_only(settings)
    for network in settings.tls.allowed_networks:
        _network(network)
    return settings


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"{file}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: is not TOML: {error}") from error


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


def _is_loopback(text: str) -> bool:
    return _network(text).is_loopback


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text, strict=False)
    except ValueError as error:
        raise SettingsError(f"{text!r} is no address and no network: {error}") from error


def environment() -> Mapping[str, str]:
    return os.environ
