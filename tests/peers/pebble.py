"""Debian's pebble, an ACME authority (RFC 8555) for tests, at this end of the bridge; it asks our own name server."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
from pathlib import Path
from typing import Final

import httpx
import trustme

from peers import need
from peers.bridge import HOST
from peers.loopback import answers, wait_until

_PORT: Final = 14000
_MANAGEMENT: Final = 15000
_DYING: Final = ("setpriv", "--pdeathsig", "KILL")  # with us


class Pebble:
    """Started by being made; `authority` is a PEM of who vouches for its own pages."""

    directory: Final = f"https://{HOST}:{_PORT}/dir"

    def __init__(self, folder: Path, nameserver: str) -> None:
        program = need.program("pebble", "pebble")
        own = trustme.CA()
        self.authority = folder / "authority.pem"
        own.cert_pem.write_to_path(self.authority)
        shown = own.issue_cert(HOST)
        shown.private_key_pem.write_to_path(folder / "key.pem")
        for pem in shown.cert_chain_pems:
            pem.write_to_path(folder / "certificate.pem", append=True)
        settings = {
            "listenAddress": f"{HOST}:{_PORT}", "managementListenAddress": f"{HOST}:{_MANAGEMENT}",
            "certificate": str(folder / "certificate.pem"), "privateKey": str(folder / "key.pem"),
            "httpPort": 80, "tlsPort": 443, "ocspResponderURL": "", "externalAccountBindingRequired": False,
        }  # fmt: skip
        (folder / "pebble.json").write_text(json.dumps({"pebble": settings}))
        self.log = folder / "pebble.log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [*_DYING, program, "-config", folder / "pebble.json", "-dnsserver", nameserver],
                # It waits and forgets nonces on purpose, to try its clients; those are not what is tried here.
                env={**os.environ, "PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"},
                stdout=log, stderr=log,
            )  # fmt: skip
        wait_until(lambda: answers(HOST, _MANAGEMENT) and answers(HOST, _PORT), "pebble answers")

    def root(self) -> str:
        """The PEM of the authority that its certificates end at."""
        trusting = ssl.create_default_context(cafile=self.authority)
        return httpx.get(f"https://{HOST}:{_MANAGEMENT}/roots/0", verify=trusting, timeout=10).text

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)
