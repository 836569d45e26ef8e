"""What idle SMTP sessions under STARTTLS cost a process: many are opened, and its memory looked at before and after."""

from __future__ import annotations

import asyncio
import resource
import ssl

from measure.processes import memory_mb

_AT_ONCE = 20


def idle_cost(host: str, port: int, pid: int, sessions: int) -> float:
    """MB that `sessions` of them add to the process."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (2 * sessions + 1000, 2 * sessions + 1000))
    return asyncio.run(_cost(host, port, pid, sessions))


async def _cost(host: str, port: int, pid: int, sessions: int) -> float:
    tls = ssl.create_default_context()
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    kept = [await _open(host, port, tls) for _ in range(_AT_ONCE)]
    before = memory_mb(pid)
    for _ in range(sessions // _AT_ONCE):
        kept += await asyncio.gather(*(_open(host, port, tls) for _ in range(_AT_ONCE)))
    added = memory_mb(pid) - before
    for writer in kept:
        writer.close()
    return round(added, 1)


async def _open(host: str, port: int, tls: ssl.SSLContext) -> asyncio.StreamWriter:
    reader, writer = await asyncio.open_connection(host, port)
    await _reply(reader)
    for command in (b"EHLO idle.test", b"STARTTLS"):
        writer.write(command + b"\r\n")
        await _reply(reader)
    await writer.start_tls(tls)
    writer.write(b"EHLO idle.test\r\n")
    await _reply(reader)
    return writer


async def _reply(reader: asyncio.StreamReader) -> None:
    while (line := await reader.readline())[3:4] == b"-":
        continue
    if line[:1] != b"2":
        raise AssertionError(f"the MX said {line!r}")
