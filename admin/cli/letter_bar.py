"""How far mails are on their way, as a line on stderr, and the count that proves what came of them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec
import typer

from admin.cli.showing import show
from admin.letters import Moved, Tally

if TYPE_CHECKING:
    from admin.acts.letters import MigrationProof, Proof

_UNFIT_SHOWN = 20


@contextmanager
def letter_bar(words: str) -> Iterator[Callable[[Tally], None]]:
    """What is given to the acts, which call it after each batch."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.fields[said]}"))
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as progress:
        tasks = {}

        def seen(tally: Tally) -> None:
            if tally.folder not in tasks:
                tasks[tally.folder] = progress.add_task(f"{words} {tally.folder}", total=None, said="")
            said = f"{tally.found} mails, {tally.filed} new, {tally.octets // 1000} kB"
            progress.update(tasks[tally.folder], completed=tally.found, said=said)

        yield seen


def tell_proof(proof: Proof | MigrationProof, as_json: bool) -> int:
    """The exit status: 0 where every letter is where it should be."""
    if as_json:
        json.dump(msgspec.to_builtins(proof) | {"whole": proof.whole}, sys.stdout, ensure_ascii=False)
        sys.stdout.write("\n")
        return 0 if proof.whole else 1
    show([_row(one) for one in proof.folders], as_json)
    for one in proof.unfit[:_UNFIT_SHOWN]:
        typer.echo(f"not taken: {one.place}: {one.words}", err=True)
    if len(proof.unfit) > _UNFIT_SHOWN:
        typer.echo(f"and {len(proof.unfit) - _UNFIT_SHOWN} more; --json tells all", err=True)
    return 0 if proof.whole else 1


def _row(one: Tally | Moved) -> dict[str, object]:
    """Flat, for a table."""
    if isinstance(one, Tally):
        return dict(msgspec.to_builtins(one))
    whole = dict(msgspec.to_builtins(one))
    return {**{name: value for name, value in whole.items() if name != "tally"}, **whole["tally"]}
