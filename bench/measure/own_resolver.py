"""A mount namespace in which /etc/resolv.conf names a caching resolver of ours, for peers that know nothing else.

`enter` starts the program anew in it; `Resolver` is Debian's unbound on port 53 of an address of loopback, before the
lab's name server. Our own side is told the same resolver, so both have the same answers at the same price.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from peers.loopback import wait_until
from peers.need import program

ADDRESS: Final = "127.0.5.53"
_ENTERED: Final = "MAILLOFT_BENCH_NAMESPACE"
_UNBOUND: Final = """\
server:
  directory: "{folder}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  interface: {address}@53
  access-control: 127.0.0.0/8 allow
  do-ip6: no
  do-not-query-localhost: no
  num-threads: 1
  module-config: "iterator"
  local-zone: "test." nodefault
  local-zone: "127.in-addr.arpa." nodefault
remote-control:
  control-enable: no
stub-zone:
  name: "test."
  stub-addr: {upstream}
stub-zone:
  name: "127.in-addr.arpa."
  stub-addr: {upstream}
"""


def enter() -> None:
    """Go on in a namespace of our own."""
    if _ENTERED in os.environ:
        return
    command = ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv]
    os.execvpe("unshare", command, os.environ | {_ENTERED: "1"})


class Resolver:
    def __init__(self, upstream: str) -> None:
        """`upstream`: host:port of the name server that knows everything."""
        self._folder = Path(tempfile.mkdtemp(prefix="mailloft-resolver-"))
        self._folder.chmod(0o755)
        resolv = self._folder / "resolv.conf"
        resolv.write_text(f"nameserver {ADDRESS}\n")
        subprocess.run(["mount", "--bind", resolv, "/etc/resolv.conf"], check=True)
        file = self._folder / "unbound.conf"
        file.write_text(_UNBOUND.format(folder=self._folder, address=ADDRESS, upstream=upstream.replace(":", "@")))
        command = ["setpriv", "--pdeathsig", "TERM", program("unbound", "unbound"), "-d", "-c", file]
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_until(lambda: "start of service" in (self._folder / "log").read_text(), "unbound answers")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)
        shutil.rmtree(self._folder, ignore_errors=True)
