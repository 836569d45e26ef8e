"""swaks as a person's mail program: it brings one message to an SMTP server and tells what was said."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

from peers import need


@dataclass(frozen=True, slots=True)
class Dialogue:
    """`status` 0: the server took it. `transcript` is the whole session."""

    status: int
    transcript: str


def send(server: tuple[str, int], reverse_path: str, forward_path: str, message: bytes, *options: str) -> Dialogue:
    """Bring `message` as it is; `options` are swaks' own ("--local-interface", "127.0.2.1", ...)."""
    program = need.program("swaks", "swaks")
    envelope = ["--server", server[0], "--port", str(server[1]), "--from", reverse_path, "--to", forward_path]
    # A message on standard input ("-") is sent as it is; swaks itself doubles leading dots.
    command = [program, *envelope, *options, "--data", "-"]
    ended = subprocess.run(command, input=message, check=False, capture_output=True, timeout=60)
    return Dialogue(ended.returncode, ended.stdout.decode("utf-8", "replace") + ended.stderr.decode("utf-8", "replace"))
