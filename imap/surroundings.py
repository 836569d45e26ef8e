"""What all connections of a process share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from imap.budget import Budget
from imap.dialogue import Unforeseen
from imap.notify import Notifier
from imap.turn import Threads


@dataclass(frozen=True, slots=True)
class Surroundings:
    """`in_threads`: every command is stepped there, brief or not."""

    reactor: Any
    threads: Threads
    notifier: Notifier
    unforeseen: Unforeseen
    tls_context: Any
    budget: Budget
    in_threads: bool
