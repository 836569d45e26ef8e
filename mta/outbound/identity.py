"""As whom the mail of a domain goes out: the keys that sign it, and the domain where its DSNs come back.

Called on threads that may block. Kept for some seconds, since most mail of a moment is of few domains; a new key signs
within thirty seconds, these and those of mta/outbound/shelf.py together.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from mail.dkim_sign import Signer, load_key
from role.context import Context
from store import dkim, outgoing

KEPT: Final = 5.0  # seconds
_MOST: Final = 10_000  # domains that are kept


@dataclass(frozen=True, slots=True)
class Identity:
    """`signer` None: the domain is not the project's own, or has no keys."""

    reverse_domain: str
    signer: Signer | None


class Identities:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._kept: dict[tuple[int, str], tuple[Identity, float]] = {}

    def of(self, project_id: int, domain: str) -> Identity:
        """ValueError where a key does not open."""
        now = time.monotonic()
        kept = self._kept.get((project_id, domain))
        if kept is not None and now - kept[1] < KEPT:
            return kept[0]
        if len(self._kept) >= _MOST:
            self._kept.clear()
        identity = self._read(project_id, domain)
        self._kept[project_id, domain] = identity, now
        return identity

    def _read(self, project_id: int, domain: str) -> Identity:
        with self._context.stores.core.database.read() as core:
            linked, sealed = outgoing.identity(core, project_id, domain)
        box = self._context.vault.signing
        keys = [load_key(box.unseal(key.sealed, dkim.place(domain, key.selector)), key.selector) for key in sealed]
        # The sender's own domain if its MX is ours, since SPF then aligns; else our host.
        reverse_domain = domain if linked else self._context.settings.server.hostname
        return Identity(reverse_domain, Signer(domain, tuple(keys)) if keys else None)
