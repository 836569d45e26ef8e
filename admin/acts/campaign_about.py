"""What a campaign says, and from whom it goes to whom, by name: for whoever looks at it when it is no draft any more.

Names are those of today. Raises NotFoundError for another project's campaign.
"""

from __future__ import annotations

from dataclasses import dataclass

from admin.acts import campaigns
from admin.office import Office
from store import campaign_content, lists, segments, senders


@dataclass(frozen=True, slots=True)
class About:
    """`list` None: all clients of the project; `segment` None: all of them."""

    subject: str
    sender: str
    list: str | None
    segment: str | None
    pool: str


def about(office: Office, project: int, campaign: int) -> About:
    with office.read() as connection:
        found = campaigns.mine(connection, project, campaign)
        sender = senders.get(connection, project, found.sender_id)
        chosen = None if found.list_id is None else lists.get(connection, project, found.list_id)
        segment = None if found.segment_id is None else segments.get(connection, project, found.segment_id)
        return About(
            campaign_content.subject(connection, found.id, found.content_version),
            sender.address if sender else "–",
            chosen.name if chosen else None,
            segment.name if segment else None,
            found.pool,
        )
