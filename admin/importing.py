"""Importing clients from a CSV: the file is judged first, then its rows are saved in small transactions.

`queue` is called by API and command line, `load` by the clock and by the command line, which shows its progress.
Each batch of at most 200 rows is saved together with how far it came. Crash case: whoever claims the import next
goes on behind the last saved row; a row is never counted twice. Raises InvalidError for a file that cannot be imported.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Final

from admin.client_file import ClientFileError, Layout, Row, examine, rows
from admin.office import Office
from admin.refusals import InvalidError
from policy.rating import AUTOMATIC
from store import clients, imports, lists
from store.imports import Import, Mistake, Progress

BATCH: Final = 200
HOLD: Final = timedelta(seconds=20)  # after which a worker that is silent has died


class LostError(Exception):
    """Another worker holds the import by now."""


def queue(office: Office, project: int, list_id: int, path: Path) -> Import:
    """A queued import of the file, which must stay until it is finished. Raises InvalidError."""
    try:
        layout = examine(path)
    except ClientFileError as error:
        raise InvalidError(str(error)) from error
    except OSError as error:
        raise InvalidError(f"{path}: cannot be read: {error.strerror}") from error
    now = office.now()
    return office.write(
        lambda tx: imports.create(
            tx, project, list_id, str(path), layout.separator, layout.columns, layout.size, layout.start, now
        )
    )


def claim(office: Office, worker: str) -> Import | None:
    """The oldest import that waits, or whose worker fell silent; now held by `worker`."""
    with office.read() as connection:
        if not imports.waiting(connection):
            return None
    now = office.now()
    return office.write(lambda tx: imports.claim(tx, worker, now, now + HOLD))


def hold(office: Office, import_id: int, worker: str) -> Import:
    """This very import, for who has just queued it and loads it without the clock."""
    until = office.now() + HOLD
    return office.write(lambda tx: imports.hold(tx, import_id, worker, until))


def load(office: Office, job: Import, worker: str) -> Iterator[Progress]:
    """Save batch after batch, giving the progress after each; the import is at its end when this is.

    Who stops in between leaves it running: the worker that claims it next goes on. Raises LostError.
    """
    try:
        with Path(job.file).open("rb") as stream:
            if stream.seek(0, 2) != job.bytes_total:
                raise ClientFileError(f"{job.file}: the file changed while it was imported; import it again")
            yield from _load_rows(office, job, worker, rows(stream, _layout(job), job.progress.bytes_read))
    except (OSError, ClientFileError) as error:
        _end(office, job, imports.FAILED, str(error))
        return
    _end(office, job, imports.FINISHED, None)


def _load_rows(office: Office, job: Import, worker: str, found: Iterator[Row]) -> Iterator[Progress]:
    progress = job.progress
    while batch := list(islice(found, BATCH)):
        progress = office.write(_saving(office, job, worker, progress, batch))
        yield progress


def _saving(office: Office, job: Import, worker: str, before: Progress, batch: list[Row]) -> Any:
    now = office.now()

    def save(tx: Any) -> Progress:
        added, updated = _save_clients(tx, job, batch, now)
        mistakes = [Mistake(row.line, row.shown, row.mistake) for row in batch if row.mistake]
        after = Progress(
            bytes_read=batch[-1].end,
            rows=before.rows + len(batch),
            added=before.added + added,
            updated=before.updated + updated,
            errors=before.errors + len(mistakes),
        )
        if not imports.advance(tx, job.id, worker, after, mistakes, now + HOLD):
            raise LostError(f"import {job.id} is in other hands than {worker}'s")
        return after

    return save


def _save_clients(tx: Any, job: Import, batch: list[Row], now: Any) -> tuple[int, int]:
    """Register who is new, give the others their variables; how many rows did the one and the other."""
    merged: dict[str, Row] = {}
    total = 0
    for row in batch:
        if row.client is not None:
            earlier = merged.get(row.client.key)
            total += 1
            merged[row.client.key] = (
                row if earlier is None else replace(earlier, variables=earlier.variables | row.variables)
            )
    known = clients.known(tx, job.project, merged)
    newcomers = [
        clients.Newcomer(row.client.address, key, row.client.site, row.variables)
        for key, row in merged.items()
        if row.client is not None and key not in known
    ]
    ids = clients.register(tx, job.project, newcomers, AUTOMATIC, "import", now)
    clients.lock(tx, [client for client, _ in known.values()])
    for key, (client, variables) in known.items():
        if (wanted := {**variables, **merged[key].variables}) != variables:
            clients.set_variables(tx, client, wanted)
    lists.add(tx, job.list_id, [*ids, *(client for client, _ in known.values())])
    return len(ids), total - len(ids)


def _layout(job: Import) -> Layout:
    return Layout(job.separator, job.columns, 0, 0, job.bytes_total)


def _end(office: Office, job: Import, state: str, reason: str | None) -> None:
    now = office.now()
    office.write(lambda tx: imports.end(tx, job.id, state, reason, now))
    file = Path(job.file)
    if file.parent == office.uploads:
        with suppress(OSError):  # a file that stays is only in the way
            file.unlink()
