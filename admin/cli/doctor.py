"""`mailloft doctor`: what was found, worst first for the eye; status 1 when something is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import typer

from admin import keepsakes
from admin.cli.opening import opened, show
from admin.doctor.examination import examine
from admin.doctor.finding import Finding, Premises, Verdict
from net.resolver import Resolver
from store.settings import Settings

# The units' own ports (systemd/); `mailloft up` keeps those that it chose.
_PUBLIC: Final = {"mx": 25, "submission": 587, "submissions": 465, "imap": 143, "imaps": 993, "admin": 443}
_ONE_EACH: Final = {"submission": 9531, "sorter": 9532, "imap": 9533, "admin": 9534, "clock": 9535}
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
    kept = keepsakes.load(folder).ports
    if kept:
        return {name: port for name, port in kept.items() if name != "dns"}
    several = {"mx": (9510, settings.mx.processes), "sender": (9520, settings.outbound.workers)}
    numbered = {f"metrics.{name}-{n}": base + n for name, (base, of) in several.items() for n in range(1, of + 1)}
    others = {f"metrics.{name}": port for name, port in _ONE_EACH.items()}
    return {**_PUBLIC, **numbered, **others}
