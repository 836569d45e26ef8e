"""The process that plays all remote mail hosts of a world; its own control port tells chapters and sums.

Run as `python -m lab.hosts --world FILE --books FILE --nameserver HOST:PORT [--port N]`; each host listens on its own
loopback address and all on one port (0: a free one). Prints one line {"port": N, "control": "127.0.0.1:N"} when they
answer. The control port takes one JSON object a line and answers with one:
{"do": "appliance", "port": N, "complaints_to": "fbl@..."}, {"do": "chapter", "chapter": N, "write_to": ADDRESS|null},
{"do": "sums"}. Ends with its parent or on SIGTERM; the books are whole then, and after a kill too.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import ssl
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import uvloop

from lab.books import Books
from lab.certificate import self_signed
from lab.description import Host, World
from lab.desk import Desk
from lab.postman import Postman
from lab.receiver import Receiver
from lab.tether import tether

_BACKLOG: Final = 512


@contextlib.asynccontextmanager
async def listening(desk: Desk, port: int) -> AsyncIterator[int]:
    """All hosts of the desk's world at one port, while the block runs. Raises OSError when none is free."""
    contexts = {host.name: self_signed(host.name) for host in desk.world.hosts if host.temper.starttls}
    for attempt in range(20):
        async with contextlib.AsyncExitStack() as stack:
            try:
                taken = port
                for host in desk.world.hosts:
                    server = await _serve(host, desk, contexts.get(host.name), taken)
                    await stack.enter_async_context(server)
                    taken = int(server.sockets[0].getsockname()[1])
            except OSError:
                if port or attempt == 19:
                    raise
                continue
            yield taken
            return


async def _serve(host: Host, desk: Desk, tls: ssl.SSLContext | None, port: int) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    return await loop.create_server(
        lambda: Receiver(host, desk, tls), host.address, port, backlog=_BACKLOG, reuse_address=True
    )


class Control:
    """The commands of the control port."""

    def __init__(self, desk: Desk, postman: Postman) -> None:
        """Commands act on these two."""
        self._desk, self._postman = desk, postman
        self._commands: Mapping[str, Callable[[dict[str, Any]], None]] = {
            "appliance": self._appliance,
            "chapter": self._chapter,
            "sums": lambda _command: None,
        }

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection: a line in, a line out."""
        # asyncio.streams reports a cancelled session as an error of its own; here it is only the end of the process.
        with contextlib.suppress(asyncio.CancelledError, ConnectionError):
            while line := await reader.readline():
                writer.write(self._answer(line))
                await writer.drain()
        writer.close()

    def _answer(self, line: bytes) -> bytes:
        """Do the command; every answer has the sums, or says what is wrong with the command."""
        try:
            command = json.loads(line)
            self._commands[command["do"]](command)
        except (ValueError, KeyError, TypeError) as error:
            return json.dumps({"error": f"{type(error).__name__}: {error}"}).encode() + b"\n"
        sums = msgspec.to_builtins(self._desk.books.sums)
        answer = {**sums, "waiting": self._postman.waiting, "chapter": self._desk.chapter}
        return json.dumps(answer).encode() + b"\n"

    def _appliance(self, command: dict[str, Any]) -> None:
        self._postman.appliance(int(command["port"]), str(command["complaints_to"]))

    def _chapter(self, command: dict[str, Any]) -> None:
        self._desk.chapter = int(command["chapter"])
        for host, person in self._desk.writers() if command.get("write_to") else ():
            self._postman.write(host, person, str(command["write_to"]))


async def play(world: World, books: Books, nameserver: tuple[str, int], port: int) -> None:
    """Play until SIGTERM."""
    postman = Postman(books, world.seed, nameserver)
    desk = Desk(world, books, postman.post)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    control = Control(desk, postman)
    async with listening(desk, port) as taken:
        server = await asyncio.start_server(control.serve, "127.0.0.1", 0)
        told = {"port": taken, "control": f"127.0.0.1:{server.sockets[0].getsockname()[1]}"}
        os.write(1, (json.dumps(told) + "\n").encode())
        await stop.wait()
        server.close()


def main(arguments: list[str] | None = None) -> int:
    """Play a world; 1 when its file or the addresses cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m lab.hosts", description="Play all mail hosts of a world.")
    parser.add_argument("--world", type=Path, required=True, help="the world, a JSON file")
    parser.add_argument("--books", type=Path, required=True, help="the books, written to as JSON lines")
    parser.add_argument("--nameserver", default="127.0.0.1:53", help="HOST:PORT that knows the appliance's MX")
    parser.add_argument("--port", type=int, default=0, help="the port of all hosts, 0 for a free one")
    options = parser.parse_args(arguments)
    tether()
    server, _, dns_port = str(options.nameserver).rpartition(":")
    try:
        world = msgspec.json.decode(options.world.read_bytes(), type=World)
        uvloop.run(play(world, Books(options.books), (server, int(dns_port)), options.port))
    except (OSError, msgspec.DecodeError) as error:
        print(f"the hosts cannot start: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
