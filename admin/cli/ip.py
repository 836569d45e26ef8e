"""`mailloft ip` and `mailloft pool`: the addresses that mail leaves from; `[outbound] sources` of the settings."""

from __future__ import annotations

import typer

from admin.cli.opening import HERE, AsJson, Folder, opened, show

app = typer.Typer(help="The addresses that mail leaves from.", no_args_is_help=True)
pools = typer.Typer(help="Pools of sending addresses.", no_args_is_help=True)


@app.command(name="list")
def list_ips(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Each with its pool, what it holds back at which site, and its warm-up of today."""
    from admin.acts import explain

    with opened(folder) as office:
        show(explain.sources(office), as_json)


@pools.command(name="list")
def list_pools(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Each with the addresses that it sends from now."""
    from admin.acts import explain

    with opened(folder) as office:
        show(explain.pools(office), as_json)
