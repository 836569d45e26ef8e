"""Reads the table of providers: the shipped one, and the operator's file over it.

Called once by each process that needs it, and at the start of all, so that a mistake is told there. Raises
SettingsError, which names the file and the key.
"""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path

from policy.shaping import ShapingError, Table, table_of
from store.settings import Settings
from store.settings_file import SettingsError, read_toml


def read_table(file: str) -> Table:
    """`file`: that of `[shaping]`, "" for none."""
    shipped = tomllib.loads(resources.files("policy").joinpath("providers.toml").read_text("utf-8"))
    try:
        return table_of(shipped, read_toml(Path(file), "[shaping] file ") if file else {})
    except ShapingError as error:
        where = file or "policy/providers.toml"
        raise SettingsError(f"{where}: {error}. docs/settings.md, [shaping], has every key.") from error


def table_for(settings: Settings) -> Table:
    """The table that these settings name, with every warm-up plan that a source of theirs follows."""
    table = read_table(settings.shaping.file)
    for source in settings.outbound.sources:
        if source.warmup and source.plan not in table.warmup:
            known = ", ".join(sorted(table.warmup))
            raise SettingsError(f"[outbound] sources {source.address}: no plan {source.plan!r}; there are: {known}")
    return table
