"""What the launch gate wants to know of a campaign, read in one state of `core` (PRODUCT K5).

Called by admin/acts/campaigns.py; policy/launch_gate.py judges.
"""

from __future__ import annotations

from sqlalchemy import Connection

from mail.address import parse_mailbox
from policy.launch_gate import LaunchFacts, has_body
from store import campaign_content, campaigns, imports, projects, segments, sender_standing, senders


def gather(connection: Connection, campaign: campaigns.Campaign) -> LaunchFacts:
    """LookupError where project or sender is gone, which a foreign key forbids."""
    project = projects.get(connection, campaign.project_id)
    sender = senders.get(connection, campaign.project_id, campaign.sender_id)
    if project is None or sender is None:
        raise LookupError(f"campaign {campaign.id} names a project or sender that is gone")
    content = campaign_content.load(connection, campaign.id, campaign.content_version)
    return LaunchFacts(
        campaigns_allowed=project.campaigns_allowed,
        has_body=has_body(content.html, content.text),
        sender=sender_standing.gather(
            connection, campaign.project_id, parse_mailbox(sender.address), authorised=sender.authorised
        ),
        ratings=segments.ratings_of(connection, campaign.project_id, campaign.list_id, campaign.segment_id),
        imports_running=imports.count_open(connection, campaign.project_id),
    )
