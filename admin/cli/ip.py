"""`mailloft ip` and `mailloft pool`: the addresses that mail leaves from; `[outbound] sources` of the settings."""

from __future__ import annotations

import typer

from admin.cli.calling import Call, command

app = typer.Typer(help="The addresses that mail leaves from.", no_args_is_help=True)
pools = typer.Typer(help="Pools of sending addresses.", no_args_is_help=True)


@command(app, "list", project=False)
def list_ips(call: Call) -> None:
    """Each with its pool, what it holds back at which site, and its warm-up of today."""
    from admin.acts import explain

    call.show(explain.sources(call.office))


@command(pools, "list", project=False)
def list_pools(call: Call) -> None:
    """Each with the addresses that it sends from now."""
    from admin.acts import explain

    call.show(explain.pools(call.office))
