"""The MTA-STS policies of other domains: asked for, fetched, kept until they are too old (RFC 8461 §3, §5.1).

I/O; one for each sender process. A policy once seen is followed until its max_age is over, also where its record or
its file has vanished since, which is what an attacker would make happen; so it is kept in the database (`Keep`).
Nothing here raises for what a domain serves: what fails is told as words beside whatever policy still holds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from net.http_guard import HttpGuard, RefusedError
from net.resolver import Resolver, Standing, texts
from policy.mta_sts import POLICY_LIMIT, StsPolicy, identity, parse

ASK_EVERY: Final = timedelta(minutes=5)  # a domain's record, so long may a change go unseen
REMEMBERED: Final = 50_000  # domains
_PATH: Final = "/.well-known/mta-sts.txt"


@dataclass(frozen=True, slots=True)
class KeptPolicy:
    """A policy as it was fetched at that moment, under the id that announced it."""

    domain: str
    identity: str
    octets: bytes
    fetched_at: datetime
    expires_at: datetime


class Keep(Protocol):
    """Where policies outlive the process."""

    def all(self) -> Iterable[KeptPolicy]:
        """What was kept, for the start; on a thread that may block."""

    async def save(self, policy: KeptPolicy) -> None: ...


@dataclass(frozen=True, slots=True)
class Found:
    """What holds for a domain now; `fault`: a newer policy could not be had, "" otherwise."""

    policy: StsPolicy | None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class _Known:
    asked_at: datetime
    found: Found


class StsPolicies:
    def __init__(
        self, resolver: Resolver, guard: HttpGuard, keep: Keep, port: int, now: Callable[[], datetime]
    ) -> None:
        """Reads what was kept, so made on a thread that may block."""
        self._resolver = resolver
        self._guard = guard
        self._keep = keep
        self._port = port
        self._now = now
        self._kept = {one.domain: one for one in keep.all()}
        self._known: dict[str, _Known] = {}
        self._asking: dict[str, asyncio.Task[Found]] = {}

    async def of(self, domain: str) -> Found:
        """The policy that mail for `domain` (A-labels) follows now."""
        known = self._known.get(domain)
        if known is not None and self._now() - known.asked_at < ASK_EVERY:
            return known.found
        asking = self._asking.get(domain)
        if asking is None:
            asking = asyncio.get_running_loop().create_task(self._learn(domain))
            self._asking[domain] = asking
            asking.add_done_callback(lambda _: self._asking.pop(domain, None))
        return await asyncio.shield(asking)  # one that waits may be cancelled without the others

    async def _learn(self, domain: str) -> Found:
        found = await self._find(domain)
        if len(self._known) >= REMEMBERED:
            self._known.pop(next(iter(self._known)))
        self._known.pop(domain, None)
        self._known[domain] = _Known(self._now(), found)
        return found

    async def _find(self, domain: str) -> Found:
        held = self._held(domain)
        answer = await self._resolver.ask(f"_mta-sts.{domain}", "TXT")
        announced = identity(texts(answer)) if answer.standing is Standing.FOUND else None
        if announced is None or (held is not None and held.identity == announced and not self._ends_soon(held)):
            return Found(parse(held.octets) if held else None)
        try:
            fetched = await self._fetch(domain, announced)
        except (RefusedError, ValueError) as error:
            return Found(parse(held.octets) if held else None, str(error))
        self._kept[domain] = fetched
        await self._keep.save(fetched)
        return Found(parse(fetched.octets))

    def _held(self, domain: str) -> KeptPolicy | None:
        held = self._kept.get(domain)
        if held is not None and held.expires_at <= self._now():
            del self._kept[domain]
            return None
        return held

    def _ends_soon(self, held: KeptPolicy) -> bool:
        """In the last half of its life, or its last day: so it is renewed while it still holds (§3.3)."""
        return held.expires_at - self._now() < min((held.expires_at - held.fetched_at) / 2, timedelta(days=1))

    async def _fetch(self, domain: str, announced: str) -> KeptPolicy:
        """Raises RefusedError, or ValueError for what is no policy."""
        answer = await self._guard.get(f"mta-sts.{domain}", self._port, _PATH, POLICY_LIMIT)
        if answer.status != 200:  # §3.3: a redirect is no policy either
            raise RefusedError(f"https://mta-sts.{domain}{_PATH} answers with status {answer.status}")
        if answer.kind != "text/plain":
            raise RefusedError(f"https://mta-sts.{domain}{_PATH} is {answer.kind[:60] or 'of no type'}, not text/plain")
        now = self._now()
        return KeptPolicy(domain, announced, answer.content, now, now + parse(answer.content).max_age)
