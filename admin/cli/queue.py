"""`mailloft queue`: what waits, by flow and by site."""

from __future__ import annotations

from typing import Annotated

import typer

from admin.cli.opening import HERE, AsJson, Folder, ProjectName, opened, project_id, show

app = typer.Typer(help="The queue.", no_args_is_help=True)
Campaign = Annotated[int | None, typer.Option("--campaign", help="Of this campaign alone.")]
Site = Annotated[str | None, typer.Option("--site", help="To this site alone.")]


@app.command(name="list")
def list_(
    project: ProjectName = None,
    campaign: Campaign = None,
    site: Site = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Flows with queued rows, the fullest first."""
    from admin.acts import journey

    with opened(folder) as office:
        scope = None if project is None else project_id(office, project)
        show(journey.queue(office, scope, campaign, site, None), as_json)


@app.command()
def qshape(project: ProjectName = None, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """What waits for each site: due now, and within a minute, ten minutes, an hour, later."""
    from admin.acts import journey

    with opened(folder) as office:
        scope = None if project is None else project_id(office, project)
        flows = journey.queue(office, scope, None, None, None)
        show(journey.shape(flows, office.now()), as_json)
