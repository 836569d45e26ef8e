"""Ties a process of the lab to its parent, so that nothing stays behind when a driver or test is killed.

Linux only where it matters (prctl); elsewhere it does nothing. Called first in each process of the lab; for commands
that are not ours `python -m lab.tether COMMAND...` ties itself and becomes the command (the tie outlives exec).
Crash case: the parent may have died before the call; then the process sees another parent and ends itself.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import Final

PARENT: Final = "LAB_PARENT"  # environment: pid of who started us
_PR_SET_PDEATHSIG: Final = 1


def tether() -> None:
    """Let the kernel end this process with SIGTERM when its parent is gone; exits at once when it already is."""
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    parent = os.environ.get(PARENT)
    if parent is not None and int(parent) != os.getppid():
        sys.exit(0)


def tied_environment() -> dict[str, str]:
    """The environment for a child of this process that calls `tether`."""
    return {**os.environ, PARENT: str(os.getpid())}


def main() -> None:
    """Become the command of the arguments, tied."""
    tether()
    os.execvp(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
