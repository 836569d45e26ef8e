"""What NOTIFY asks for, and what it is about (RFC 5465 §5, §6). Pure.

The first group that a mailbox is in decides; SELECTED goes before all of them for the mailbox that is selected.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from typing import Final

from imap.wire_fetch import Wanted
from store.folders import INBOX, SEPARATOR


class Event(Enum):
    MESSAGE_NEW = b"MESSAGENEW"
    MESSAGE_EXPUNGE = b"MESSAGEEXPUNGE"
    FLAG_CHANGE = b"FLAGCHANGE"
    MAILBOX_NAME = b"MAILBOXNAME"
    SUBSCRIPTION_CHANGE = b"SUBSCRIPTIONCHANGE"


MESSAGES: Final = frozenset((Event.MESSAGE_NEW, Event.MESSAGE_EXPUNGE, Event.FLAG_CHANGE))


class Filter(Enum):
    """Which mailboxes a group is about; all of a person's are PERSONAL."""

    SELECTED = b"SELECTED"
    SELECTED_DELAYED = b"SELECTED-DELAYED"
    INBOXES = b"INBOXES"
    PERSONAL = b"PERSONAL"
    SUBSCRIBED = b"SUBSCRIBED"
    SUBTREE = b"SUBTREE"
    MAILBOXES = b"MAILBOXES"


OF_SELECTED: Final = frozenset((Filter.SELECTED, Filter.SELECTED_DELAYED))
NAMED: Final = frozenset((Filter.SUBTREE, Filter.MAILBOXES))


@dataclass(frozen=True, slots=True)
class Group:
    """`names`: of SUBTREE and MAILBOXES. `fetches`: what is fetched of each new mail of the selected mailbox."""

    filter: Filter
    names: frozenset[str]
    events: frozenset[Event]
    fetches: tuple[Wanted, ...] = ()

    def has(self, name: str, subscribed: Collection[str]) -> bool:
        """Whether a mailbox of that name is in it."""
        match self.filter:
            case Filter.PERSONAL:
                return True
            case Filter.INBOXES:
                return name == INBOX
            case Filter.SUBSCRIBED:
                return name in subscribed
            case Filter.MAILBOXES:
                return name in self.names
            case Filter.SUBTREE:
                return any(name == top or name.startswith(top + SEPARATOR) for top in self.names)
        return False


@dataclass(frozen=True, slots=True)
class Notification:
    groups: tuple[Group, ...]

    def of_selected(self) -> Group | None:
        return next((group for group in self.groups if group.filter in OF_SELECTED), None)

    def events_of(self, name: str, subscribed: Collection[str]) -> frozenset[Event]:
        """For a mailbox that is not selected."""
        return next((group.events for group in self.groups if group.has(name, subscribed)), frozenset())
