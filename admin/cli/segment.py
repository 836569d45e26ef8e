"""`mailloft segment`: rules that say which clients are meant."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import typer

from admin.cli.opening import HERE, AsJson, Folder, ProjectName, opened, project_id, show, show_one

app = typer.Typer(help="Segments, the clients that a rule means.", no_args_is_help=True)
Name = Annotated[str, typer.Argument()]
RuleText = Annotated[
    str, typer.Option("--rule", help='JSON, such as {"lists": [1], "rating_from": 6}; without it everybody.')
]


def _rule(text: str) -> dict[str, Any]:
    from admin.refusals import InvalidError

    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise InvalidError(f"rule: this is no JSON object: {error}") from error


@app.command(name="add")
def add_segment(
    name: Name, rule: RuleText = "{}", project: ProjectName = None, folder: Folder = HERE, as_json: AsJson = False
) -> None:
    """Keep a rule under a name."""
    from admin.acts import segments

    with opened(folder) as office:
        show_one(segments.create(office, project_id(office, project), name, _rule(rule)), as_json)


@app.command(name="edit")
def edit_segment(
    name: Name, rule: RuleText, project: ProjectName = None, folder: Folder = HERE, as_json: AsJson = False
) -> None:
    """Give it another rule; campaigns that are launched keep whom they had."""
    from admin.acts import segments

    with opened(folder) as office:
        owner = project_id(office, project)
        show_one(segments.edit(office, owner, segments.by_name(office, owner, name), name, _rule(rule)), as_json)


@app.command(name="list")
def list_segments(project: ProjectName = None, folder: Folder = HERE, as_json: AsJson = False) -> None:
    from admin.acts import pages, segments

    with opened(folder) as office:
        show(segments.page(office, project_id(office, project), pages.Window(limit=pages.LONGEST)).items, as_json)


@app.command(name="show")
def show_segment(name: Name, project: ProjectName = None, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Its rule, about how many clients it has, and some of them."""
    from admin.acts import segments

    with opened(folder) as office:
        owner = project_id(office, project)
        show_one(segments.get(office, owner, segments.by_name(office, owner, name)), as_json)


@app.command(name="count")
def count_segment(name: Name, project: ProjectName = None, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Exactly how many clients it has."""
    from admin.acts import segments

    with opened(folder) as office:
        owner = project_id(office, project)
        show_one(segments.count(office, owner, segments.by_name(office, owner, name)), as_json)


@app.command(name="remove")
def remove_segment(name: Name, project: ProjectName = None, folder: Folder = HERE) -> None:
    from admin.acts import segments

    with opened(folder) as office:
        owner = project_id(office, project)
        segments.remove(office, owner, segments.by_name(office, owner, name))
