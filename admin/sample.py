"""The sample of `mailloft up --sample`: a project whose mail comes round through the real queue, MX and mailbox.

Made at the first start through the same acts that the API uses, kept in DIR, shown at every start. Its names are
served by the lab's name server, a process of its own that ends with the parent; no other names exist there, unless
`[dns] servers` names who knows them.
Crash case: a first start killed half-way is found by its project's name and made whole with new secrets.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from admin import ports
from admin.acts import api_keys, connections, domains, mailboxes, projects, senders
from admin.acts.pages import Window
from admin.keepsakes import Keepsakes, Operator, SampleConnection, SampleKeepsake, replace
from admin.office import Office
from admin.refusals import ConflictError
from policy.domain_records import DnsRecord, spf
from store.settings import Settings

PROJECT: Final = "sample"
DOMAIN: Final = "sample.test"
SMTP_PORT: Final = 25  # where nothing else is set, the sample's mail comes round to our own MX instead


@dataclass(frozen=True, slots=True)
class NameServer:
    """The program that serves the sample's names, run by the parent as one of its children."""

    listening: str
    command: tuple[str, ...]

    def execute(self, readiness: int) -> None:
        """Become it, in a fork of the parent. Its line on stdout, written once it answers, says that it is ready."""
        os.dup2(readiness, 1)
        # The lab ends with the process that this names, however that one ends.
        environment = {**os.environ, "LAB_PARENT": str(os.getppid()), "PYTHONPATH": str(Path(__file__).parent.parent)}
        os.execve(self.command[0], self.command, environment)


def prepare(folder: Path, settings: Settings, office: Office, kept: Keepsakes) -> tuple[Keepsakes, NameServer]:
    """Make what is missing; how to serve its names. The port must be free for UDP and TCP. Raises PortError."""
    if kept.sample is None:
        kept = msgspec.structs.replace(kept, sample=_make(office))
    zone = folder / "sample-zone.json"
    replace(zone, msgspec.json.encode({"records": _zone(settings, office)}))
    port = ports.free_for_both("127.0.0.1", kept.ports.get("dns", 0))
    listening = f"127.0.0.1:{port}"
    command = (sys.executable, "-m", "lab.nameserver", "--zone", str(zone), "--listen", listening)
    # What is not of the sample is asked of the first server that is set, and does not exist where none is.
    others = ("--forward", settings.dns.servers[0]) if settings.dns.servers else ()
    kept = msgspec.structs.replace(kept, ports=kept.ports | {"dns": port})
    return kept, NameServer(listening, command + others)


def _make(office: Office) -> SampleKeepsake:
    project, api_key = _project(office)
    _domain(office, project)
    ann, bob = (_mailbox(office, project, f"{who}@{DOMAIN}") for who in ("ann", "bob"))
    made = connections.create(office, project, "sample", _sender(office, project, ann.login), approved=True)
    return SampleKeepsake(PROJECT, api_key, (ann, bob), SampleConnection(made.login, made.password, ann.login))


def _project(office: Office) -> tuple[int, str]:
    try:
        made = projects.create(office, PROJECT, campaigns_allowed=True)
    except ConflictError:
        found = projects.by_name(office, PROJECT)
        return found.id, api_keys.create(office, found.id, "first").key
    return made.id, made.api_key


def _domain(office: Office, project: int) -> None:
    with suppress(ConflictError):
        domains.create(office, project, DOMAIN)
    domains.set_states(office, project, DOMAIN, {"owned": True, "sending": True, "linked": True})


def _mailbox(office: Office, project: int, address: str) -> Operator:
    try:
        made = mailboxes.create(office, project, address, None, None)
    except ConflictError:
        made = mailboxes.new_password(office, project, address)
    return Operator(made.address, made.password)


def _sender(office: Office, project: int, address: str) -> int:
    with suppress(ConflictError):
        return senders.create(office, project, address, "Ann Sample").id
    return senders.by_address(office, project, address).id


def _zone(settings: Settings, office: Office) -> list[dict[str, str]]:
    """The domains of the sample's project, our own host, and the names of the egress sources."""
    hostname = settings.server.hostname
    project = projects.by_name(office, PROJECT)
    shown = [record for page in domains.page(office, project.id, Window()).items for record in page.records]
    own = [
        DnsRecord(hostname, "A", settings.mx.address),
        DnsRecord(hostname, "MX", f"10 {hostname}."),
        DnsRecord(hostname, "TXT", spf(office.sending_addresses)),
    ]
    for source in settings.outbound.sources:
        reverse = ".".join(reversed(source.address.split(".")))
        own += [
            DnsRecord(source.ehlo, "A", source.address),
            DnsRecord(source.ehlo, "TXT", "v=spf1 a -all"),
            DnsRecord(f"{reverse}.in-addr.arpa", "PTR", f"{source.ehlo}."),
        ]
    return [{"host": one.host, "type": one.type, "value": one.value} for one in (*own, *shown)]
