"""A process that kills itself with SIGKILL between two steps: nothing is rolled back, closed or told.

`dies(...)` starts it and returns once it is dead. `python -m peers.doomed` is the process: it reads a JSON line (what,
where, location, folder, and the rest of `_DEEDS`), puts kill -9 in the place of the function `where`, and does `what`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from admin.acts import answers, letters
from admin.acts.answers import Draft
from admin.foreign_imap import Account, Tls
from admin.office import Office
from mta.inbound.parser import Parser
from peers.rows import VAULT
from peers.sorting import sorter_on
from store.spool import Spool
from store.stores import open_stores

ROOT: Final = Path(__file__).parents[2]


def dies(what: str, where: str, location: str, folder: Path, **more: Any) -> None:
    """AssertionError where it ended in any other way. `where`: module:name or module:Class.name."""
    order = json.dumps({"what": what, "where": where, "location": location, "folder": str(folder), **more})
    done = subprocess.run(
        [sys.executable, "-m", "peers.doomed"], input=order, text=True, capture_output=True, timeout=120, check=False,
        cwd=ROOT, env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]


def _answer(order: Mapping[str, Any]) -> None:
    folder = Path(order["folder"])
    office = Office(open_stores(order["location"]), VAULT, folder / "imports", "ours.test", (), threads=False)
    answers.answer(office, order["project"], order["client"], Draft("Hello", bcc=order["bcc"]), order["key"])


def _sort(order: Mapping[str, Any]) -> None:
    sorter_on(open_stores(order["location"]), Spool(Path(order["folder"])), Parser()).step()


def _migrate(order: Mapping[str, Any]) -> None:
    spool = Path(order["folder"])
    office = Office(open_stores(order["location"]), VAULT, spool / "imports", "ours.test", ())
    there = Account("localhost", order["port"], order["user"], order["password"], Tls.NONE)
    letters.migrate(office, order["project"], order["address"], there, lambda _: None)


_DEEDS: Final[Mapping[str, Callable[[Mapping[str, Any]], None]]] = {
    "answer": _answer,
    "migrate": _migrate,
    "sort": _sort,
}


def _die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _main() -> None:
    order = json.loads(sys.stdin.read())
    module, _, name = order["where"].partition(":")
    holder: Any = import_module(module)
    *within, last = name.split(".")
    for step in within:
        holder = getattr(holder, step)
    setattr(holder, last, _die)
    _DEEDS[order["what"]](order)


if __name__ == "__main__":
    _main()
