"""Postfix as a mail host that verifies: policyd-spf, OpenDKIM and OpenDMARC in front of one Maildir.

All of Debian; they ask whoever /etc/resolv.conf names, so this runs in a mount namespace with one of its own
(measure/own_resolver). The verifiers are told to treat loopback as strangers, whom they
pass over by default. Debian's OpenDKIM resolves by a libunbound of its own, under which it falls over with many
connections, so its keys come from a file: it is spared the look-ups.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from measure.signers import as_nobody, available
from peers.loopback import answers, free_port, wait_until
from peers.need import SEARCHED
from peers.postfix_instance import NOBODY, Instance

NAME: Final = "postfix+opendkim+opendmarc+spf"
PROGRAMS: Final = ("opendkim", "opendmarc", "policyd-spf")
HOST: Final = "mx.peer.test"
_STRANGERS: Final = "192.0.2.1\n"
_POSTFIX: Final = """\
myhostname = mx.peer.test
mynetworks = 192.0.2.1
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = hash:{folder}/etc/boxes
virtual_uid_maps = static:{nobody}
virtual_gid_maps = static:{nobody}
virtual_mailbox_limit = 0
smtpd_recipient_restrictions = reject_unauth_destination, check_policy_service unix:private/policyd-spf
policyd-spf_time_limit = 3600
smtpd_milters = unix:{dkim}, unix:{dmarc}
milter_default_action = tempfail
in_flow_delay = 0
import_environment = MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ LANG=C LD_PRELOAD
"""
_SERVICES: Final = """\
127.0.0.1:{port} inet n - n - 200 smtpd
policyd-spf unix - n n - 0 spawn user=nobody argv={policyd} {settings}
"""
_POLICYD: Final = """\
debugLevel = 0
TestOnly = 1
HELO_reject = Fail
Mail_From_reject = Fail
skip_addresses = 192.0.2.1/32
Header_Type = AR
Authserv_Id = mx.peer.test
"""
_OPENDKIM: Final = """\
Syslog no
Background no
Mode v
Socket local:{folder}/dkim
UMask 000
InternalHosts {folder}/strangers
AuthservID mx.peer.test
TestDNSData {folder}/keys
"""
_OPENDMARC: Final = """\
Syslog false
Background false
AuthservID mx.peer.test
TrustedAuthservIDs mx.peer.test
IgnoreHosts {folder}/strangers
RejectFailures true
Socket local:{folder}/dmarc
UMask 000
PublicSuffixList /usr/share/publicsuffix/public_suffix_list.dat
"""


def missing() -> str | None:
    """The program that is not here."""
    return next((program for program in ("postfix", *PROGRAMS) if not available(program)), None)


class MailHost:
    """Takes mail for `address` at `port`; `kept` is its Maildir."""

    def __init__(self, address: str, keys: Mapping[str, str]) -> None:
        """`keys`: the TXT records of DKIM by name."""
        domain = address.rpartition("@")[2]
        self._folder = Path(tempfile.mkdtemp(prefix="mailloft-verifiers-"))
        self._folder.chmod(0o711)
        files = {"strangers": _STRANGERS, "opendkim": _OPENDKIM, "opendmarc": _OPENDMARC}
        for name, text in files.items():
            (self._folder / name).write_text(text.format(folder=self._folder))
        (self._folder / "keys").write_text("".join(f"{name} {value}\n" for name, value in keys.items()))
        policyd = self._folder / "policyd"
        policyd.write_text(_POLICYD)
        self._milters = [self._started("opendkim", "-f", "-x"), self._started("opendmarc", "-f", "-c")]
        self._folder.chmod(0o755)
        for socket in ("dkim", "dmarc"):
            wait_until((self._folder / socket).exists, f"the milter {socket} answers")
        self.port = free_port()
        settings = _POSTFIX.format(
            folder="{folder}", domain=domain, nobody=NOBODY, dkim=self._folder / "dkim", dmarc=self._folder / "dmarc"
        )
        services = _SERVICES.format(
            port=self.port, policyd=shutil.which("policyd-spf", path=SEARCHED), settings=policyd
        )
        self._instance = Instance(settings, services)
        self._instance.map("boxes", {address: "box/"})
        self._instance.start(lambda: answers("127.0.0.1", self.port))
        self.kept = self._instance.folder / "mail" / "box" / "new"

    def _started(self, name: str, *flags: str) -> subprocess.Popen[bytes]:
        program = shutil.which(name, path=SEARCHED)
        with (self._folder / f"{name}.output").open("wb") as output:
            command = [*as_nobody(self._folder), program, *flags, self._folder / name]
            return subprocess.Popen(command, stdout=output, stderr=output, cwd="/")

    @property
    def pids(self) -> tuple[int, ...]:
        return (self._instance.pid, *(milter.pid for milter in self._milters))

    def delivered(self) -> int:
        return len(os.listdir(self.kept)) if self.kept.exists() else 0

    def sample(self) -> bytes:
        return next(self.kept.iterdir()).read_bytes()

    def log(self) -> str:
        return self._instance.log()

    def stop(self) -> None:
        self._instance.stop()
        for milter in self._milters:
            milter.terminate()
            milter.wait(15)
        shutil.rmtree(self._folder, ignore_errors=True)
