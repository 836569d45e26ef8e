"""All commands, by their name in capitals; UID variants as `UID <name>`."""

from __future__ import annotations

from typing import Final

from imap.commands import (
    anytime,
    appending,
    compressing,
    entering,
    expunging,
    folders,
    idling,
    listing,
    messages,
    notifying,
    quota,
    searching,
    selecting,
    sorting,
    threading,
)
from imap.session import Table

COMMANDS: Final[Table] = {
    **anytime.COMMANDS,
    **entering.COMMANDS,
    **compressing.COMMANDS,
    **folders.COMMANDS,
    **listing.COMMANDS,
    **appending.COMMANDS,
    **idling.COMMANDS,
    **selecting.COMMANDS,
    **expunging.COMMANDS,
    **messages.COMMANDS,
    **notifying.COMMANDS,
    **quota.COMMANDS,
    **searching.COMMANDS,
    **sorting.COMMANDS,
    **threading.COMMANDS,
}
