"""What a role is handed at its start, by the parent of `mailloft up` or by its systemd unit.

Each role offers `run(context)`: it serves until SIGTERM, finishes or hands back what is in flight, and returns.
The listening sockets are bound already, so a restart drops no connection and needs no privilege.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from role.log import EventLog
from store.secrets import Vault
from store.settings import Settings
from store.spool import Spool
from store.stores import Stores


@dataclass(frozen=True, slots=True)
class Context:
    """`name` is the role's ("mx", "sender", ...), `position` its number among `of` processes of that role."""

    name: str
    position: int
    of: int
    node: str
    settings: Settings
    stores: Stores
    spool: Spool
    vault: Vault
    log: EventLog
    certificate: Path  # PEM chain
    private_key: Path  # PEM
    sockets: Mapping[str, socket.socket]  # by the names in admin/up.py: "mx", "submission", "imaps", ...
    public_url: str  # what links in mail begin with, without a final slash
    ready: Callable[[], None]  # to be called once, when the role answers on its sockets
    # Where the clock examines this machine, and the admin role reads what it found; no other role looks.
    folder: Path = Path()  # DIR
    ports: Mapping[str, int] = field(default_factory=dict)  # of all roles, by the names of admin/ports.py
