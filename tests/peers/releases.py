"""Another release of the program: the wheel of this checkout with a version of its own and files changed."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

# Changes that such a release may have.
REVISION: Final = "store/migrations/core/0002_next.py"
TABLE: Final = b'''"""A table of the next release."""

import sqlalchemy as sa
from alembic import op

revision = "core_0002"
down_revision = "core_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table("next_release", sa.Column("id", sa.Integer, primary_key=True))
'''
BROKEN_ROLE: Final = b'"""A role that ends at once."""\n\nraise SystemExit("this release cannot serve")\n'


def release(wheel: Path, version: str, changes: Mapping[str, bytes], folder: Path) -> Path:
    """`changes` are files by their path in the wheel, new ones too."""
    ours = wheel.name.split("-")[1]
    made = folder / wheel.name.replace(f"-{ours}-", f"-{version}-")
    record = f"mailloft-{version}.dist-info/RECORD"
    with zipfile.ZipFile(wheel) as reading, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as writing:
        files = {name: reading.read(name) for name in reading.namelist() if not name.endswith("/RECORD")} | changes
        for name, octets in files.items():
            told = name
            if ".dist-info/" in name:
                told = name.replace(f"-{ours}.", f"-{version}.")
                if name.endswith("/METADATA"):
                    octets = re.sub(rb"(?m)^Version: .*$", f"Version: {version}".encode(), octets, count=1)  # noqa: PLW2901
            writing.writestr(told, octets)
        lines = [name.replace(f"-{ours}.dist-info", f"-{version}.dist-info") for name in files]
        writing.writestr(record, "".join(f"{name},,\n" for name in [*lines, record]))
    return made
