"""What the demo shows to a person: where it is, bars that move, and in the end tables. Silent with --json.

lab/demo.py calls it. Nothing is decided here.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from lab.books import Entry, Taken
from lab.reckoning import Figures, Sent

Moved = Callable[[int, str], None]  # how far, and a word about it


class Screen:
    """A console, or None to be silent."""

    def __init__(self, console: Console | None) -> None:
        """With None every call does nothing."""
        self._console = console

    def say(self, text: str) -> None:
        """One line."""
        if self._console is not None:
            self._console.print(text, highlight=False)

    @contextlib.contextmanager
    def bar(self, title: str, total: int) -> Iterator[Moved]:
        """A bar while the block runs; the block gets what moves it."""
        if self._console is None:
            yield lambda _done, _word: None
            return
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[word]}"),
        )
        with Progress(*columns, console=self._console) as progress:
            task = progress.add_task(title, total=total, word="")
            yield lambda done, word: progress.update(task, completed=done, word=word)

    def results(
        self,
        figures: Figures,
        campaigns: Sequence[Sent],
        ratings: Mapping[str, Mapping[str, int]],
        revived: Sequence[str],
        books: Sequence[Entry],
    ) -> None:
        """All tables. `ratings` has one distribution of addresses a moment, in order."""
        if self._console is None:
            return
        self._console.print(_campaigns(campaigns))
        self._console.print(_ratings(ratings))
        self._console.print(_sources(figures, books))
        named = ", ".join(revived[:6]) + (", ..." if len(revived) > 6 else "")
        self.say(f"Back to 10 from below 7 by a mail of their own: {len(revived)} ({named})")
        self.say(
            f"Replies read over IMAP: {figures.replies_in_mailbox}. Lost {figures.lost}, "
            f"duplicates {figures.duplicates}, wrongly blocked {figures.ratings.wrongly_blocked}. "
            f"{figures.messages_per_second:.0f} recipients a second; {figures.seconds:.0f} s in all."
        )


def _campaigns(campaigns: Sequence[Sent]) -> Table:
    table = Table(title="What became of each recipient")
    table.add_column("")
    for sent in campaigns:
        table.add_column(f"issue {sent.number}", justify="right")
    counted = [Counter((row.state, row.reason) for row in sent.rows) for sent in campaigns]
    states = [Counter(row.state for row in sent.rows) for sent in campaigns]
    table.add_row("recipients", *(str(len(sent.rows)) for sent in campaigns))
    table.add_row("deferrals on the way", *(str(sent.deferrals) for sent in campaigns))
    for state in ("delivered", "bounced", "failed", "expired", "suppressed", "cancelled"):
        table.add_row(f"[bold]{state}", *(str(each[state]) for each in states))
        reasons = sorted({reason for each in counted for at, reason in each if at == state and reason})
        for reason in reasons if state != "delivered" else ():
            table.add_row(f"  {reason}", *(str(each[state, reason]) for each in counted))
    return table


def _ratings(ratings: Mapping[str, Mapping[str, int]]) -> Table:
    table = Table(title="Client ratings")
    table.add_column("rating")
    for moment in ratings:
        table.add_column(moment, justify="right")
    counted = [Counter(each.values()) for each in ratings.values()]
    for rating in sorted(set().union(*counted), reverse=True):
        name = f"{rating} (blocked)" if rating == 1 else str(rating)
        table.add_row(name, *(str(each[rating]) for each in counted))
    return table


def _sources(figures: Figures, books: Sequence[Entry]) -> Table:
    """By the books of the hosts: source, its EHLO names, connections, mails of the last issue, share under TLS."""
    table = Table(title="Sending addresses, as the hosts saw them")
    for name in ("source", "EHLO", "connections", "mails each", "TLS", "last issue"):
        table.add_column(name, justify="left" if name in ("source", "EHLO") else "right")
    for source, mails in figures.sources.items():
        own = [entry for entry in books if isinstance(entry, Taken) and entry.source == source]
        connections = len({entry.connection for entry in own})
        secured = sum(bool(entry.tls) for entry in own)
        names = ", ".join(sorted({entry.ehlo for entry in own}))
        shares = (f"{len(own) / connections:.1f}", f"{secured / len(own):.0%}")
        table.add_row(source, names, str(connections), *shares, str(mails))
    return table
