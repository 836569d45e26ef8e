"""docs/settings.md has a line for every key of the settings, with its true default, and no line for any other."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from store.settings import Settings

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"
_ROW = re.compile(r"^\| `(\w+)` \| (?:`([^`]+)`|(required)) \|", re.MULTILINE)

if not PAGE.exists():
    pytest.skip("docs/ is not beside the tests here", allow_module_level=True)


def _documented() -> dict[str, dict[str, str]]:
    """Per section, its keys with the default as written; the tables of [outbound.retry] hold the classes' keys too."""
    sections = re.split(r"^##+ \[+([\w.]+)\]+\n", PAGE.read_text("utf-8"), flags=re.MULTILINE)[1:]
    return {
        name: {key: default or required for key, default, required in _ROW.findall(text)}
        for name, text in zip(sections[::2], sections[1::2], strict=True)
    }


def _sections(struct: type[msgspec.Struct], name: str) -> Iterator[tuple[str, type[msgspec.Struct]]]:
    """Every section of the tree with its struct, depth first: "outbound", "outbound.sources", "outbound.retry", ..."""
    yield name, struct
    for field in msgspec.structs.fields(struct):
        inner = next((kind for kind in (field.type, *get_args(field.type)) if _is_struct(kind)), None)
        if inner is not None:
            yield from _sections(inner, f"{name}.{field.name}".lstrip("."))


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default is msgspec.NODEFAULT and field.default_factory is msgspec.NODEFAULT:
        return "required"
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    return msgspec.to_builtins(value, builtin_types=(timedelta,))


def _seconds(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, dict):
        return {key: _seconds(inner) for key, inner in value.items()}
    return list(value) if isinstance(value, tuple) else value


@pytest.mark.parametrize(("name", "struct"), list(_sections(Settings, "")))
def test_each_key_has_its_line(name: str, struct: type[msgspec.Struct]) -> None:
    documented = _documented()
    if name.count(".") == 2:  # a class of [outbound.retry]: its keys stand once for all classes
        name = name.rpartition(".")[0]
    for field in msgspec.structs.fields(struct):
        is_section = f"{name}.{field.name}".lstrip(".") in documented
        if not is_section or field.name in documented.get(name, {}):
            written = documented[name][field.name]
            default = _seconds(_default(field))
            assert default == (written if written == "required" else tomllib.loads(f"it = {written}")["it"]), field.name


def test_no_line_speaks_of_a_key_that_is_not_there() -> None:
    known: dict[str, set[str]] = {}
    for name, struct in _sections(Settings, ""):
        section = name.rpartition(".")[0] if name.count(".") == 2 else name
        known.setdefault(section, set()).update(field.name for field in msgspec.structs.fields(struct))
    assert {(name, key) for name, keys in _documented().items() for key in keys if key not in known[name]} == set()
