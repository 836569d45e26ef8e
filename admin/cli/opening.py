"""The office of a DIR, for a command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from admin.office import Office

# Readable or not, which the acts say with the mend.
Folder = Annotated[Path, typer.Option("--dir", envvar="MAILLOFT_DIR", readable=False, help="DIR of the appliance.")]
HERE = Path("var")


@contextmanager
def opened(folder: Path) -> Iterator[Office]:
    """The office of the appliance in `folder`, which may be running. Raises KeepsakeError."""
    from admin.cli.trail import note, watched
    from admin.keepsakes import load_whereabouts
    from admin.seat import open_office

    office = watched(open_office(folder.resolve(), load_whereabouts(folder), threads=True))
    try:
        yield office
    finally:
        note(office)
        office.stores.close()
