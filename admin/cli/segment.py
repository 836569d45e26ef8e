"""`mailloft segment`: rules that say which clients are meant."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import msgspec
import typer

from admin.cli.calling import Call, command

app = typer.Typer(help="Segments, the clients that a rule means.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="The segment's.")]
RuleText = Annotated[
    str, typer.Option("--rule", help='JSON, such as {"lists": [1], "rating_from": 6}; without it everybody.')
]


def _rule(text: str) -> dict[str, Any]:
    from admin.refusals import InvalidError

    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise InvalidError(f"rule: this is no JSON object: {error}") from error


@command(app, "add")
def add_segment(call: Call, name: Name, rule: RuleText = "{}") -> None:
    """Keep a rule under a name."""
    from admin.acts import segments

    call.show_one(segments.create(call.office, call.project, name, _rule(rule)))


@command(app, "edit")
def edit_segment(call: Call, name: Name, rule: RuleText) -> None:
    """Give it another rule; campaigns that are launched keep whom they had."""
    from admin.acts import segments

    owner = call.project
    call.show_one(segments.edit(call.office, owner, segments.by_name(call.office, owner, name), name, _rule(rule)))


@command(app, "list")
def list_segments(call: Call) -> None:
    """With how many clients each had when it was last counted."""
    from admin.acts import segments

    call.show_all(partial(segments.page, call.office, call.project))


@command(app, "show")
def show_segment(call: Call, name: Name) -> None:
    """Its rule, about how many clients it has, and some of them."""
    from admin.acts import segments

    owner = call.project
    call.show_one(segments.get(call.office, owner, segments.by_name(call.office, owner, name)))


@command(app, "count")
def count_segment(call: Call, name: Name) -> None:
    """Exactly how many clients it has."""
    from admin.acts import segments

    owner = call.project
    call.show_one(segments.count(call.office, owner, segments.by_name(call.office, owner, name)))


@command(app, "remove", json=False)
def remove_segment(call: Call, name: Name) -> None:
    """Forget the rule; campaigns that are launched keep whom they had."""
    from admin.acts import segments

    owner = call.project
    segments.remove(call.office, owner, segments.by_name(call.office, owner, name))
