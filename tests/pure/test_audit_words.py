"""Every act that reaches the audit trail has words in both languages: from the panel, over the API, in a shell."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import typer
from fastapi.routing import APIRoute

from admin.acts.queue import ACTIONS
from admin.api.app import NOUNS
from admin.api.noted import act_of
from admin.cli.commands import app
from admin.pages import campaigns, render
from admin.pages.catalogue import LANGUAGES, load
from store.campaigns import CampaignState

ADMIN = Path(render.__file__).parent.parent
# What a page puts into the name of an act.
CLOSED: Final = {
    "campaign.{launched.state}": [CampaignState.RUNNING.value, CampaignState.SCHEDULED.value],
    "campaign.{act}": list(campaigns._ACTS),
    "queue.{action}": list(ACTIONS),
}
# Commands that only look, or that open no office of a running appliance: nothing of theirs is noted.
LOOKS: Final = {
    "backup", "classify", "demo", "doctor", "explain", "migrate", "restore", "role", "settings", "trace", "up",
    "campaign.gate", "campaign.preview", "campaign.report", "client.conversation.list", "client.conversation.show",
    "connection.waiting", "domain.reports", "mailbox.correspondents", "queue.lanes", "queue.qshape", "rating.show",
}  # fmt: skip


def _panel() -> Iterator[str]:
    for file in (*(ADMIN / "pages").glob("*.py"), ADMIN / "acts" / "signing.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            match node:
                case ast.Call(func=ast.Attribute(attr="note" | "done", value=ast.Name(id="visit")), args=[act, *_]):
                    yield from _codes(act)
                case ast.Call(func=ast.Attribute(attr="note", value=ast.Name(id="audit")), args=[_, _, _, act, *_]):
                    yield from _codes(act) if not isinstance(act, ast.Name) else ()


def _codes(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(code)):
            yield code
        case ast.JoinedStr():
            written = ast.unparse(node)[2:-1]
            yield from (written.partition("{")[0] + one for one in CLOSED[written])
        case ast.IfExp(body=first, orelse=second):
            yield from (*_codes(first), *_codes(second))
        case _:
            raise AssertionError(ast.unparse(node))


def _api() -> Iterator[str]:
    for noun in NOUNS:
        for route in noun.router.routes:
            if isinstance(route, APIRoute) and "GET" not in route.methods:
                yield from (act_of(route.name, one) for one in (ACTIONS if "{action}" in route.path else [None]))


def _commands(group: typer.Typer, before: str = "") -> Iterator[str]:
    for one in group.registered_commands:
        if one.callback:
            yield f"{before}{one.name or one.callback.__name__}"
    for inner in group.registered_groups:
        if inner.typer_instance is not None:
            yield from _commands(inner.typer_instance, f"{before}{inner.name}.")


def _shell() -> set[str]:
    return {one for one in _commands(app) if one.rpartition(".")[2] not in ("list", "show")} - LOOKS


def test_every_act_has_its_words_and_no_words_are_left_over() -> None:
    codes = {*_panel(), *_api(), *_shell()}
    assert len(codes) > 90
    for language in LANGUAGES:
        worded = {key.removeprefix("audit.did.") for key in load(language) if key.startswith("audit.did.")}
        assert codes == worded, codes ^ worded
