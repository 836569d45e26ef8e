"""`--slow-fsync`: the whole bench again with every fsync and fdatasync of both sides slowed by 2 ms.

By a preloaded library that gcc makes on the spot; without gcc it says so and nothing is slowed.
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from measure.report import scratch

FLAG: Final = "--slow-fsync"
_SHIM: Final = """\
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
static void late(void) { struct timespec t = {0, 2000000}; nanosleep(&t, 0); }
int fsync(int fd) { late(); return ((int (*)(int)) dlsym(RTLD_NEXT, "fsync"))(fd); }
int fdatasync(int fd) { late(); return ((int (*)(int)) dlsym(RTLD_NEXT, "fdatasync"))(fd); }
"""


def arguments(*defaults: int) -> tuple[int, ...]:
    """The numbers of the command line over `defaults`; with the flag the program starts itself anew with the shim."""
    if FLAG in sys.argv:
        _slowed()
    given = tuple(int(argument) for argument in sys.argv[1:] if argument != FLAG)
    return given + defaults[len(given) :]


def _slowed() -> None:
    if library := os.environ.get("LD_PRELOAD"):
        atexit.register(shutil.rmtree, Path(library).parent, ignore_errors=True)
        return
    if shutil.which("gcc") is None:
        raise SystemExit(f"{FLAG}: needs gcc (Debian package gcc), which is not here: not measured")
    folder = scratch()
    source, shim = folder / "late.c", folder / "late.so"
    source.write_text(_SHIM)
    subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-o", shim, source, "-ldl"], check=True)
    shim.chmod(0o755)
    os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | {"LD_PRELOAD": str(shim)})
