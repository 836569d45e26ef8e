"""One attempt at a row as the lane hands it on: what was heard, and its line for the attempt log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from mta.outbound.job import Job
from mta.outbound.route import NO_MAIL, Unreachable
from mta.outbound.verdict import Heard
from net.smtp_connection import Answer, Connection
from store.attempts import Attempt


class Tried(msgspec.Struct, frozen=True):
    """One attempt: which row, what was heard, and its line for the log."""

    job: Job
    heard: Heard
    attempt: Attempt


def tried(job: Job, connection: Connection, answer: Answer, started: datetime) -> Tried:
    now = datetime.now(UTC)
    reply = answer.reply
    kept = None if reply is not None and reply.positive else answer.transcript
    attempt = Attempt(
        job.row.recipient_id, now, job.source.address, str(connection.peer), connection.tls,
        reply.code if reply else None, answer.words[:1000], kept, (now - started) // timedelta(milliseconds=1),
    )  # fmt: skip
    return Tried(job, Heard(reply, answer.words), attempt)


def untried(job: Job, failure: Unreachable, started: datetime) -> Tried:
    now = datetime.now(UTC)
    attempt = Attempt(
        job.row.recipient_id, now, job.source.address, failure.host, None,
        failure.reply.code if failure.reply else None, str(failure)[:1000], None,
        (now - started) // timedelta(milliseconds=1),
    )  # fmt: skip
    return Tried(job, _site_verdict(failure), attempt)


def _site_verdict(failure: Unreachable) -> Heard:
    """A greeting of 5xx is a verdict on us, not on the recipient: deferred like a refused connection."""
    if failure.reply is not None and failure.reply in NO_MAIL.values():
        return Heard(failure.reply, str(failure))
    return Heard(None, str(failure), failure.reply, failure.out_of_reach)
