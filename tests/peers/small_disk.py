"""A file system that is full soon, so that the errors are the kernel's own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from peers import need


@contextmanager
def small_disk(parent: Path, megabytes: int) -> Iterator[Path]:
    """Its folder, below `parent`; needs root."""
    need.root("to mount a small file system")
    folder = parent / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    mounted = subprocess.run(mount, check=False, capture_output=True, text=True)
    if mounted.returncode != 0:
        need.lacking(f"leave to mount a file system ({mounted.stderr.strip()})")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
