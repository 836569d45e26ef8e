"""The commands of a document, in their order, so that a test gives them as a reader would."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"^```(\S+)(?: (\S[^\n]*))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """`kind` is the language of the fence, `where` what follows it: "server" for the mail server, else empty."""

    kind: str
    where: str
    text: str


def blocks(file: Path, replacing: dict[str, str]) -> list[Block]:
    """Every fenced block that has a language; names of the document become those of the test."""
    text = file.read_text()
    for name, ours in replacing.items():
        text = text.replace(name, ours)
    return [Block(kind, where or "", body) for kind, where, body in _BLOCK.findall(text)]
