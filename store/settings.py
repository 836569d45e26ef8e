"""The settings as a tree, with units in the types. Pure; store/settings_file.py reads and checks them.

Durations are seconds. A default is one that is safe on the open Internet; what `mailloft up` changes for loopback it
writes into the tree that it starts from (admin/up.py).
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Final, Literal

import msgspec

SECRET: Final = msgspec.Meta(extra={"secret": True})  # told to nobody (store/settings_shown.py)


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
    block_lists: Annotated[tuple[str, ...], SECRET] = ()  # DNS zones, mail of a listed peer is junk; one may hold a key
    greylist: timedelta = timedelta(minutes=1)  # that suspicious peers wait before they are let in; 0: nobody waits
    rspamd: Annotated[str, SECRET] = ""  # http://host:port of one that is asked about mail for people; empty: none
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
    database: Annotated[str, SECRET] = ""  # a PostgreSQL URL, or a folder for SQLite's files; empty: DIR
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


def first_day(source: Source) -> date | None:
    """The first day of a source's warm-up, None for a warm one. ValueError where it is no date."""
    return date.fromisoformat(source.warmup) if source.warmup else None
