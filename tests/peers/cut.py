"""A relay on loopback that cuts its first connections, each after so many octets from the far end; later ones last."""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence
from contextlib import suppress

_PIECE = 1024


class CuttingRelay:
    """To `port` of localhost. `after`: octets, one number for each connection that is cut."""

    def __init__(self, port: int, after: Sequence[int]) -> None:
        self._far = port
        self._after = list(after)
        self.connections = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                allowed = self._after[self.connections] if self.connections < len(self._after) else None
                self.connections += 1
                far = socket.create_connection(("127.0.0.1", self._far), timeout=60)
                threading.Thread(target=_carry, args=(near, far, None), daemon=True).start()
                threading.Thread(target=_carry, args=(far, near, allowed), daemon=True).start()


def _carry(source: socket.socket, target: socket.socket, allowed: int | None) -> None:
    carried = 0
    with suppress(OSError):
        while (allowed is None or carried < allowed) and (octets := source.recv(_PIECE)):
            target.sendall(octets)
            carried += len(octets)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
