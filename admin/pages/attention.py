"""What an overview says first, of a project or of the whole machine: one thing that somebody should look at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Attention:
    """`key` under the page's own words; `path` is where it is mended or looked at, `detail` is told besides."""

    key: str
    path: str
    what: str
    detail: str = ""
    grave: bool = True
