"""What an rspamd's opinion does to a message, behind the dot: junk, a refusal, and the field that says so.

Called by mta/inbound/session for mail to people where `[junk] rspamd` is set. An rspamd that is away, slow or out of
its mind lets mail pass (fail-open), and is counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from prometheus_client import Counter

from net.rspamd import Opinion, Question, Rspamd, UnansweredError
from policy.junk import Filed, filed
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


@dataclass(frozen=True, slots=True)
class Weigher:
    """`rejecting`: its word refuses mail, and not only files it."""

    rspamd: Rspamd
    rejecting: bool
    log: EventLog

    async def weigh(self, question: Question, content: bytes) -> Weighed:
        try:
            opinion = await self.rspamd.opinion(question, content)
        except UnansweredError as error:
            _OPINIONS.labels("unanswered").inc()
            self.log.warning("rspamd did not answer", words=str(error), peer=question.peer)
            return Weighed()
        where = filed(opinion.action, rejecting=self.rejecting)
        _OPINIONS.labels(where.value).inc()
        return Weighed(_REFUSALS.get(where), where is Filed.JUNK, _field(opinion, where))


def _field(opinion: Opinion, where: Filed) -> bytes:
    junk = "Yes" if where is Filed.JUNK else "No"
    return f"X-Spam-Status: {junk}, score={opinion.score:.2f} required={opinion.required_score:.2f}\r\n".encode()
