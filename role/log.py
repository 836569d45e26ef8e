"""The log: one JSON object a line on stderr, each an event with a name and fields.

Every line about a message carries its id. Never a body, never a password.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import traceback
from datetime import UTC, datetime
from typing import Any

import msgspec


class EventLog:
    """The log of one role; safe from any thread."""

    def __init__(self, role: str) -> None:
        self._role = role
        self._lock = threading.Lock()

    def info(self, event: str, **fields: Any) -> None:
        self._write("info", event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        self._write("warning", event, fields)

    def error(self, event: str, *, raised: BaseException | None = None, **fields: Any) -> None:
        if raised is not None:
            fields["raised"] = "".join(traceback.format_exception(raised))[-4000:]
        self._write("error", event, fields)

    def _write(self, level: str, event: str, fields: dict[str, Any]) -> None:
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = {"at": at, "level": level, "role": self._role, "event": event, **fields}
        octets = msgspec.json.encode(line, enc_hook=str) + b"\n"
        # A log that cannot be written (its disk is full) must not turn a committed message into an error.
        with self._lock, contextlib.suppress(OSError):
            sys.stderr.buffer.write(octets)
            sys.stderr.buffer.flush()
