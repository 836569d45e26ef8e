"""The import that the clock has in hand: one batch a step, so that its other duties keep their time.

Crash case: an import goes on behind its last saved row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from prometheus_client import Counter

from admin import importing
from admin.importing import LostError
from admin.office import Office
from role.log import EventLog
from store import imports

IMPORTED = Counter("mailloft_imported_rows_total", "Rows of client files that were read")


@dataclass(slots=True)
class Loading:
    """The import in hand, one batch a step."""

    office: Office
    worker: str
    log: EventLog
    _batches: Iterator[imports.Progress] | None = None
    _rows: int = field(default=0)

    @property
    def busy(self) -> bool:
        return self._batches is not None

    def step(self) -> None:
        """The next batch, or the next import; what raises is let go and claimed again."""
        batches = self._batches or self._next()
        self._batches = None
        if batches is None:
            return
        try:
            progress = next(batches, None)
        except LostError as error:
            self.log.warning("import lost", reason=str(error))
            return
        if progress is not None:
            IMPORTED.inc(progress.rows - self._rows)
            self._rows = progress.rows
            self._batches = batches

    def _next(self) -> Iterator[imports.Progress] | None:
        job = importing.claim(self.office, self.worker)
        if job is None:
            return None
        self._rows = job.progress.rows
        self.log.info("import", id=job.id, project=job.project, bytes_read=job.progress.bytes_read)
        return importing.load(self.office, job, self.worker)
