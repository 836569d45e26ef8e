"""Starts a world: a name server and the mail hosts, as processes of their own, from a description.

lab/demo.py, tests and benches use `World` by its own methods; `python -m lab.world` starts one by hand and prints
where it is. The zone begins with what the hosts need (MX, A, PTR, SPF, DMARC); the appliance's records are published
into it. Crash case: both processes are tethered to this one and end with it; zone and books stay in the directory.
"""

from __future__ import annotations

import argparse
import ipaddress
import json
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from lab.books import Entry, entries
from lab.description import BadTemperError, Fate, Host, World, with_fates, with_temper
from lab.people import invented
from lab.tether import tied_environment
from lab.zone import Fault, Record, Sheet, write_zone

_FEWEST_VETERANS: Final = 44  # enough for every fate at every host
_START: Final = 20.0  # seconds that a process may take until it answers


class DeadWorldError(Exception):
    """A process of the world did not start or does not answer; its stderr says why."""


class RunningWorld:
    """A world that plays. Use it as a context manager."""

    def __init__(self, world: World, directory: Path, port: int = 0) -> None:
        """Start both processes; files go to the directory. Raises DeadWorldError."""
        self.world, self.books = world, directory / "books.jsonl"
        self._zone, self._records = directory / "zone.json", list(zone_records(world))
        self._processes: list[subprocess.Popen[bytes]] = []
        self.publish([])
        described = directory / "world.json"
        described.write_bytes(msgspec.json.encode(world))
        try:
            self.dns = str(self._start("lab.nameserver", "--zone", str(self._zone))["listening"])
            told = self._start(
                *("lab.hosts", "--world", str(described), "--books", str(self.books)),
                *("--nameserver", self.dns, "--port", str(port)),
            )
            self.port, control = int(told["port"]), str(told["control"])
            host, _, control_port = control.rpartition(":")
            self._control = socket.create_connection((host, int(control_port)), timeout=_START)
            self._answers = self._control.makefile("rb")
        except (OSError, DeadWorldError):
            self.stop()
            raise

    def __enter__(self) -> RunningWorld:
        """The world itself."""
        return self

    def __exit__(self, *_raised: object) -> None:
        """Stop it."""
        self.stop()

    def publish(self, records: Iterable[Record], faults: dict[str, Fault] | None = None) -> None:
        """Add records to the zone; they count at once. The faults replace those before."""
        self._records += records
        write_zone(self._zone, Sheet(tuple(self._records), faults or {}))

    def appliance_is_at(self, port: int, complaints_to: str) -> None:
        """Tell the hosts the MX port of the appliance, and where it wants complaints."""
        self._tell({"do": "appliance", "port": port, "complaints_to": complaints_to})

    def chapter(self, number: int, write_to: str | None = None) -> None:
        """Turn to a chapter; people who write then write to that address."""
        self._tell({"do": "chapter", "chapter": number, "write_to": write_to})

    def sums(self) -> dict[str, Any]:
        """What the books add up to now, how much is still to be sent back (`waiting`), and the chapter."""
        return self._tell({"do": "sums"})

    def entries(self) -> list[Entry]:
        """The books so far."""
        return list(entries(self.books))

    def stop(self) -> None:
        """End both processes."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()
        if hasattr(self, "_control"):
            self._answers.close()
            self._control.close()

    def _tell(self, command: dict[str, Any]) -> dict[str, Any]:
        self._control.sendall(json.dumps(command).encode() + b"\n")
        answer = _object(self._answers, "the hosts")
        if "error" in answer:
            raise DeadWorldError(f"{command}: {answer['error']}")
        return answer

    def _start(self, module: str, *arguments: str) -> dict[str, Any]:
        # A session of its own: Ctrl-C reaches the one who started us, who then stops all in order.
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdout=subprocess.PIPE,
            env=tied_environment(),
            start_new_session=True,
        )
        self._processes.append(process)
        if process.stdout is None:
            raise DeadWorldError(f"{module} has no stdout")
        return _object(process.stdout, module)


def _object(lines: IO[bytes], who: str) -> dict[str, Any]:
    line = lines.readline()
    if not line:
        raise DeadWorldError(f"{who} ended without an answer")
    answer = json.loads(line)
    if not isinstance(answer, dict):
        raise DeadWorldError(f"{who} answered {line!r}, no object")
    return answer


def zone_records(world: World) -> Iterable[Record]:
    """What the hosts need in DNS: MX, A, PTR, and SPF and DMARC that their mail passes."""
    for host in world.hosts:
        yield Record(host.name, "A", host.address)
        yield Record(ipaddress.ip_address(host.address).reverse_pointer, "PTR", f"{host.name}.")
        yield Record(host.name, "TXT", "v=spf1 a -all")
        for domain in host.domains:
            yield from _domain_records(host, domain)


def _domain_records(host: Host, domain: str) -> Iterable[Record]:
    yield Record(domain, "MX", f"10 {host.name}.")
    yield Record(domain, "TXT", f"v=spf1 ip4:{host.address} -all")
    yield Record(f"_dmarc.{domain}", "TXT", "v=DMARC1; p=reject")


def with_falsehoods(world: World, lose: int, refuse: int, *, among: int = 0) -> World:
    """The world where `lose` mails are taken and not kept, and `refuse` people who exist are denied.

    Taken from the readers after the first `among` people, in their order. Raises ValueError for too few of them.
    """
    readers = [person.address for person in world.people[among:] if set(person.fates) == {Fate.READS}]
    if len(readers) < lose + refuse:
        raise ValueError(f"only {len(readers)} plain readers live here; --lose and --false-refusal want more")
    lost, refused = readers[:lose], readers[lose : lose + refuse]
    return with_fates(world, {**dict.fromkeys(lost, (Fate.LOST,)), **dict.fromkeys(refused, (Fate.REFUSED,))})


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that shape a world, the same for this command and the demo."""
    parser.add_argument("--clients", type=int, default=2000, help="how many people there are")
    parser.add_argument("--veterans", type=int, help="how many get the first campaign (default: 15 %% of them)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same world")
    parser.add_argument("--temper", action="append", default=[], metavar="HOST=HABITS", help="greylist=2,...")
    parser.add_argument("--lose", type=int, default=0, help="mails that a host takes and does not keep")
    parser.add_argument("--false-refusal", type=int, default=0, help="people who exist and are denied")


def veterans_of(options: argparse.Namespace) -> int:
    """How many people the first campaign goes to."""
    if options.veterans is not None:
        return min(int(options.veterans), int(options.clients))
    return min(max(int(options.clients * 0.15), _FEWEST_VETERANS), int(options.clients))


def described(options: argparse.Namespace) -> World:
    """The world that the options ask for. Raises BadTemperError or ValueError."""
    veterans = veterans_of(options)
    world = invented(options.clients, options.seed, veterans)
    for override in options.temper:
        host, _, habits = override.partition("=")
        world = with_temper(world, host, habits)
    return with_falsehoods(world, options.lose, options.false_refusal, among=veterans)


def main(arguments: list[str] | None = None) -> int:
    """Start a world and keep it until the input ends or Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m lab.world", description="Start the invented world.")
    parser.add_argument("--dir", type=Path, help="where zone and books go (default: a fresh directory)")
    parser.add_argument("--port", type=int, default=0, help="the port of all hosts, 0 for a free one")
    add_options(parser)
    options = parser.parse_args(arguments)
    directory = options.dir or Path(tempfile.mkdtemp(prefix="lab-"))
    directory.mkdir(parents=True, exist_ok=True)
    try:
        with RunningWorld(described(options), directory, options.port) as running:
            told = {"dns": running.dns, "port": running.port, "books": str(running.books)}
            print(json.dumps(told), flush=True)
            sys.stdin.read()
    except (DeadWorldError, BadTemperError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
