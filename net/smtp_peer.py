"""Whom an SMTP connection is to, how long each thing may take, and how it fails to begin. Pure values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from mail.reply import Reply
from policy.tls_trust import FaultKind


@dataclass(frozen=True, slots=True)
class Timeouts:
    """RFC 5321 §4.5.3.2 asks for these at least; tests give less."""

    connect: timedelta = timedelta(seconds=30)
    greeting: timedelta = timedelta(minutes=5)
    command: timedelta = timedelta(minutes=5)
    data: timedelta = timedelta(minutes=2)
    block: timedelta = timedelta(minutes=3)
    dot: timedelta = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Peer:
    """A host to try: its MX name, one of its addresses, our own address to speak from, our name in EHLO.

    `domain`: whose mail opens the connection, and by whose policy.
    """

    host: str
    address: str
    port: int
    source: str
    ehlo: str
    domain: str = ""

    def __str__(self) -> str:
        return f"{self.host}[{self.address}]:{self.port}"


class ConnectError(Exception):
    """No session came about; `reply` is what the host said, if it said anything.

    `tls`: encrypting failed, so that the host may be tried in clear; `demanded`: what a policy asks for was not there,
    so that it may not.
    """

    def __init__(
        self, words: str, reply: Reply | None = None, *, tls: bool = False, demanded: FaultKind | None = None
    ) -> None:
        super().__init__(words)
        self.reply = reply
        self.tls = tls
        self.demanded = demanded
