"""What an act was done to, as the audit trail's page tells it: a thing by its noun, number and name."""

from __future__ import annotations

from admin.acts import things
from admin.pages.catalogue import Words


def subject(words: Words, kept: str) -> str:
    """A thing in the reader's language; all else as it was kept."""
    thing = things.read(kept)
    if thing is None:
        return kept
    noun = words.named("audit.noun", thing.noun)
    return words.t("audit.thing", noun=noun, number=thing.number, name=thing.name) + thing.rest
