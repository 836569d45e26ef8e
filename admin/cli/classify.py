"""`mailloft classify [--json] FILE...`: what each file is, by the mail alone (CONTRACTS.md); no settings, no database.

One file in memory at a time, one line each, written as it goes. A file that cannot be read gives a line with its
error, the others go on, and the exit status is 1.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, TextIO

import msgspec

from mail.outcome import Outcome
from policy.classification import Classified, classify_mail


def classify_files(paths: Iterable[str], *, as_json: bool, out: TextIO) -> int:
    """The exit status; `file` is written as it was given."""
    status = 0
    for path in paths:
        try:
            raw = Path(path).read_bytes()
        except (OSError, ValueError) as error:  # ValueError: a NUL in the name
            status = 1
            out.write(_line({"file": path, "error": _cause(error)}, as_json))
            continue
        out.write(_line(_described(path, classify_mail(raw)), as_json))
    return status


def _described(path: str, mail: Classified) -> dict[str, Any]:
    return {"file": path, "kind": mail.kind.value, "recipients": [_recipient(one) for one in mail.recipients]}


def _recipient(one: Outcome) -> dict[str, Any]:
    return {
        "recipient": one.recipient,
        "status": one.status,
        "reason": one.reason.value,
        "hardbounce": one.hard,
        "action": one.action.value if one.action else "",
        "effect": one.effect.value,
    }


def _line(described: dict[str, Any], as_json: bool) -> str:
    if as_json:
        # A file name that is not UTF-8 comes from the shell with lone surrogates, which JSON cannot hold.
        described["file"] = described["file"].encode("utf-8", "replace").decode("utf-8")
        return msgspec.json.encode(described).decode("utf-8") + "\n"
    if "error" in described:
        return f"{described['file']}: {described['error']}\n"
    recipients = "".join(
        f"\n  {one['recipient'] or '(not told)'}  {one['action'] or '-'}  {one['status'] or '-'}  "
        f"{one['reason']} -> {one['effect']}"
        for one in described["recipients"]
    )
    return f"{described['file']}: {described['kind']}{recipients}\n"


def _cause(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
