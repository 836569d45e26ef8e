"""Debian's unbound as validating resolver: a zone signed on the spot behind it, other zones at the lab's server.

It runs in a folder of its own, at a free port of `host`, without the system's configuration; the zone is signed by
dnspython and unbound trusts its key, so that bogus, signed and unsigned answers are real ones. At an address of a
bridge it is the zone's name server for another resolver; `anchor` is the DS record that vouches for the zone's key.
"""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import dns.dnssec
import dns.message
import dns.query
import dns.rdataset
import dns.rdatatype
import dns.zone
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from dns.dnssectypes import Algorithm, DSDigest

from peers.loopback import free_port
from peers.need import program

_TRIES = 100


class Unbound:
    def __init__(
        self,
        folder: Path,
        zone: str,
        records: Sequence[str],
        others: Mapping[str, str],
        bogus: Sequence[str] = (),
        host: str = "127.0.0.1",
    ) -> None:
        """`records`: lines of the zone; `others`: unsigned zones, with the host:port that knows each; `bogus`: "NAME
        TYPE" of what is to be spoilt."""
        folder.mkdir(parents=True, exist_ok=True)
        self.anchor = _sign(folder / "zone", zone, records, bogus)
        port = free_port()
        self.listening = f"{host}:{port}"
        file = folder / "unbound.conf"
        stubs = (_STUB.format(zone=one, address=where.replace(":", "@")) for one, where in others.items())
        file.write_text(_CONFIGURATION.format(
            folder=folder, host=host, port=port, anchor=self.anchor, zone=zone,
            served="no" if host == "127.0.0.1" else "yes",
        ) + "".join(stubs))  # fmt: skip
        command = ["setpriv", "--pdeathsig", "TERM", program("unbound", "unbound"), "-d", "-c", file]
        with (folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        self._await(host, port, zone, folder / "log")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)

    def _await(self, host: str, port: int, zone: str, log: Path) -> None:
        question = dns.message.make_query(zone, "SOA")
        for _ in range(_TRIES):
            try:
                if dns.query.udp(question, host, port=port, timeout=0.2).answer:
                    return
            except (OSError, dns.exception.Timeout):
                time.sleep(0.05)
        self.stop()
        raise AssertionError(f"unbound did not answer\n{log.read_text(errors='replace')}")


_CONFIGURATION = """
server:
  directory: "{folder}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  interface: {host}@{port}
  access-control: 10.0.0.0/8 allow
  do-ip6: no
  do-not-query-localhost: no
  num-threads: 1
  local-zone: "test." nodefault
  trust-anchor: "{anchor}"
  val-log-level: 2
remote-control:
  control-enable: no
auth-zone:
  name: "{zone}"
  zonefile: "{folder}/zone"
  for-downstream: {served}
  for-upstream: yes
  fallback-enabled: no
"""


_STUB = """
stub-zone:
  name: "{zone}"
  stub-addr: {address}
"""


def _sign(file: Path, name: str, records: Sequence[str], bogus: Sequence[str]) -> str:
    """Write the zone with its signatures; the DS line that vouches for its key."""
    head = [f"@ 60 IN SOA ns.{name}. admin.{name}. 1 60 60 60 60", f"@ 60 IN NS ns.{name}.", "ns 60 IN A 127.0.0.1"]
    zone = dns.zone.from_text("\n".join([*head, *records]) + "\n", origin=name, relativize=False)
    private = generate_private_key(SECP256R1())
    key = dns.dnssec.make_dnskey(private.public_key(), Algorithm.ECDSAP256SHA256, flags=257)
    dns.dnssec.sign_zone(zone, keys=[(private, key)], lifetime=int(timedelta(days=1).total_seconds()))
    for one in bogus:
        _spoil(zone, *one.split())
    file.write_text(zone.to_text())
    ds = dns.dnssec.make_ds(f"{name}.", key, DSDigest.SHA256)
    return f"{name}. DS {ds.to_text()}"


def _spoil(zone: dns.zone.Zone, owner: str, kind: str) -> None:
    """Let the signature of one set be another set's: it cannot validate."""
    covered = dns.rdatatype.from_text(kind)
    signatures = zone.get_rdataset(owner, "RRSIG", covers=kind)
    assert signatures is not None, f"{owner} {kind} is not in the zone"
    (text,) = (one.to_text() for one in signatures)
    # The last field is the signature, base64; its first octets are turned round.
    spoilt = re.sub(r"(\S{8})(\S+)$", lambda found: found[1][::-1] + found[2], text)
    assert spoilt != text
    zone.replace_rdataset(owner, dns.rdataset.from_text("IN", "RRSIG", signatures.ttl, spoilt))
    assert zone.get_rdataset(owner, "RRSIG", covers=covered) is not None
