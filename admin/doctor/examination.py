"""All checks in their order; one that fails by itself is told as unknown and the others go on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from admin.doctor import doors, machine, names, queue
from admin.doctor.finding import Finding, Premises, Verdict

CHECKS: Final[tuple[tuple[str, Callable[[Premises], Iterable[Finding]]], ...]] = (
    ("ports", doors.look),
    ("names", names.look),
    ("queue", queue.look),
    ("machine", machine.look),
)


def examine(premises: Premises) -> Iterator[Finding]:
    for name, look in CHECKS:
        try:
            yield from look(premises)
        except Exception as error:  # noqa: BLE001 - whatever is broken is what a doctor is called for
            yield Finding(name, "the check itself", Verdict.UNKNOWN, f"failed: {type(error).__name__}: {error}")
