"""The demo: a small internet on loopback, two campaigns through the real appliance, then what happened.

Run as `python -m lab.demo --appliance COMMAND [--json]`; `mailloft demo` does. Everything goes through the ports of
the appliance: its HTTP API, its MX, IMAP; what is true is read from the world's own books (lab/story.py tells it).
Exit status 1 when a mail is lost, somebody is wrongly blocked or the appliance's account and the books disagree, and
when the appliance does not start or breaks its contract.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Final

from rich.console import Console

from lab.appliance import Api, ApplianceError, running
from lab.description import BadTemperError, World
from lab.screen import Screen
from lab.story import DOMAIN, MX, SOURCES, Outcome, Story
from lab.world import DeadWorldError, RunningWorld, add_options, described, veterans_of

PROJECT: Final = "long-table"
_SHOWN: Final = 20  # disagreements that are printed


def config_of(dns: str, port: int) -> str:
    """The appliance's settings for a world: who knows its names, where its hosts listen, short pauses."""
    sources = ",\n".join(
        f'  {{address = "{address}", ehlo = "{name}", pool = "mailings", weight = 1}}'
        for address, name in SOURCES.items()
    )
    return f"""[server]
hostname = "{MX}"

[dns]
servers = ["{dns}"]

[outbound]
port = {port}
sources = [
{sources},
]

[outbound.retry.campaign]
first = 2.0
longest = 5.0
lifetime = 25.0
"""


@contextmanager
def _story(
    world: World, command: str, directory: Path, screen: Screen, patience: float, veterans: int
) -> Iterator[Story]:
    """World and appliance, both running, a project made; everything stops when the block ends."""
    with RunningWorld(world, directory) as played:
        config = directory / "mailloft.toml"
        config.write_text(config_of(played.dns, played.port), "utf-8")
        screen.say(f"The world answers; its files are in {directory}")
        with running(command, directory, config) as doors:
            screen.say(f"The appliance answers at {doors.admin}")
            played.appliance_is_at(doors.mx, f"fbl@{DOMAIN}")
            operator = Api(doors, doors.api_key, project=PROJECT)
            project = operator.post("/projects", {"name": PROJECT, "campaigns_allowed": True})
            own = Api(doors, str(project["api_key"]))
            try:
                story = Story(played, doors, screen, patience, veterans, own)
                story.prepare(operator)
                yield story
            finally:
                operator.close()
                own.close()


def play(options: argparse.Namespace, screen: Screen) -> Outcome:
    """One demo. Its directory stays when something was not good, or with --keep."""
    world, veterans = described(options), veterans_of(options)
    directory = Path(tempfile.mkdtemp(prefix="mailloft-demo-"))
    with _story(world, options.appliance, directory, screen, options.patience, veterans) as story:
        outcome = story.tell()
    if outcome.good() and not options.keep:
        shutil.rmtree(directory)
    else:
        print(f"books, zone and log are in {directory}", file=sys.stderr)
    return outcome


def main(arguments: list[str] | None = None) -> int:
    """Play, print, judge."""
    parser = argparse.ArgumentParser(prog="python -m lab.demo", description=__doc__.partition("\n")[0])
    parser.add_argument("--appliance", default="mailloft up", help="the command that starts the appliance")
    parser.add_argument("--json", action="store_true", help="print one object and nothing else")
    parser.add_argument("--patience", type=float, default=180.0, help="seconds that an import or campaign may take")
    parser.add_argument("--keep", action="store_true", help="keep the directory with books, zone and log")
    add_options(parser)
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(1))  # so that what was started is stopped
    try:
        outcome = play(options, Screen(None if options.json else Console()))
    except (ApplianceError, DeadWorldError, BadTemperError, ValueError) as error:
        print(f"the demo cannot go on: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    if options.json:
        print(json.dumps(asdict(outcome.figures)))
    for line in outcome.disagreements[:_SHOWN]:
        print(f"disagreement: {line}", file=sys.stderr)
    if len(outcome.disagreements) > _SHOWN:
        print(f"and {len(outcome.disagreements) - _SHOWN} more disagreements", file=sys.stderr)
    return 0 if outcome.good() else 1


if __name__ == "__main__":
    sys.exit(main())
