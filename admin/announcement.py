"""What `mailloft up` prints once everything answers: one JSON line, or the same for a person.

Pure. Called by admin/up.py; the keys are a contract with scripts.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from admin.keepsakes import Keepsakes, SampleKeepsake
from store.settings import Settings


def ready_line(
    ports: Mapping[str, int], settings: Settings, folder: Path, kept: Keepsakes, dns: str | None
) -> dict[str, Any]:
    """`ports` by the names of admin/ports.py."""
    people = {name: ports[name] for name in ("mx", "submission", "submissions", "imap", "imaps")}
    metrics = {
        name.removeprefix("metrics."): f"http://{settings.metrics.address}:{port}"
        for name, port in ports.items()
        if name.startswith("metrics.")
    }
    ready = people | {
        "admin": settings.admin.url,
        "metrics": metrics,
        "ca": str(folder / "ca.pem"),
        "operator": msgspec.to_builtins(kept.operator),
        "api_key": kept.api_key,
        "dns": dns,
    }
    if kept.sample is not None and dns is not None:
        ready["sample"] = msgspec.to_builtins(kept.sample)
    return ready


def for_a_person(ready: Mapping[str, Any], settings: Settings) -> str:
    lines = [
        "Mailloft answers:",
        f"  MX           {settings.mx.address}:{ready['mx']}",
        f"  submission   {settings.submission.address}:{ready['submission']} (STARTTLS), {ready['submissions']} (TLS)",
        f"  IMAP         {settings.imap.address}:{ready['imap']} (STARTTLS), {ready['imaps']} (TLS)",
        f"  panel        {ready['admin']}/",
        f"  API          {ready['admin']}/api/v1",
        *(f"  metrics      {url}/metrics ({name})" for name, url in ready["metrics"].items()),
        f"  its own CA   {ready['ca']}",
        f"  operator     {ready['operator']['login']} {ready['operator']['password']}",
        f"  API key      {ready['api_key']} (all projects)",
    ]
    if "sample" in ready:
        lines += _sample(ready, settings)
    return "\n".join([*lines, "Ctrl-C stops it."])


def _sample(ready: Mapping[str, Any], settings: Settings) -> list[str]:
    sample = msgspec.convert(ready["sample"], SampleKeepsake)
    ann, bob = sample.mailboxes
    connection = sample.connection
    host = settings.submission.address
    return [
        "",
        f"Sample project {sample.project}, API key {sample.api_key}, names served at {ready['dns']}:",
        *(f"  mailbox      {mailbox.login} {mailbox.password}" for mailbox in sample.mailboxes),
        f"  connection   {connection.login} {connection.password} (sends as {connection.sender})",
        "",
        "Send a mail from ann to bob:",
        f"  swaks --server {host}:{ready['submissions']} --tls-on-connect --auth PLAIN --auth-user {connection.login}"
        f" --auth-password {connection.password} --from {ann.login} --to {bob.login}",
        "Read it with a mail client (trust the CA above first):",
        f"  IMAP {settings.imap.address}, port {ready['imaps']}, SSL/TLS, login {bob.login}, password {bob.password};"
        f" SMTP {host}, port {ready['submissions']}, SSL/TLS",
        "",
    ]
