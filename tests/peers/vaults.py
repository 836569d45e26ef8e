"""A vault with every key: what the parent has, and no single role."""

from __future__ import annotations

from store.secrets import SigningBox, Vault


def whole_vault(master: bytes) -> Vault:
    return Vault(master, SigningBox(private=master))
