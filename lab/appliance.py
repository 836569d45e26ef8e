"""The appliance as the outside sees it: a command that starts it, its HTTP API, its IMAP port. Nothing imported.

lab/demo.py and tests drive it with this. `running` starts the command with --dir, --config and --json, reads its one
line and stops it with SIGTERM; its log is a file in the directory. Api methods return the API's own objects. Raises
ApplianceError with the appliance's own words (RFC 9457 problem details; the end of the log when it did not start).
"""

from __future__ import annotations

import contextlib
import imaplib
import json
import shlex
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from pathlib import Path
from typing import Any, Final

import httpx

from lab.tether import tied_environment

START: Final = 60.0  # seconds until it must answer
STOP: Final = 15.0
PAGE: Final = 500


class ApplianceError(Exception):
    """The appliance did not start, refused a call or broke its contract."""


@dataclass(frozen=True, slots=True)
class Doors:
    """Where the appliance answers, from its line of JSON."""

    mx: int
    imaps: int
    admin: str
    ca: Path
    api_key: str

    def tls(self) -> ssl.SSLContext:
        """A context that trusts the appliance's own CA."""
        return ssl.create_default_context(cafile=str(self.ca))


def doors_of(line: str, directory: Path) -> Doors:
    """The doors that a line of JSON names. Raises ApplianceError."""
    try:
        told = json.loads(line)
        ca = directory / str(told["ca"])
        return Doors(int(told["mx"]), int(told["imaps"]), str(told["admin"]), ca, str(told["api_key"]))
    except (ValueError, KeyError, TypeError) as error:
        raise ApplianceError(f"the appliance's line is not as agreed ({error!r}): {line!r}") from error


@contextlib.contextmanager
def running(command: str, directory: Path, config: Path) -> Iterator[Doors]:
    """Run the appliance while the block runs."""
    log = directory / "appliance.log"
    state = directory / "appliance"
    tied = [sys.executable, "-m", "lab.tether"]
    words = [*tied, *shlex.split(command), "--dir", str(state), "--config", str(config), "--json"]
    with log.open("ab") as errors:
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=errors, text=True, env=tied_environment())
    try:
        yield doors_of(_first_line(process, log), state)
    finally:
        process.terminate()
        try:
            process.wait(STOP)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _first_line(process: subprocess.Popen[str], log: Path) -> str:
    """The first line of its stdout, or ApplianceError when it ended or took too long."""
    lines: list[str] = []

    def read() -> None:
        if process.stdout is not None:
            lines.append(process.stdout.readline())

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(START)
    if not lines or not lines[0]:
        what = f"did not answer within {START:.0f} s" if not lines else "ended before it answered"
        tail = log.read_text("utf-8", "replace")[-2000:]
        raise ApplianceError(f"the appliance {what}; the end of {log}:\n{tail}")
    return lines[0]


class Api:
    """Calls with one key; `project` names the project where the key is the operator's."""

    def __init__(self, doors: Doors, key: str, project: str | None = None) -> None:
        """No call is made yet."""
        self._project = {"project": project} if project else {}
        self._client = httpx.Client(
            base_url=f"{doors.admin}/api/v1",
            verify=doors.tls(),
            headers={"Authorization": f"Bearer {key}"},
            timeout=60.0,
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def get(self, path: str, **query: str | int) -> dict[str, Any]:
        """GET one object."""
        return self._call("GET", path, params={**self._project, **query})

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """POST an object."""
        return self._call("POST", path, params=self._project, json=body)

    def patch(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """PATCH an object."""
        return self._call("PATCH", path, params=self._project, json=body)

    def upload(self, path: str, content: bytes) -> dict[str, Any]:
        """POST a CSV file."""
        headers = {"Content-Type": "text/csv; charset=utf-8"}
        return self._call("POST", path, params=self._project, content=content, headers=headers)

    def pages(self, path: str, **query: str | int) -> Iterator[dict[str, Any]]:
        """The items of a list, page by page."""
        cursor: dict[str, str | int] = {}
        while True:
            page = self.get(path, limit=PAGE, **query, **cursor)
            yield from page["items"]
            if page["next"] is None:
                return
            cursor = {"cursor": page["next"]}

    def _call(self, method: str, path: str, **how: Any) -> dict[str, Any]:
        try:
            answer = self._client.request(method, path, **how)
        except httpx.HTTPError as error:
            raise ApplianceError(f"{method} {path}: {error!r}") from error
        if answer.is_error:
            raise ApplianceError(f"{method} {path}: {answer.status_code} {answer.text[:1000]}")
        found = answer.json() if answer.content else {}
        if not isinstance(found, dict):
            raise ApplianceError(f"{method} {path}: an object was agreed, not {answer.text[:200]!r}")
        return found


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail in a mailbox, by what tells it apart."""

    message_id: str
    writer: str
    automatic: bool


def letters(doors: Doors, login: str, password: str) -> list[Letter]:
    """What lies in the INBOX, over IMAP with TLS."""
    wanted = "(BODY.PEEK[HEADER.FIELDS (MESSAGE-ID FROM AUTO-SUBMITTED)])"
    with imaplib.IMAP4_SSL("127.0.0.1", doors.imaps, ssl_context=doors.tls()) as mailbox:
        mailbox.login(login, password)
        _, counted = mailbox.select("INBOX", readonly=True)
        if not counted[0] or int(counted[0]) == 0:
            return []
        _, parts = mailbox.fetch("1:*", wanted)
    return [_letter(part[1]) for part in parts if isinstance(part, tuple)]


def _letter(head: bytes) -> Letter:
    fields = message_from_bytes(head)
    automatic = str(fields.get("Auto-Submitted", "no")).strip().lower() != "no"
    return Letter(str(fields.get("Message-ID", "")).strip(), str(fields.get("From", "")), automatic)
