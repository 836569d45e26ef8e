"""What the clock's two kinds of daily report share: whose name they go in, and the way into the queue.

Called by admin/tls_reports.py and admin/dmarc_reports.py. Reports are signed mail of the domain that our host name is
in, so they go only where that domain is one of ours that may send. Crash case: see store/report_mail.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from admin.office import Office
from mail.address import Address
from mail.report_mail import Letter, Reporter, compose
from policy.sender_standing import may_send
from store import domains
from store.domains import Domain
from store.report_mail import queue_report
from store.spool import Spool


@dataclass(frozen=True, slots=True)
class ReportDesk:
    office: Office
    spool: Spool

    def sender(self) -> Domain | None:
        """The domain of ours that our host name is or is in."""
        labels = self.office.hostname.split(".")
        with self.office.read() as connection:
            found = (domains.find(connection, ".".join(labels[at:])) for at in range(len(labels) - 1))
            return next((one for one in found if one and may_send(owned=one.owned, sending=one.sending)), None)

    def queue(self, sender: Domain, letter: Letter, to: Address, now: datetime) -> bool:
        """False where it was queued before a crash."""
        reporter = reporter_of(sender)
        once = sha256(f"{letter.identity} {to.normalised}".encode()).hexdigest()[:32]
        message_id = f"<{letter.local}.{once}@{sender.name}>"
        stored = self.spool.put(compose(reporter, letter, str(to), message_id, now))
        return self.office.write(
            lambda tx: queue_report(
                tx, sender, letter.local, to, message_id, stored, now, whatever_tls=letter.whatever_tls
            )
        )


def reporter_of(sender: Domain) -> Reporter:
    return Reporter(sender.name, f"postmaster@{sender.name}")
