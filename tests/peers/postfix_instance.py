"""One Debian Postfix in a folder of its own: configuration, queue, state and log; the system's is not touched.

What it does is said by whoever configures it: `settings` are lines of main.cf, `services` lines of master.cf beside
the inner ones that every Postfix needs. `{folder}` in both is the instance's folder.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from peers import need
from peers.loopback import wait_until

NOBODY: Final = 65534  # who owns delivered mail

_SETTINGS: Final = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/state
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
mail_owner = postfix
setgid_group = postdrop
inet_protocols = ipv4
inet_interfaces = loopback-only
smtp_dns_support_level = disabled
smtp_host_lookup = native
smtpd_peername_lookup = no
alias_maps =
alias_database =
mydestination =
smtpd_client_event_limit_exceptions = 127.0.0.0/8
message_size_limit = 52428800
"""

_SERVICES: Final = """\
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


class Instance:
    def __init__(self, settings: str, services: str) -> None:
        """Made, not started. Skips or fails the test by name without Postfix or root."""
        self._postfix = need.program("postfix", "postfix")
        self._postmap = need.program("postmap", "postfix")
        need.root("Postfix's master process starts as root")
        self.folder = Path(tempfile.mkdtemp(prefix="mailloft-postfix-"))
        self.folder.chmod(0o755)
        for name in ("etc", "queue", "state", "mail"):
            (self.folder / name).mkdir()
        shutil.chown(self.folder / "state", "postfix")
        os.chown(self.folder / "mail", NOBODY, NOBODY)
        (self.folder / "etc" / "main.cf").write_text(self._filled(_SETTINGS + settings))
        (self.folder / "etc" / "master.cf").write_text(self._filled(services + _SERVICES))
        self._running: subprocess.Popen[bytes] | None = None

    def _filled(self, text: str) -> str:
        return text.replace("{folder}", str(self.folder))

    def map(self, name: str, rows: Mapping[str, str]) -> None:
        """Write the look-up table `hash:{folder}/etc/NAME`; a running Postfix sees the change by itself."""
        file = self.folder / "etc" / name
        file.write_text("".join(f"{key} {value}\n" for key, value in rows.items()))
        command = [self._postmap, "-c", self.folder / "etc", f"hash:{file}"]
        made = subprocess.run(command, check=False, capture_output=True, text=True)
        assert made.returncode == 0, made.stderr

    def start(self, answers: Callable[[], bool]) -> None:
        """Start it and wait until `answers()`."""
        with (self.folder / "output").open("wb") as output:
            command = ["setpriv", "--pdeathsig", "TERM", self._postfix, "-c", self.folder / "etc", "start-fg"]
            self._running = subprocess.Popen(command, stdout=output, stderr=output, cwd="/")
        try:
            wait_until(answers, "Postfix answers")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{(self.folder / 'output').read_text()}\n{self.log()}") from error

    @property
    def pid(self) -> int:
        """Of the process that all others come from."""
        assert self._running is not None
        return self._running.pid

    def stop(self) -> None:
        if self._running is not None:
            subprocess.run([self._postfix, "-c", self.folder / "etc", "stop"], check=False, capture_output=True)
            self._running.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self) -> str:
        file = self.folder / "log"
        return file.read_text(errors="replace") if file.exists() else ""
