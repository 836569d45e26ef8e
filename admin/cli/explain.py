"""`mailloft explain`: what holds for an address now, for people or as one JSON object."""

from __future__ import annotations

from datetime import datetime

import typer

from admin.acts.explain import Explained, SourcePace


def tell(found: Explained) -> None:
    typer.echo(f"site       {found.site}  (provider {found.provider}, MX asked {_at(found.checked_at)})")
    if found.site_by_mx != found.site:
        typer.echo(f"           later rows: {found.site_by_mx}")
    hosts = ", ".join(f"{one['preference']} {one['host']}" for one in found.mx["hosts"])
    typer.echo(f"mx         {found.mx['standing']}: {hosts or found.mx['words'] or '-'}")
    for pace in found.sources:
        _tell_pace(pace)
    for warm in found.warmup:
        volume = "no limit any more" if warm.volume is None else f"{warm.sent} of {warm.volume} sent today"
        typer.echo(f"warm-up    {warm.source} ({warm.plan}, {warm.row}, since {warm.begun}): {volume}")
    for client in found.clients:
        gone = "; ".join(f"{one['kind']} {one['list'] or 'everything'}" for one in client.suppressions)
        typer.echo(f"client     {client.id} of {client.project}: rating {client.rating}, {gone or 'not suppressed'}")
    for one in found.breakers:
        typer.echo(f"breaker    {one.verdict}, {one.action} until {_at(one.until, 'released by hand')}: {one.reason}")


def _tell_pace(pace: SourcePace) -> None:
    typer.echo(f"source     {pace.source} (pool {pace.pool}){' RESTS' if pace.rests else ''}")
    for one in pace.limits:
        until = f", until {_at(one.until)}" if one.until else ""
        typer.echo(f"  {one.name:<24} {one.value:<16} {one.origin}{until}")


def _at(moment: datetime | None, never: str = "never") -> str:
    return never if moment is None else moment.isoformat(timespec="seconds")
