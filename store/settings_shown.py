"""The settings as they may be shown: what may hold a secret is "set" or "not set", everything else as it is.

Pure. Called by `mailloft settings FILE --json`. Secret is what store/settings.py marks SECRET: a URL may carry a
password, and the zone of a paid block list its customer's key (SECURITY: secrets are told to nobody).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_type_hints

import msgspec

from store.settings import SECRET, Settings


def shown(settings: Settings) -> dict[str, Any]:
    """The tree in plain values."""
    plain: dict[str, Any] = msgspec.to_builtins(settings)
    for section, key in secret_settings():
        plain[section][key] = "set" if plain[section][key] else "not set"
    return plain


def secret_settings() -> Iterator[tuple[str, str]]:
    """Section and key of each."""
    for section in msgspec.structs.fields(Settings):
        for key, kind in get_type_hints(section.type, include_extras=True).items():
            if SECRET in getattr(kind, "__metadata__", ()):
                yield section.name, key
