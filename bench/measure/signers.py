"""The milters that sign for Postfix: Debian's rspamd with dkim_signing alone, and OpenDKIM; each in its own folder.

Both run as a user without privilege, keep their RSA-2048 key in memory, and sign with relaxed/relaxed what Postfix
takes in. `available` says which are installed: what is not is named as not measured.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from peers.loopback import wait_until
from peers.need import SEARCHED

SELECTOR: Final = "peer"
_COMMANDS: Final = {
    "rspamd": ["-f", "-c", "{folder}/rspamd.conf"],
    "opendkim": ["-f", "-x", "{folder}/opendkim.conf"],
}
# rspamd: nothing but the signing module, its scanner inside the milter's worker (no second hop), two of them.
_RSPAMD: Final = """\
options {{
  pidfile = "{folder}/pid"; control_socket = "{folder}/control mode=0600"; filters = "dkim";
  dns {{ nameserver = ["127.0.0.1"]; timeout = 0.1s; retransmits = 1; }}
  local_addrs = ["127.0.0.0/8"]; hs_cache_dir = "{folder}"; rrd = ""; stats_file = "{folder}/stats";
}}
logging {{ type = "file"; filename = "{folder}/log"; level = "error"; }}
worker "rspamd_proxy" {{
  bind_socket = "{folder}/socket mode=0666"; milter = yes; timeout = 120s; count = 2; max_retries = 5;
  upstream "local" {{ default = yes; self_scan = yes; }}
}}
modules {{ path = "/usr/share/rspamd/plugins/dkim_signing.lua"; }}
dkim_signing {{
  enabled = true; sign_local = true; allow_username_mismatch = true; use_esld = false; check_pubkey = false;
  domain {{ "{domain}" {{ path = "{folder}/key"; selector = "{selector}"; }} }}
}}
"""
_OPENDKIM: Final = """\
Syslog no
Background no
AutoRestart no
Mode s
Canonicalization relaxed/relaxed
SignatureAlgorithm rsa-sha256
Domain {domain}
Selector {selector}
KeyFile {folder}/key
RequireSafeKeys no
Socket local:{folder}/socket
UMask 000
InternalHosts 127.0.0.0/8
"""


def available(name: str) -> bool:
    return shutil.which(name, path=SEARCHED) is not None


class Signer:
    """A milter that signs for `domain`; `record` is the TXT record of its key."""

    def __init__(self, name: str, domain: str) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix=f"mailloft-{name}-"))
        self._folder.chmod(0o711)  # Postfix, another user, reaches the socket
        self.socket = self._folder / "socket"
        private, self.record = _key()
        (self._folder / "key").write_bytes(private)
        (self._folder / "key").chmod(0o600)
        text = {"rspamd": _RSPAMD, "opendkim": _OPENDKIM}[name]
        filled = text.format(folder=self._folder, domain=domain, selector=SELECTOR)
        (self._folder / f"{name}.conf").write_text(filled)
        self._process = self._started(name)
        try:
            wait_until(self.socket.exists, f"{name} answers")
        except AssertionError as error:
            said = [(self._folder / file).read_text() for file in ("output", "log") if (self._folder / file).exists()]
            self.stop()
            raise AssertionError(f"{error}\n{''.join(said)}") from error

    def _started(self, name: str) -> subprocess.Popen[bytes]:
        program = shutil.which(name, path=SEARCHED)
        command = [program, *(part.format(folder=self._folder) for part in _COMMANDS[name])]
        with (self._folder / "output").open("wb") as output:
            return subprocess.Popen([*as_nobody(self._folder), *command], stdout=output, stderr=output, cwd="/")

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


def _key() -> tuple[bytes, bytes]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    record = b"v=DKIM1; k=rsa; p=" + b"".join(public.splitlines()[1:-1])
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()), record


def as_nobody(folder: Path) -> list[str]:
    """What runs a command without privilege, as owner of `folder`, until we end."""
    command = ["setpriv", "--pdeathsig", "TERM"]
    if os.geteuid() != 0:
        return command
    nobody = pwd.getpwnam("nobody")
    for path in (folder, *folder.iterdir()):
        os.chown(path, nobody.pw_uid, nobody.pw_gid)
    return [*command, f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]
