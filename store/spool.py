"""The bytes of messages: a blob beside the row that names them up to 256 kB, a file of their own above.

A small message costs one fsync together with its row and leaves no orphan. A large one would hold the writer
(25 MB: 0.12 s), so its file is written and synced, with its folder, before the row is.
Crash case: between file and row a file is left that no row names; store/spool_sweep.py removes it.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from store.fsync import sync

BLOB_LIMIT: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Stored:
    """Where bytes are: exactly one of `blob` and `file` (its name in the spool) is set."""

    size_bytes: int
    blob: bytes | None
    file: str | None


class Spool:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, *pieces: bytes | memoryview) -> Stored:
        """What the row says of `pieces` in a row, large ones by then durable in a file; OSError when the disk is full.

        They are written as they are: to join 25 MB first would hold up every other thread.
        """
        size = sum(map(len, pieces))
        if size <= BLOB_LIMIT:
            return Stored(size, b"".join(pieces), None)
        name = secrets.token_hex(16)
        self._write(name, pieces)
        return Stored(size, None, name)

    def get(self, blob: bytes | None, file: str | None) -> bytes:
        """The bytes that a row names. FileNotFoundError names the file that is gone."""
        if blob is not None:
            return blob
        if file is None:
            raise ValueError("the row names neither bytes nor a file")
        return self._path(file).read_bytes()

    def head(self, file: str, octets: int) -> bytes:
        """The first octets of a file."""
        with self._path(file).open("rb") as opened:
            return opened.read(octets)

    def blocks(self, file: str, octets: int) -> Iterator[bytes]:
        """A file, so many octets at a time."""
        with self._path(file).open("rb") as opened:
            while block := opened.read(octets):
                yield block

    def drop(self, file: str | None) -> None:
        """Remove a file whose row is gone; called after that commit."""
        if file is not None:
            self._path(file).unlink(missing_ok=True)

    def older(self, than: datetime) -> Iterator[str]:
        """The names of the files that were written before; one that goes meanwhile is passed over."""
        for path in self._folder.glob("??/*"):
            try:
                written = path.stat().st_mtime
            except FileNotFoundError:
                continue
            if written < than.timestamp():
                yield path.name

    def _path(self, name: str) -> Path:
        return self._folder / name[:2] / name

    def _write(self, name: str, pieces: Sequence[bytes | memoryview]) -> None:
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("xb") as file:
                for piece in pieces:
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            path.unlink(missing_ok=True)  # half a message would keep what is left of a full disk
            raise
        sync(path.parent)
        sync(self._folder)
