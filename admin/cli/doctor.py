"""`mailloft doctor`: what was found, worst first for the eye; status 1 when something is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import typer

from admin import keepsakes
from admin.cli.opening import opened
from admin.cli.showing import show
from admin.doctor.examination import examine
from admin.doctor.finding import Finding, Premises, Verdict
from admin.unit import ports_of
from net.resolver import Resolver
from store.settings import Settings

_MARKS: Final = {Verdict.OK: "ok  ", Verdict.UNKNOWN: "?   ", Verdict.WARNING: "warn", Verdict.WRONG: "BAD "}
_COLOURS: Final = {Verdict.OK: "green", Verdict.UNKNOWN: "cyan", Verdict.WARNING: "yellow", Verdict.WRONG: "red"}


def examine_all(folder: Path, as_json: bool) -> int:
    """The exit status."""
    with opened(folder) as office:
        dns = office.settings.dns
        resolver = Resolver(dns.servers, dns.timeout, validating=dns.validating)
        premises = Premises(folder, office, resolver, _ports(folder, office.settings), datetime.now(UTC))
        findings = list(examine(premises))
    if as_json:
        show(findings, as_json)
    else:
        for finding in findings:
            _tell(finding)
    return 1 if any(finding.verdict is Verdict.WRONG for finding in findings) else 0


def _tell(finding: Finding) -> None:
    mark = typer.style(_MARKS[finding.verdict], fg=_COLOURS[finding.verdict])
    typer.echo(f"{mark} {finding.check}: {finding.what}: {finding.told}")
    if finding.mend:
        typer.echo(f"       {finding.mend}")


def _ports(folder: Path, settings: Settings) -> Mapping[str, int]:
    """`mailloft up` keeps those that it chose; units have their own."""
    kept = keepsakes.load(folder).ports
    return {name: port for name, port in kept.items() if name != "dns"} or ports_of(settings)
