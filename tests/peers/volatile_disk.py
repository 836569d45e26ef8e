"""A disk with a write cache that a power cut empties: a network block device (NBD), on a Unix socket.

What was written since the last flush is in memory alone. `cut` is the power cut: each block of it is on the disk or
not, by lot, as a disk that writes in the order it likes may leave it. So a program that leaves out one fsync, or a
file system without barriers, loses what it promised; with qemu's own files the kernel of the host would keep it all.
Killing qemu alone proves less: what the guest has written is then in the host's page cache.
"""

from __future__ import annotations

import random
import socket
import struct
import threading
from pathlib import Path
from typing import Final

BLOCK: Final = 4096
_OPTION: Final = struct.Struct(">8sII")
_REQUEST: Final = struct.Struct(">IHH8sQI")
_READ, _WRITE, _DISCONNECT, _FLUSH = range(4)
_FUA: Final = 1  # this write is on the disk before it is answered
_GO, _ABORT = 7, 2
_ACKNOWLEDGED, _EXPORT, _UNSUPPORTED = 1, 3, 0x80000001
_HAS: Final = 1 | 4 | 8  # flags at all, flush, FUA


class VolatileDisk:
    """Serves `file` to one machine after another; `lost` is how many blocks the last cut took away."""

    def __init__(self, file: Path, path: Path) -> None:
        self.path = path
        self.flushes = self.lost = 0
        self._file = file.open("r+b", buffering=0)
        self._size = file.stat().st_size
        self._cached: dict[int, bytes] = {}
        self._lock = threading.Lock()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(1)
        threading.Thread(target=self._serve, daemon=True).start()

    def cut(self, lot: random.Random) -> None:
        """Called when the machine is dead."""
        with self._lock:
            kept = [number for number in self._cached if lot.random() < 0.5]
            self.lost = len(self._cached) - len(kept)
            self._put_down(kept)
            self._cached.clear()

    def close(self) -> None:
        self._listener.close()
        self._file.close()

    def _serve(self) -> None:
        while True:
            try:
                machine, _ = self._listener.accept()
            except OSError:
                return
            with machine:
                try:
                    if self._agree(machine):
                        while self._answer(machine):
                            pass
                except (ConnectionError, OSError):
                    continue

    def _agree(self, machine: socket.socket) -> bool:
        """The fixed newstyle handshake; False where the client wants no device."""
        machine.sendall(b"NBDMAGICIHAVEOPT" + struct.pack(">H", 3))
        _exactly(machine, 4)
        while True:
            _, option, length = _OPTION.unpack(_exactly(machine, _OPTION.size))
            _exactly(machine, length)
            if option == _GO:
                _tell(machine, option, _EXPORT, struct.pack(">HQH", 0, self._size, _HAS))
                _tell(machine, option, _ACKNOWLEDGED)
                return True
            if option == _ABORT:
                return False
            _tell(machine, option, _UNSUPPORTED)

    def _answer(self, machine: socket.socket) -> bool:
        """One request; False after the last."""
        _, flags, kind, cookie, offset, length = _REQUEST.unpack(_exactly(machine, _REQUEST.size))
        content = _exactly(machine, length) if kind == _WRITE else b""
        if kind == _DISCONNECT:
            return False
        with self._lock:
            read = self._done(kind, offset, length, content, forced=bool(flags & _FUA))
        machine.sendall(struct.pack(">II8s", 0x67446698, 0, cookie) + read)
        return True

    def _done(self, kind: int, offset: int, length: int, content: bytes, *, forced: bool) -> bytes:
        if kind == _READ:
            return self._seen(offset, length)
        if kind == _WRITE:
            touched = self._remember(offset, content)
            if forced:
                self._put_down(touched)
        elif kind == _FLUSH:
            self.flushes += 1
            self._put_down(list(self._cached))
        return b""

    def _seen(self, offset: int, length: int) -> bytes:
        first, last = offset // BLOCK, -(-(offset + length) // BLOCK)
        self._file.seek(first * BLOCK)
        found = bytearray(self._file.read((last - first) * BLOCK))
        for number in range(first, last):
            if number in self._cached:
                found[(number - first) * BLOCK : (number - first + 1) * BLOCK] = self._cached[number]
        start = offset - first * BLOCK
        return bytes(found[start : start + length])

    def _remember(self, offset: int, content: bytes) -> list[int]:
        first, last = offset // BLOCK, -(-(offset + len(content)) // BLOCK)
        whole = bytearray(self._seen(first * BLOCK, (last - first) * BLOCK))
        start = offset - first * BLOCK
        whole[start : start + len(content)] = content
        for number in range(first, last):
            self._cached[number] = bytes(whole[(number - first) * BLOCK : (number - first + 1) * BLOCK])
        return list(range(first, last))

    def _put_down(self, numbers: list[int]) -> None:
        for number in numbers:
            self._file.seek(number * BLOCK)
            self._file.write(self._cached.pop(number))


def _tell(machine: socket.socket, option: int, kind: int, more: bytes = b"") -> None:
    machine.sendall(struct.pack(">QIII", 0x3E889045565A9, option, kind, len(more)) + more)


def _exactly(machine: socket.socket, length: int) -> bytes:
    found = bytearray()
    while len(found) < length:
        block = machine.recv(length - len(found))
        if not block:
            raise ConnectionError("the machine is gone")
        found += block
    return bytes(found)
