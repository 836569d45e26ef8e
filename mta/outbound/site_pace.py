"""How fast one source may go at one site, as of now: limits, reactions to answers, slots, rates.

In memory, on the loop. A lane keeps to its LanePace; the sources of a site share its slots in SitePace. New reactions
go to Pacing, which publishes them.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from mail.reply import Reply
from policy import gcra
from policy.bounce_class import outcome_of_reply
from policy.hearing import Tally
from policy.shaping import EVERYWHERE, Action, Limits, Reaction, Rule, action_of, recovered, under
from policy.sickness import OURS

if TYPE_CHECKING:
    from mta.outbound.pacing import Pacing

_NEVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(slots=True)
class LanePace:
    """One source at one site. `wake` is the lane's: called when a slot became free or limits changed."""

    site: SitePace
    source: str
    wake: Callable[[], None] = lambda: None
    slots: int = 0
    answers: int = 0
    starving: bool = False
    _tallies: dict[int, Tally] = field(default_factory=dict)
    _refusals: Tally = field(default_factory=Tally)
    _message_due: float = 0.0
    _connection_due: float = 0.0
    _limits: Limits | None = None
    _version: int = -1
    _valid: datetime = _NEVER

    @property
    def limits(self) -> Limits | None:
        """What holds now; None: nothing is sent."""
        if self._version != self.site.pacing.version or datetime.now(UTC) >= self._valid:
            now = datetime.now(UTC)
            held = self.site.holding(self.source, now)
            self._limits = under(self.site.limits, held, now)
            self._valid = min((one.until for one in held), default=_NEVER)
            self._version = self.site.pacing.version
        return self._limits

    def admit(self, fresh: bool) -> float:
        """0.0 and counted where a message may go now (`fresh`: on a new connection), else the seconds to wait."""
        limits, now = self.limits, time.monotonic()
        if limits is None or (limits.message_rate is None and limits.connection_rate is None):
            return 0.0
        message, wait = self._message_due, 0.0
        if limits.message_rate is not None:
            message, wait = gcra.admit(self._message_due, now, limits.message_rate)
        if fresh and limits.connection_rate is not None and wait == 0.0:
            self._connection_due, wait = gcra.admit(self._connection_due, now, limits.connection_rate)
        if wait == 0.0:
            self._message_due = message
        return wait

    def take_slot(self) -> bool:
        """A connection slot, where the site has one left for this source; else it will be woken."""
        cap = self.site.cap
        if cap and self.site.slots >= cap:
            if self.slots == 0 and not self.starving:
                self.starving = True
                self.site.nudge(self)
            return False
        self.starving = False
        self.slots += 1
        self.site.slots += 1
        return True

    def give_slot(self) -> None:
        self.slots -= 1
        self.site.slots -= 1
        if self.site.limits.provider_connections:
            self.site.nudge(self)

    @property
    def yields(self) -> bool:
        """Whether another source of the site has no slot at all, so that one of several goes when it can."""
        return any(one.starving for one in self.site.lanes.values() if one is not self)

    def heard(self, reply: Reply | None) -> None:
        """A host's answer; None where the connection ended without one."""
        self.answers += 1
        if reply is None or reply.positive:
            return
        now = time.monotonic()
        for at, (pattern, rule) in enumerate(self.site.rules):
            if pattern.search(f"{reply.code} {reply.enhanced} {reply.text}"[:2000]) is None:
                continue
            self.site.noted = now
            tally = self._tallies.setdefault(at, Tally())
            if tally.add(now, self.answers, rule.count, rule.within.total_seconds(), rule.share):
                self.site.react(self.source, rule, reply)

    def unreached(self, reply: Reply | None) -> bool:
        """A connection was refused; whether for what our address is."""
        self.heard(reply)
        ours = reply is not None and outcome_of_reply("", reply).reason in OURS
        if ours:
            self.refused(str(reply))
        return ours

    def refused(self, words: str) -> None:
        """An answer that speaks of our address. The last one awake of its pool never rests for it: mail goes on."""
        sick = self.site.pacing.sickness
        self.site.noted = time.monotonic()
        if self._refusals.add(
            time.monotonic(), max(1, self.answers), sick.refusals, sick.within.total_seconds(), sick.share
        ) and self.site.pacing.others_awake(self.source, self.site.name):
            self.site.rest(self.source, sick.rest, f"refused for our address: {words[:200]}")
            self.site.pacing.judge_everywhere(self.source)


class SitePace:
    """All sources at one site."""

    def __init__(self, pacing: Pacing, name: str, limits: Limits, rules: Sequence[Rule]) -> None:
        self.pacing = pacing
        self.name = name
        self.limits = limits
        self.rules = [(re.compile(rule.match, re.IGNORECASE), rule) for rule in rules]
        self.lanes: dict[str, LanePace] = {}
        self.slots = 0
        self.noted = 0.0  # when a host last said something that is counted
        self._held: dict[tuple[str, Action], Reaction] = {}

    @property
    def cap(self) -> int:
        """Connections from all sources of this node together; 0: no cap. Nodes that share the rows divide it."""
        whole = self.limits.provider_connections
        return max(1, whole // self.pacing.nodes) if whole else 0

    def lane(self, source: str) -> LanePace:
        if source not in self.lanes:
            self.lanes[source] = LanePace(self, source)
        return self.lanes[source]

    def holding(self, source: str, now: datetime) -> list[Reaction]:
        """The reactions that bind this source here; one that is over is followed by its next, looser step."""
        self.expire(now)
        everywhere = self.pacing.everywhere.get(source)
        held = [one for one in self._held.values() if one.source in (source, EVERYWHERE)]
        return [*held, everywhere] if everywhere is not None and everywhere.until > now else held

    def expire(self, now: datetime) -> None:
        """What is over ends, or goes on as its next step."""
        for key, one in list(self._held.items()):
            if one.until <= now:
                del self._held[key]
                following = recovered(one, self.limits, now)
                if following is not None and (following.source, following.action) not in self._held:
                    self._hold(following)
        if not self._held:
            self.pacing.holding.discard(self.name)

    def adopt(self, known: Reaction) -> None:
        """One that was saved by an earlier run."""
        self._held[known.source, known.action] = known
        self.pacing.holding.add(self.name)
        self.pacing.version += 1

    def rested(self, source: str) -> bool:
        return (source, Action.REST) in self._held

    def react(self, source: str, rule: Rule, reply: Reply) -> None:
        action, value = action_of(rule)
        until = datetime.now(UTC) + rule.lasts
        origin = f"{rule.count} x /{rule.match}/ in {rule.within.total_seconds():g} s, last: {reply}"[:500]
        self._hold(Reaction(self.name, source, action, value, until, rule.lasts, origin))
        self.tell_lanes()

    def rest(self, source: str, lasts: timedelta, origin: str) -> None:
        self._hold(Reaction(self.name, source, Action.REST, 0, datetime.now(UTC) + lasts, lasts, origin[:500]))
        self.tell_lanes()

    def rests(self, source: str) -> bool:
        return self.lane(source).limits is None

    def nudge(self, but: LanePace) -> None:
        """Tell the others that a slot is free, or wanted: who starves is first."""
        for one in sorted(self.lanes.values(), key=lambda one: not one.starving):
            if one is not but:
                one.wake()

    def _hold(self, reaction: Reaction) -> None:
        self._held[reaction.source, reaction.action] = reaction
        self.pacing.holding.add(self.name)
        self.pacing.version += 1
        self.pacing.publish(reaction)

    def tell_lanes(self) -> None:
        for one in self.lanes.values():
            one.wake()
