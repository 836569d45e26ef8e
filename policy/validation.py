"""Whether a client's address and variables can be taken: the checks that need no one else (PRODUCT L3).

Pure. Called by admin/importing.py for each row and by admin/acts/clients.py. Raises ValueError with what is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from unicodedata import category

from mail.address import parse_mailbox

VALUE_LIMIT: Final = 2000  # characters of one variable
KEY_LIMIT: Final = 64
VARIABLES: Final = 100  # of one client
# What ends a line for some reader downstream, beside CR and LF.
_BREAKS: Final = "\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029"


@dataclass(frozen=True, slots=True)
class Addressee:
    """`key` is one for all spellings; `site` the domain, until MX look-ups roll it up to a provider."""

    address: str
    key: str
    site: str


def addressee(text: str) -> Addressee:
    """The client's address of a cell. ValueError names the mistake."""
    address = text.strip(" \t\u00a0\ufeff")
    if not address:
        raise ValueError("the address is empty")
    _refuse_controls("the address", address)
    parsed = parse_mailbox(address)
    if parsed.domain.startswith("["):
        raise ValueError(f"{address[:80]!r}: an address literal is no client's address")
    if "." not in parsed.ascii_domain:
        raise ValueError(f"{address[:80]!r}: the domain has no dot")
    return Addressee(str(parsed), parsed.normalised, parsed.ascii_domain)


def variables(cells: Mapping[str, str]) -> dict[str, str]:
    """Variables without the empty ones. ValueError names the variable."""
    if len(cells) > VARIABLES:
        raise ValueError(f"{len(cells)} variables; a client has at most {VARIABLES}")
    kept = {}
    for name, value in cells.items():
        check_variable(name, value)
        if value:
            kept[name] = value
    return kept


def check_variable(name: str, value: str) -> None:
    """ValueError where the name or the value cannot be taken."""
    if not name or len(name) > KEY_LIMIT or not name.isprintable():
        raise ValueError(f"variable name {name[:80]!r}: 1 to {KEY_LIMIT} printable characters")
    if len(value) > VALUE_LIMIT:
        raise ValueError(f"variable {name!r}: {len(value)} characters, at most {VALUE_LIMIT}")
    _refuse_controls(f"variable {name!r}", value)


def _refuse_controls(what: str, text: str) -> None:
    if text.isprintable():
        return
    for at, character in enumerate(text, 1):
        if character in _BREAKS:
            raise ValueError(f"{what}: a line break at character {at}")
        if character != "\t" and category(character) in ("Cc", "Cs"):
            raise ValueError(f"{what}: control character U+{ord(character):04X} at character {at}")
