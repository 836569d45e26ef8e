"""The listening sockets of the appliance: bound once by the parent, inherited by the roles.

Called by admin/up.py before anything else starts, so that a taken port is told at once. Raises PortError, which
names section, address, port and mend. Free ports are chosen at the first start; what was chosen is kept by the caller.
"""

from __future__ import annotations

import errno
import secrets
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from store.settings import Settings

BACKLOG: Final = 1024
_PATIENCE: Final = 4.0  # seconds
_FREE: Final = range(20_000, 32_000)


class PortError(Exception):
    """An address that cannot be listened on; the text names section, port and mend."""


@dataclass(frozen=True, slots=True)
class Listener:
    """`name` as in Context.sockets; `key` is the setting that fixes the port, `port` 0 where it is free."""

    name: str
    key: str
    address: str
    port: int


def listeners(settings: Settings) -> tuple[Listener, ...]:
    """What people and peers connect to."""
    return (
        Listener("mx", "[mx] port", settings.mx.address, settings.mx.port),
        Listener("submission", "[submission] port", settings.submission.address, settings.submission.port),
        Listener("submissions", "[submission] tls_port", settings.submission.address, settings.submission.tls_port),
        Listener("imap", "[imap] port", settings.imap.address, settings.imap.port),
        Listener("imaps", "[imap] tls_port", settings.imap.address, settings.imap.tls_port),
        Listener("admin", "[admin] port", settings.admin.address, settings.admin.port),
    )


def metrics_listeners(settings: Settings, processes: Iterator[str]) -> tuple[Listener, ...]:
    """One metrics port for each process, on free ports."""
    return tuple(Listener(f"metrics.{name}", "[metrics]", settings.metrics.address, 0) for name in processes)


def bind_all(wanted: tuple[Listener, ...], kept: Mapping[str, int]) -> dict[str, socket.socket]:
    """All of them or none, by name; `kept` are the ports of earlier starts. Raises PortError."""
    with ExitStack() as opened:
        bound = {
            listener.name: opened.enter_context(_bind(listener, kept.get(listener.name, 0))) for listener in wanted
        }
        opened.pop_all()
        return bound


def _bind(listener: Listener, kept: int) -> socket.socket:
    port = listener.port or kept
    family = socket.AF_INET6 if ":" in listener.address else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if port:
            _bind_patiently(listening, listener.address, port)
        else:
            _bind_free(listening, listener.address)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise PortError(_explain(listener, port, error)) from error
    return listening


def free_for_both(address: str, kept: int) -> int:
    """A port that a program of its own can take for UDP and TCP: the kept one, or a free one. Raises PortError."""
    listener = Listener("dns", "the sample's name server", address, 0)
    while True:
        with _bind(listener, kept) as stream, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
            port = int(stream.getsockname()[1])
            try:
                datagrams.bind((address, port))
            except OSError as error:
                if kept:
                    raise PortError(_explain(listener, port, error)) from error
            else:
                return port


def _bind_free(listening: socket.socket, address: str) -> None:
    """A port that is kept must not be one that the kernel gives to outgoing connections, or it is taken next time."""
    while True:
        try:
            return listening.bind((address, secrets.choice(_FREE)))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise


def _bind_patiently(listening: socket.socket, address: str, port: int) -> None:
    """Crash case: the children of a parent that was killed end within moments, and their ports with them."""
    patience = time.monotonic() + _PATIENCE
    while True:
        try:
            return listening.bind((address, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > patience:
                raise
        time.sleep(0.02)


def _explain(listener: Listener, port: int, error: OSError) -> str:
    where = f"{listener.key}: cannot listen on {listener.address} port {port}"
    if error.errno == errno.EADDRINUSE:
        return f"{where}: another program has it. Stop that program (`ss -ltnp sport = :{port}`) or set {listener.key}."
    if error.errno == errno.EACCES:
        return f"{where}: ports below 1024 need privilege. Set {listener.key} to a higher one."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{where}: this machine has no such address. Set `address` of that section to one that it has."
    return f"{where}: {error.strerror}"
