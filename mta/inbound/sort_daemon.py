"""The role `sorter`: a sync loop over the arrivals that wait. `run(context)` serves until SIGTERM.

While nothing waits it asks every 100 ms whether anything was committed (store/changes.py), and looks each second too.
"""

from __future__ import annotations

import os
import signal
import threading
from datetime import UTC, datetime
from typing import Final

from prometheus_client import Gauge

from mail.srs import Srs
from mail.verp import Tokens
from mta.inbound.parser import Parser
from mta.inbound.sort import Sorter
from role.context import Context
from role.metrics_port import Pulse, serve_metrics
from store import arrivals
from store.changes import Changes
from store.stores import Stores

_PARSERS: Final = 2  # children at most; the second starts where much waits
_LOOK: Final = 0.1  # seconds
_QUIET: Final = 1.0
_AFTER_ERROR: Final = 1.0
_WAITING: Final = Gauge("mailloft_unsorted_arrivals", "Arrivals that wait for the sorter")
_OLDEST: Final = Gauge("mailloft_oldest_unsorted_seconds", "Since when the oldest of them waits")


def run(context: Context) -> None:
    told, pulse = threading.Event(), Pulse()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    serve_metrics(context.sockets["metrics"], pulse)
    _watch(context.stores)
    parser, *further = (Parser() for _ in range(min(_PARSERS, len(os.sched_getaffinity(0)))))
    tokens, srs = Tokens(context.vault.derived("tokens")), Srs(context.vault.derived("srs"))
    sorter = Sorter(context.stores, context.spool, tokens, srs, parser, context.log, further)
    changes = Changes(context.stores.mail.database)
    context.ready()
    context.log.info("ready")
    while not told.is_set():
        pulse.beat()
        changes.look()  # before the step, so that what comes meanwhile is seen behind it
        pause = _step(sorter, context)
        if pause is None:
            _rest(told, changes)
        else:
            told.wait(pause)
    changes.close()
    for one in (parser, *further):
        one.close()
    context.stores.close()
    context.log.info("stopped")


def _rest(told: threading.Event, changes: Changes) -> None:
    """Until something is committed, or for a second."""
    for _ in range(round(_QUIET / _LOOK)):
        if told.wait(_LOOK) or changes.look():
            return


def _step(sorter: Sorter, context: Context) -> float | None:
    """Sort what waits; how long to pause before the next step, None where nothing is left."""
    try:
        sorted_ones = sorter.step()
    except Exception as error:  # noqa: BLE001 - a database that is away comes back; the arrivals are safe
        context.log.error("sorting failed", raised=error)
        return _AFTER_ERROR
    if sorter.troubled:
        return _AFTER_ERROR
    return 0.0 if sorted_ones else None


def _watch(stores: Stores) -> None:
    """Backlog and age are asked for when somebody scrapes, not at every step."""

    def waiting() -> float:
        with stores.mail.database.read() as tx:
            return float(arrivals.backlog(tx)[0])

    def oldest() -> float:
        with stores.mail.database.read() as tx:
            since = arrivals.backlog(tx)[1]
        return (datetime.now(UTC) - since).total_seconds() if since else 0.0

    _WAITING.set_function(waiting)
    _OLDEST.set_function(oldest)
