"""What was written to a file, or which names a folder has, is on the disk when these return (fsync(2))."""

from __future__ import annotations

import os
from pathlib import Path


def sync(path: Path) -> None:
    """A file or a folder. OSError where the disk refuses."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """All that is below `folder`, and its own name last."""
    for path in (*folder.rglob("*"), folder, folder.parent):
        sync(path)
