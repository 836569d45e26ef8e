"""The settings: one tree from one TOML file and the environment, with units in the types.

An unknown key is an error that names it. `MAILLOFT_<SECTION>__<KEY>` overrides the file; its value is TOML, and a
bare word is a string. Durations are seconds. A default is one that is safe on the open Internet; what `mailloft up`
changes for loopback it writes into the tree that it starts from (admin/up.py).
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from datetime import date, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from policy.gcra import parse_rate

PREFIX = "MAILLOFT_"
_SHORTEST_HEARTBEAT = timedelta(seconds=1)


class SettingsError(Exception):
    """A setting that cannot be used; the text names file or variable, key and mend."""


class Server(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    hostname: str = "mailloft.test"  # our name in EHLO of the MX, Authentication-Results and Received
    node: str = ""  # this machine among those on one database; empty: the machine's host name


class Dns(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    servers: tuple[str, ...] = ()  # host:port; empty: those of the machine
    timeout: timedelta = timedelta(seconds=5)  # for one question, all servers together
    validating: bool = False  # the servers check DNSSEC and the way to them is safe: their word makes DANE count


class Tls(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    certificate: str = ""  # ours, a PEM chain; empty: DIR/server.pem
    private_key: str = ""  # PEM; empty: DIR/server.key
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
    warmup: str = ""  # the first day of its warm-up, as 2026-01-31; empty: it is warm
    plan: str = "default"  # the warm-up plan


class Outbound(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    port: int = 25
    sources: tuple[Source, ...] = ()
    workers: int = 2
    retry: RetryPlans = RetryPlans()
    connections: int = 5  # at once from one source to one site
    messages_per_connection: int = 100
    idle: timedelta = timedelta(seconds=15)  # after which a connection without work is closed
    delay_warning: timedelta = timedelta(hours=4)  # after which who submitted a message hears that it waits
    heartbeat: timedelta = timedelta(seconds=15)  # without one for so long a sender is dead and its rows are freed


class Mx(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    address: str = "127.0.0.1"
    port: int = 0  # 0: a free one, chosen at the first start and kept
    processes: int = 1  # that share the port
    proxy_networks: tuple[str, ...] = ()  # whose peers must send a PROXY header, and are believed
    postmaster: str = ""  # the mailbox that postmaster and abuse of our own host name are; empty: the first one


class Authentication(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    organization: Literal["list", "walk"] = "list"  # public suffix list (RFC 7489), or tree walk (RFC 9989)
    trusted_sealers: tuple[str, ...] = ()  # domains whose ARC seals outweigh a DMARC failure


class Junk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    block_lists: tuple[str, ...] = ()  # DNS zones; mail of a listed peer is junk
    greylist: timedelta = timedelta(minutes=1)  # that suspicious peers wait before they are let in; 0: nobody waits
    rspamd: str = ""  # http://host:port of one that is asked about mail for people; empty: none
    rspamd_reject: bool = False  # its word refuses mail; else it only files it
    rspamd_timeout: timedelta = timedelta(seconds=5)  # for one message, after which it passes


class TrustedNetwork(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    network: str
    connection: str


class Submission(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    address: str = "127.0.0.1"
    port: int = 0
    tls_port: int = 0
    processes: int = 1
    proxy_networks: tuple[str, ...] = ()
    trusted: tuple[TrustedNetwork, ...] = ()


class Imap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    address: str = "127.0.0.1"
    port: int = 0
    tls_port: int = 0
    processes: int = 2  # that share the ports
    plaintext_login: bool = False
    compress: bool = False


class Admin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    address: str = "127.0.0.1"
    port: int = 0
    url: str = ""  # what links in mail begin with; empty: https://address:port


class Metrics(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    address: str = "127.0.0.1"


class Storage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    database: str = ""  # a PostgreSQL URL, or a folder for SQLite's files; empty: DIR
    spool: str = ""  # a folder; empty: DIR/spool


class Retention(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ages at which rows are dropped; 0: never."""

    conversations: timedelta = timedelta(days=730)  # what clients wrote, as their conversations show it
    arrivals: timedelta = timedelta(days=90)  # what came in, once no conversation and no mailbox has it
    attempts: timedelta = timedelta(days=90)  # at delivery


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    message_bytes: int = 50 * 1024 * 1024
    recipients: int = 100  # of one transaction
    connections_per_peer: int = 50  # at once, of one address or /64
    connections_per_network: int = 200  # of one /24 or /48
    connection_rate: str = "1200/min"  # new ones of one address; a minute's worth may come at once
    network_connection_rate: str = "6000/min"
    guesses: str = "100/h"  # recipients of one network that do not exist, before all refusals are slow
    errors: int = 15  # refused commands of one session
    session: timedelta = timedelta(minutes=10)
    idle: timedelta = timedelta(minutes=5)
    inflight: int = 600  # rows that one sender process holds at once
    import_bytes: int = 512 * 1024 * 1024


class Shaping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    file: str = ""  # laid over policy/providers.toml
    sick_refusals: int = 5  # that speak of our address, before it rests at a site
    sick_share: float = 0.5  # of all answers since the first of them
    sick_within: timedelta = timedelta(hours=1)
    sick_rest: timedelta = timedelta(hours=2)
    sick_sites: int = 3  # at so many sites: everywhere


class Breaker(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The numbers are those of facts in public use; what they do by default is to tell."""

    action: Literal["notify", "slow", "pause"] = "notify"
    slow: str = "60/min"  # a slowed campaign's rate
    release: timedelta = timedelta(0)  # after which what a breaker stopped goes on by itself; 0: by hand
    window: timedelta = timedelta(days=7)
    mails: int = 100  # with fewer in a window no rate is judged
    bounces: int = 5
    bounce_warn: float = 0.05
    bounce_stop: float = 0.1
    complaints: int = 3
    complaint_warn: float = 0.00075
    complaint_stop: float = 0.0015
    young: timedelta = timedelta(days=30)  # a sender is young for so long
    young_window: timedelta = timedelta(days=1)
    young_bounces_warn: int = 10
    young_bounces_stop: int = 25
    young_complaints_warn: int = 3
    young_complaints_stop: int = 7


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    server: Server = Server()
    dns: Dns = Dns()
    tls: Tls = Tls()
    outbound: Outbound = Outbound()
    mx: Mx = Mx()
    junk: Junk = Junk()
    authentication: Authentication = Authentication()
    submission: Submission = Submission()
    imap: Imap = Imap()
    admin: Admin = Admin()
    metrics: Metrics = Metrics()
    storage: Storage = Storage()
    retention: Retention = Retention()
    limits: Limits = Limits()
    shaping: Shaping = Shaping()
    breaker: Breaker = Breaker()


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
    if settings.outbound.heartbeat < _SHORTEST_HEARTBEAT:
        raise SettingsError(f"[outbound] heartbeat: at least {_SHORTEST_HEARTBEAT.total_seconds():.0f} seconds")
    _check_pace(settings)
    if settings.junk.rspamd and not _is_http(settings.junk.rspamd):
        raise SettingsError(f"[junk] rspamd: {settings.junk.rspamd!r} is not http://host:port")
    for network in (
        *settings.tls.allowed_networks, *settings.mx.proxy_networks, *settings.submission.proxy_networks,
    ):  # fmt: skip
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


def first_day(source: Source) -> date | None:
    """The first day of a source's warm-up, None for a warm one. ValueError where it is no date."""
    return date.fromisoformat(source.warmup) if source.warmup else None


def _is_loopback(text: str) -> bool:
    return _network(text).is_loopback


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text, strict=False)
    except ValueError as error:
        raise SettingsError(f"{text!r} is no address and no network: {error}") from error


def environment() -> Mapping[str, str]:
    return os.environ
