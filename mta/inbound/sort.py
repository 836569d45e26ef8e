"""Sorts arrivals: reads each in the child, decides, carries out, files. For one thread, mta/inbound/sort_daemon's.

For a group of arrivals: the attempts are counted in one commit, then each is read, by several children where many wait;
the consequences are committed on core together, and only behind those the filing and the marks on mail. Whoever kills
the parser twice is filed unread, with no effect. Crash cases: killed while reading, the attempt is counted and the
arrival read again; killed between core and mail, it is sorted again with the same result (store/sorting.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from queue import SimpleQueue
from typing import Final, TypeVar

from prometheus_client import Counter, Histogram

from mail.header import Headers, split
from mail.letter import Letter
from mail.mime_index import Indexed, Part, PartIndex, index
from mail.object_id import email_id, thread_id
from mail.outcome import Action, Kind
from mail.srs import Srs
from mail.verp import Tokens
from mta.inbound.onward import Sending
from mta.inbound.parser import Parser, ParserDied
from mta.inbound.report_keep import NOTHING_TOLD, ReportKeeper, Told
from policy import sorting as decide
from policy.correspondents import Writers
from policy.sorting import Act, Mail, Reported, To
from role.log import EventLog
from store import arrivals, sorting
from store.arrivals import Arrival, ArrivalState
from store.correspondents import junk_boxes
from store.needed import needed
from store.onward import Onward
from store.sorting import Ending, Tied
from store.spool import Spool
from store.stores import Stores

T = TypeVar("T")
GROUP: Final = 50
MANY: Final = 8  # of a group, from which on all children read
GROUP_OCTETS: Final = 32 * 1024 * 1024
KILLS: Final = 2  # of the child, after which an arrival is filed unread
BEGUN: Final = 6  # attempts whose end nobody saw, since this process itself died; then it is suspect too

_SORTED: Final = Counter("mailloft_sorted", "Arrivals sorted", ["kind"])
_UNREAD: Final = Counter("mailloft_sorted_unparsed", "Arrivals filed unread, since they killed the parser")
_DEATHS: Final = Counter("mailloft_parser_deaths", "Parsing children that a message killed")
_ACTS: Final = Counter("mailloft_sorter_acts", "What arrivals did", ["act"])
_BOUNCES: Final = Counter("mailloft_bounces", "Failures told by DSNs about mail of ours, by reason", ["reason"])
_WAITED: Final = Histogram(
    "mailloft_sort_wait_seconds", "From the 250 to sorted", buckets=(0.1, 0.5, 1, 2, 5, 15, 60, 300, 3600)
)
_UNREAD_KIND: Final = "unparsed"


@dataclass(frozen=True, slots=True)
class Judged:
    """One arrival, read and decided; nothing of it is saved yet."""

    arrival: Arrival
    state: ArrivalState
    kind: Kind | None
    acts: tuple[Act, ...]
    junk: bool
    index: Indexed | None  # None where the bytes are gone: nothing to file
    onward: tuple[Onward, ...] = ()
    told: Told = NOTHING_TOLD
    author: str | None = None
    letter: Letter | None = None  # of a person's mail

    @property
    def writers(self) -> Writers:
        return Writers(self.author, self.arrival.reverse_path, str(self.arrival.authentication.get("dmarc", "")))


class Sorter:
    def __init__(
        self, stores: Stores, spool: Spool, tokens: Tokens, srs: Srs, parser: Parser, log: EventLog,
        further: Sequence[Parser] = (),
    ) -> None:  # fmt: skip
        """`further`: they read beside the first where MANY wait."""
        self._stores = stores
        self._spool = spool
        self._tokens = tokens
        self._sending = Sending(stores, spool, srs)
        self._parsers = (parser, *further)
        self._threads = ThreadPoolExecutor(len(self._parsers), thread_name_prefix="reading")
        self._log = log
        self._reports = ReportKeeper(stores, log)
        self._behind = 0  # the last arrival looked at; one that cannot be sorted now holds up no other
        self.troubled = False  # whether the last step left one unsorted: the store or the spool is in trouble

    def step(self) -> int:
        """Sort a group of those that wait; how many there were, 0 once all have been looked at."""
        self.troubled = False
        group = self._group()
        self._behind = group[-1].id if group else 0
        self._save([one for one in self._judge_all(group) if one is not None])
        return len(group)

    def _group(self) -> list[Arrival]:
        """The next ones, their attempt counted before anything looks into them."""
        with self._stores.mail.database.read() as tx:
            group = _together(arrivals.load(tx, arrivals.waiting(tx, self._behind, GROUP)))
        if group:
            # Before the count: what kills us while a child starts is no message's doing.
            for parser in self._parsers_for(group):
                parser.start()
            counted = [arrival.id for arrival in group]
            self._stores.mail.journal.run(partial(arrivals.begin_parse, ids=counted))
        return group

    # --- reading ------------------------------------------------------------------------------------------

    def _parsers_for(self, group: Sequence[Arrival]) -> Sequence[Parser]:
        return self._parsers if len(group) >= MANY else self._parsers[:1]

    def _judge_all(self, group: Sequence[Arrival]) -> list[Judged | None]:
        """In their order, whichever child reads them; none is still being read when this ends, or raises."""
        parsers = self._parsers_for(group)
        if len(parsers) == 1:
            return [self._judge(arrival, parsers[0]) for arrival in group]
        idle: SimpleQueue[Parser] = SimpleQueue()
        for parser in parsers:
            idle.put(parser)

        def judge(arrival: Arrival) -> Judged | None:
            parser = idle.get()
            try:
                return self._judge(arrival, parser)
            finally:
                idle.put(parser)

        reading = [self._threads.submit(judge, arrival) for arrival in group]
        wait(reading)
        return [one.result() for one in reading]

    def _judge(self, arrival: Arrival, parser: Parser) -> Judged | None:
        try:
            content = self._spool.get(arrival.blob, arrival.file)
        except FileNotFoundError as error:
            self._log.error("arrival without bytes", raised=error, arrival=arrival.id, file=arrival.file)
            return Judged(arrival, ArrivalState.UNPARSED, None, (), junk=False, index=None)
        except OSError as error:
            self._leave(arrival, error)
            return None
        if arrival.parses >= BEGUN:
            return self._unread(arrival, content)
        for attempt in range(KILLS):
            if attempt:
                self._stores.mail.journal.run(partial(arrivals.begin_parse, ids=[arrival.id]))
            try:
                return self._read(arrival, content, parser)
            except ParserDied as death:
                _DEATHS.inc()
                self._log.warning("parser died", arrival=arrival.id, words=str(death))
        return self._unread(arrival, content)

    def _read(self, arrival: Arrival, content: bytes, parser: Parser) -> Judged:
        read = parser.read(arrival.reverse_path, content)
        found = arrival.authentication
        answers = read.letter.answers if read.letter else ()
        verdict = str(found.get("dmarc", "")), str(found.get("disposition", ""))
        mail = Mail(read.classified, read.author, *verdict, answers)
        people = [To(one.position, one.purpose, one.target) for one in arrival.recipients]
        parts = PartIndex.from_bytes(read.parts)
        structure = (read.envelope, read.body, read.bodystructure, parts)
        indexed = Indexed(*structure, read.email_id, read.thread_id, read.asked)
        doing = decide.acts(mail, people, self._tokens)
        junk = decide.is_junk(mail) or bool(found.get("listed") or found.get("spam"))
        if not junk:
            doing = (*decide.meetings(mail, read.cards, people), *doing)
        onward = self._sending.copies(arrival, content, junk)
        told = Told(read.reports, read.unreadable)
        kind = read.classified.kind
        return Judged(arrival, ArrivalState.SORTED, kind, doing, junk, indexed, onward, told, read.author, read.letter)

    def _unread(self, arrival: Arrival, content: bytes) -> Judged:
        """It is a person's mail perhaps, so it is filed, as one part that nobody has looked into."""
        _UNREAD.inc()
        empty, body = index(b"\r\n"), split(content)
        parts = {"": Part(0, 0, len(content), body), "1": Part(0, body, len(content))}
        email = email_id(content)
        structure = (empty.envelope, empty.body, empty.bodystructure, PartIndex(parts))
        indexed = Indexed(*structure, email, thread_id(Headers({}), email), empty.asked)
        onward = self._sending.copies(arrival, content, junk=False)
        return Judged(arrival, ArrivalState.UNPARSED, None, (), junk=False, index=indexed, onward=onward)

    # --- saving -------------------------------------------------------------------------------------------

    def _save(self, judged: Sequence[Judged]) -> None:
        now = datetime.now(UTC)
        judged = [one for one in judged if self._keep_reports(one, now)]
        with self._stores.core.database.read() as core:
            doing = needed(core, [one.acts for one in judged])
        consequences = [(one, self._carry_out(one, acts, now)) for one, acts in zip(judged, doing, strict=True)]
        with self._stores.core.database.read() as core:
            homes = sorting.existing_mailboxes(core, [one.arrival for one in judged])
            junk = junk_boxes(core, [(one.writers, one.junk, homes[one.arrival.id]) for one in judged])
        shelves = {one.arrival.id: boxes for one, boxes in zip(judged, junk, strict=True)}
        endings = [
            (one, self._ending(one, tied, homes[one.arrival.id], shelves[one.arrival.id]))
            for one, future in consequences
            if (tied := self._done(one, future)) is not None
        ]
        for one in self._finished(endings, now):
            self._tell(one, now)

    def _finished(self, endings: Sequence[tuple[Judged, Ending]], now: datetime) -> list[Judged]:
        """Together; one by one where that fails, so that an arrival that the store refuses stops no other."""
        if not endings:
            return []
        whole = [(one.arrival, ending) for one, ending in endings]
        try:
            self._stores.mail.journal.run(partial(sorting.finish, endings=whole, now=now))
        except Exception:  # noqa: BLE001 - told below, of the one that it was
            return [one for one, ending in endings if self._finished_alone(one, ending, now)]
        return [one for one, _ in endings]

    def _finished_alone(self, one: Judged, ending: Ending, now: datetime) -> bool:
        try:
            self._stores.mail.journal.run(partial(sorting.finish, endings=[(one.arrival, ending)], now=now))
        except Exception as error:  # noqa: BLE001 - one arrival that the store refuses must not stop the others
            self._leave(one.arrival, error)
            return False
        return True

    def _keep_reports(self, one: Judged, now: datetime) -> bool:
        """Before the arrival is marked; False where the store failed: it is looked at again."""
        try:
            self._reports.keep(one.arrival, one.told, now)
        except Exception as error:  # noqa: BLE001 - one arrival that the store refuses must not stop the others
            self._leave(one.arrival, error)
            return False
        return True

    def _carry_out(self, one: Judged, acts: Sequence[Act], now: datetime) -> Future[Tied]:
        if acts or one.onward:
            return self._stores.core.journal.submit(
                partial(sorting.carry_out, doing=acts, arrival=one.arrival.id, now=now, onward=one.onward)
            )
        nothing: Future[Tied] = Future()
        nothing.set_result(Tied(None, None))
        return nothing

    def _ending(self, one: Judged, tied: Tied, mailboxes: tuple[int, ...], junk: frozenset[int]) -> Ending:
        return Ending(one.state, one.kind, tied, mailboxes if one.index else (), junk, one.index, one.letter)

    def _done(self, one: Judged, future: Future[T]) -> T | None:
        """The result, or None where it failed: the arrival stays unsorted and is looked at again."""
        try:
            return future.result()
        except Exception as error:  # noqa: BLE001 - one arrival that the store refuses must not stop the others
            self._leave(one.arrival, error)
            return None

    def _leave(self, arrival: Arrival, error: Exception) -> None:
        """It stays unsorted; the attempt is taken back, since it was not the message that ended it."""
        self.troubled = True
        self._log.error("arrival not sorted", raised=error, arrival=arrival.id)
        self._stores.mail.journal.run(partial(arrivals.take_back_parse, arrival=arrival.id))

    def _tell(self, one: Judged, now: datetime) -> None:
        kind = one.kind.value if one.kind else _UNREAD_KIND
        _SORTED.labels(kind).inc()
        _WAITED.observe(max(0.0, (now - one.arrival.received_at).total_seconds()))
        for act in one.acts:
            _ACTS.labels(type(act).__name__.lower()).inc()
            for outcome in act.outcomes if isinstance(act, Reported) else ():
                if outcome.action is Action.FAILED:
                    _BOUNCES.labels(outcome.reason.value).inc()
        self._log.info(
            "sorted", arrival=one.arrival.id, kind=kind, acts=[type(act).__name__.lower() for act in one.acts]
        )


def _together(loading: Iterable[Arrival]) -> list[Arrival]:
    """As many as one group takes. Who was begun before is read alone, so that it is suspected alone if we die again."""
    group, octets = list[Arrival](), 0
    for arrival in loading:
        if arrival.parses:
            return group or [arrival]
        group.append(arrival)
        octets += arrival.size_bytes
        if octets > GROUP_OCTETS:
            break
    return group
