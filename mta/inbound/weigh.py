"""What an rspamd's opinion does to a message, behind the dot: junk, a refusal, and the field that says so.

Called by mta/inbound/session for mail to people where `[junk] rspamd` is set. An rspamd that is away, slow or out of
its mind lets mail pass (fail-open), and is counted; one that goes on so is not asked for a while (policy/silence), or
each message would wait out the timeout.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from prometheus_client import Counter

from net.rspamd import Opinion, Question, Rspamd, UnansweredError
from policy.junk import Filed, filed
from policy.silence import Silence, asking, unanswered
from role.log import EventLog

_OPINIONS: Final = Counter("mailloft_mx_rspamd", "What rspamd said of messages", ["action"])
_REFUSALS: Final = {
    Filed.REFUSE: "550 5.7.1 The message looks like junk",
    Filed.WAIT: "451 4.7.1 Not now, try again later",
}


@dataclass(frozen=True, slots=True)
class Weighed:
    refusal: str | None = None
    junk: bool = False
    field: bytes = b""  # of the header


class Weigher:
    """One for each process. `rejecting`: its word refuses mail, and not only files it."""

    def __init__(self, rspamd: Rspamd, rejecting: bool, log: EventLog) -> None:
        self._rspamd = rspamd
        self._rejecting = rejecting
        self._log = log
        self._silence = Silence()

    async def weigh(self, question: Question, content: bytes) -> Weighed:
        opinion = await self._opinion(question, content)
        if opinion is None:
            return Weighed()
        where = filed(opinion.action, rejecting=self._rejecting)
        _OPINIONS.labels(where.value).inc()
        return Weighed(_REFUSALS.get(where), where is Filed.JUNK, _field(opinion, where))

    async def _opinion(self, question: Question, content: bytes) -> Opinion | None:
        asked = asking(self._silence, datetime.now(UTC))
        if asked is None:
            _OPINIONS.labels("unasked").inc()
            return None
        self._silence = asked
        try:
            opinion = await self._rspamd.opinion(question, content)
        except UnansweredError as error:
            _OPINIONS.labels("unanswered").inc()
            self._log.warning("rspamd did not answer", words=str(error), peer=question.peer)
            self._remember(unanswered(self._silence, asked, datetime.now(UTC)))
            return None
        self._remember(Silence())
        return opinion

    def _remember(self, silence: Silence) -> None:
        if silence.until != self._silence.until:
            if silence.until is None:
                self._log.info("rspamd answers again")
            else:
                self._log.warning("rspamd is not asked for a while", seconds=int(silence.pause.total_seconds()))
        self._silence = silence


def _field(opinion: Opinion, where: Filed) -> bytes:
    junk = "Yes" if where is Filed.JUNK else "No"
    return f"X-Spam-Status: {junk}, score={opinion.score:.2f} required={opinion.required_score:.2f}\r\n".encode()
