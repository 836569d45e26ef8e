"""Debian's Dovecot as a peer: sdbox, no full-text index, a configuration and a folder of its own, loopback ports.

Every login is let in with PASSWORD; a mailbox is made at the first sign-in. Saves are durable, by its default.
"""

from __future__ import annotations

import os
import pwd
import subprocess
from pathlib import Path
from typing import Final

from peers import need
from peers.loopback import free_port, wait_until

PASSWORD: Final = "secret"
_USER: Final = "nobody"
_CONFIG: Final = """\
base_dir = {run}
state_dir = {run}
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
disable_plaintext_auth = no
auth_mechanisms = plain login
mail_location = sdbox:{folder}/mail/%u
mail_uid = {user}
mail_gid = {group}
first_valid_uid = 1
first_valid_gid = 1
default_login_user = {user}
default_internal_user = {user}
default_internal_group = {group}
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{key}
mail_max_userip_connections = 2000
default_client_limit = 5000
default_process_limit = 2000
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}/mail/%u
}}
service imap-login {{
  service_count = 0
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
"""


class Dovecot:
    def __init__(self, folder: Path, certificate: Path, key: Path, more: str = "") -> None:
        """`more`: further lines of its configuration."""
        run, mail = folder / "run", folder / "mail"
        for each in (folder, run, mail):
            each.mkdir(exist_ok=True)
            each.chmod(0o755)
        account = pwd.getpwnam(_USER)
        os.chown(mail, account.pw_uid, account.pw_gid)
        self.imap, self.imaps = free_port(), free_port()
        self._log = folder / "log"
        self._log.touch()
        config = folder / "dovecot.conf"
        config.write_text(
            _CONFIG.format(
                run=run, folder=folder, user=_USER, group="nogroup", certificate=certificate, key=key,
                password=PASSWORD, imap=self.imap, imaps=self.imaps,
            ) + more
        )  # fmt: skip
        program = need.program("dovecot", "dovecot-imapd")
        self._process = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", program, "-F", "-c", config])
        wait_until(lambda: b"starting up" in self._log.read_bytes(), "Dovecot is up", 30)

    @property
    def pids(self) -> tuple[int, ...]:
        return (self._process.pid,)

    def password(self, login: str) -> str:
        """Of whatever login."""
        return PASSWORD if login else ""

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(20)
