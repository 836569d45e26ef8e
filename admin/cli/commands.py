"""The commands: `up`, `demo`, `classify`, `import`, `trace`, `explain`, `queue`, `migrate`, a group for each noun."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from admin.cli import nouns, queue
from admin.cli.calling import AsJson, Call, command
from admin.cli.opening import HERE, Folder
from admin.cli.showing import show, show_one

app = typer.Typer(
    help="A mail server that sends campaigns, hears what comes back, and keeps the list alive.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
nouns.add_to(app)
app.add_typer(queue.app, name="queue")


@app.command()
def up(
    folder: Annotated[Path, typer.Option("--dir", envvar="MAILLOFT_DIR", help="Where everything is kept.")] = HERE,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line when everything answers.")] = False,
    config: Annotated[Path | None, typer.Option("--config", help="Settings, TOML.")] = None,
    sample: Annotated[
        bool, typer.Option("--sample", help="With a project, mailboxes and mail that comes round.")
    ] = False,
) -> None:
    """Run the whole appliance on this machine until Ctrl-C or SIGTERM."""
    from admin.up import Options, UpError
    from admin.up import up as run

    try:
        status = run(Options(folder, config, as_json, sample))
    except UpError as error:
        typer.echo(f"mailloft up: {error}", err=True)
        status = 1
    raise typer.Exit(status)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def demo(context: typer.Context) -> None:
    """A small internet on loopback, two campaigns through the real processes, then what happened."""
    import os
    import shlex

    # The lab imports nothing of ours, so it is a process of its own and is told how to start us.
    appliance = shlex.join([sys.executable, "-m", "admin.cli", "up"])
    code = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": code}
    command = [sys.executable, "-m", "lab.demo", "--appliance", appliance, *context.args]
    raise typer.Exit(subprocess.call(command, env=environment))


@app.command()
def classify(
    files: Annotated[list[Path], typer.Argument(help="Files, each one message as it came over the wire.")],
    as_json: AsJson = False,
) -> None:
    """What each mail is, whom it speaks of, and what follows from it: one JSON line a file."""
    from admin.cli.classify import classify_files

    raise typer.Exit(classify_files((str(file) for file in files), as_json=as_json, out=sys.stdout))


@command(app, "import")
def import_(
    call: Call,
    file: Annotated[Path, typer.Argument(help="CSV in UTF-8 with a header, one column named address.")],
    list_name: Annotated[str, typer.Option("--list", help="The list; it is made where there is none of that name.")],
) -> None:
    """Import clients from a CSV, with a progress bar; an interrupted one is finished by the running appliance."""
    from admin.cli.import_bar import import_file

    raise typer.Exit(import_file(call.office, call.project, list_name, file.resolve(), call.as_json))


@command(app, "trace")
def trace(call: Call, what: Annotated[str, typer.Argument(help="A ledger id, an address or a Message-ID.")]) -> None:
    """The whole life of a message."""
    from admin.acts import journey

    events = journey.follow(call.office, call.scope, what)
    if call.as_json:
        call.show(events)
        return
    for event in events:
        told = " ".join(f"{name}={value}" for name, value in event.items() if name not in ("at", "event") and value)
        typer.echo(f"{event['at'].isoformat(timespec='milliseconds')}  {event['event']:<12} {told}")


@command(app, "explain")
def explain(
    call: Call,
    what: Annotated[str, typer.Argument(metavar="ADDRESS", help="An address, or a domain.")],
    source: Annotated[str | None, typer.Option("--source", help="For this address of ours alone.")] = None,
) -> None:
    """Why mail to an address goes as it goes: site, MX, limits and where each comes from, rests, warm-up, rating."""
    from admin.acts import explain as acts
    from admin.cli.explain import tell

    found = acts.explain(call.office, call.scope, what, source)
    call.show_one(found) if call.as_json else tell(found)


@app.command()
def migrate(
    folder: Folder = HERE,
    config: Annotated[Path | None, typer.Option("--config", help="Settings, TOML: makes what its roles need.")] = None,
    as_json: AsJson = False,
) -> None:
    """Bring the databases to the tables of this release; `up` does it at every start, units do it with --config."""
    from admin.keepsakes import load_whereabouts
    from admin.unit import install
    from store.migrate import upgrade

    done = install(folder.resolve(), config) if config else upgrade(load_whereabouts(folder).database)
    show([{"database": name, "revision": revision} for name, revision in done.items()], as_json)


@app.command()
def settings(
    file: Annotated[Path, typer.Argument(help="Settings, TOML.")],
    folder: Folder = HERE,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print every setting; of what may hold a secret, only whether it is set.")
    ] = False,
) -> None:
    """Whether a machine with units could run by these settings and the environment; nothing is changed."""
    from admin.unit import settled
    from store.settings_file import environment, load
    from store.settings_shown import shown
    from store.shaping_table import table_for

    found = settled(load(file, environment()), folder.resolve())
    table_for(found)
    if as_json:
        show_one(shown(found), as_json)
    else:
        typer.echo(f"{file}: nothing is wrong in it")


@app.command()
def doctor(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Check ports, certificates, DNS names, blocklists, queue, disk, clock and backups; status 1 when one is wrong."""
    from admin.cli.doctor import examine_all

    raise typer.Exit(examine_all(folder.resolve(), as_json))


@app.command()
def backup(
    destination: Annotated[Path, typer.Argument(metavar="DEST", help="A folder; the backup is a new folder in it.")],
    folder: Folder = HERE,
    keep: Annotated[int | None, typer.Option(min=1, help="Remove all but so many backups in DEST afterwards.")] = None,
    as_json: AsJson = False,
) -> None:
    """Copy databases, spool and keys while the appliance runs. It holds the keys: keep it as safe as the machine."""
    from admin.cli import safety

    raise typer.Exit(safety.back_up(folder.resolve(), destination, keep, as_json))


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(metavar="SRC", help="A backup: the folder mailloft-<time>.")],
    folder: Folder = HERE,
    config: Annotated[Path | None, typer.Option("--config", help="Settings, TOML, where units run the roles.")] = None,
    aside: Annotated[
        bool, typer.Option("--aside", help="Move an appliance that is in DIR, and stands still, to DIR/aside-<time>.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Put a backup back into an empty DIR; queued mail is held and campaigns are paused until you say so."""
    from admin.cli import safety

    raise typer.Exit(safety.restore(source, folder.resolve(), config, aside, as_json))


@app.command()
def role(
    name: Annotated[str, typer.Argument(help="mx, submission, sender, sorter, imap, admin or clock.")],
    config: Annotated[Path, typer.Option("--config", help="Settings, TOML.")],
    position: Annotated[int, typer.Option("--position", help="Which of the role's processes, from 1.")] = 1,
    folder: Folder = HERE,
) -> None:
    """Run one role until SIGTERM, as its systemd unit does; sockets and keys come from the unit."""
    from admin.ports import PortError
    from admin.unit import Assignment, UnitError, serve

    try:
        serve(Assignment(name, position, folder.resolve(), config))
    except (UnitError, PortError) as error:
        typer.echo(f"mailloft role: {error}", err=True)
        raise typer.Exit(1) from error
