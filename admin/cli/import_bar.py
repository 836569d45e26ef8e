"""`mailloft import`: queues the file, loads it here and shows how far it is."""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from admin import importing
from admin.acts import imports, lists
from admin.cli.showing import show_one
from admin.office import Office
from admin.refusals import NotFoundError
from store.imports import FINISHED


def import_file(office: Office, project: int, list_name: str, file: Path, as_json: bool) -> int:
    """The exit status: 0 where the file was read to its end, whatever its rows. Raises RefusedError."""
    try:
        list_id = lists.by_name(office, project, list_name).id
    except NotFoundError:
        list_id = lists.create(office, project, list_name).id
    queued = importing.queue(office, project, list_id, file)
    worker = f"{socket.gethostname()}/cli-{os.getpid()}"
    job = importing.hold(office, queued.id, worker)
    # A SIGTERM ends it between two batches; the running appliance goes on from there.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with _bar() as bar:
        task = bar.add_task(file.name, total=job.bytes_total, completed=job.progress.bytes_read, said="")
        for done in importing.load(office, job, worker):
            bar.update(task, completed=done.bytes_read, said=f"{done.rows} rows, {done.errors} errors")
    return _tell(office, project, job.id, as_json)


def _tell(office: Office, project: int, import_id: int, as_json: bool) -> int:
    view = imports.get(office, project, import_id)
    show_one(view, as_json)
    if view.errors and not as_json:
        for line in imports.errors_csv(office, project, import_id):
            typer.echo(line, err=True, nl=False)
    return 0 if view.state == FINISHED else 1


def _bar() -> Progress:
    columns: list[Any] = [TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn()]
    return Progress(*columns, TextColumn("{task.fields[said]}"), console=Console(stderr=True))
