"""Debian's Postfix as the mail hosts of other people: own configuration, queue and log, unprivileged ports.

One Postfix listens on several loopback addresses, each the MX of a domain with a manner of its own:
  accepts.test  127.0.2.1  takes everything into one Maildir
  refuses.test  127.0.2.2  knows nobody but postmaster: 550 5.1.1 to each RCPT
  later.test    127.0.2.3  a gateway: takes everything, asks the host behind it (127.0.2.9), which refuses; Postfix
                           then writes a DSN of its own, to the reverse-path, by way of `bounces_to`
Single recipients are made to defer, or to be full behind the gateway, by `at_gate` and `behind`. Postfix itself
logs who came: address, EHLO name, TLS, messages of a connection. The system's own configuration is not touched.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Final

import trustme

from peers import need
from peers.loopback import answers, wait_until

ACCEPTS, REFUSES, LATER = "accepts.test", "refuses.test", "later.test"
ADDRESSES: Final = {ACCEPTS: "127.0.2.1", REFUSES: "127.0.2.2", LATER: "127.0.2.3"}
BEHIND: Final = "127.0.2.9"
NOBODY: Final = 65534

_MAIN = """\
compatibility_level = 3.6
myhostname = mx.accepts.test
mydestination =
mynetworks = 127.0.2.0/24
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
smtpd_client_event_limit_exceptions = 127.0.0.0/8
virtual_mailbox_domains = accepts.test, refuses.test
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = hash:{folder}/etc/boxes
virtual_mailbox_limit = 0
virtual_uid_maps = static:{nobody}
virtual_gid_maps = static:{nobody}
relay_domains = later.test
relay_recipient_maps =
transport_maps = hash:{folder}/etc/transport
relayhost = [{bounces_to[0]}]:{bounces_to[1]}
smtp_helo_name = mx.accepts.test
smtp_bind_address = 127.0.2.1
smtp_tls_security_level = may
bounce_queue_lifetime = 1d
minimal_backoff_time = 2s
queue_run_delay = 2s
message_size_limit = 52428800
smtpd_tls_security_level = may
smtpd_tls_cert_file = {folder}/etc/certificate.pem
smtpd_tls_key_file = {folder}/etc/key.pem
smtpd_tls_loglevel = 1
smtpd_tls_received_header = yes
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_recipient_restrictions = check_recipient_access hash:{folder}/etc/at_gate, permit
smtpd_data_restrictions = check_client_access static:{{INFO took}}
"""

_MASTER = """\
{listeners}
{behind}:{port} inet n - n - - smtpd
  -o smtpd_recipient_restrictions=check_recipient_access,hash:{folder}/etc/behind,permit
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


@dataclass(frozen=True, slots=True)
class Took:
    """One message that Postfix took, as its log says it: from which address, calling itself what."""

    source: str
    ehlo: str
    forward_path: str


class Postfix:
    def __init__(self, port: int, bounces_to: tuple[str, int]) -> None:
        """Configure it for `port` on all addresses; its own DSNs, and mail for strangers, go to `bounces_to`."""
        self._postfix = need.program("postfix", "postfix")
        self._postmap = need.program("postmap", "postfix")
        need.root("Postfix's master process starts as root")
        self.port = port
        self.folder = Path(tempfile.mkdtemp(prefix="mailloft-postfix-"))
        self.folder.chmod(0o755)
        self._make_folders()
        self._configure(bounces_to)
        self._running: subprocess.Popen[bytes] | None = None

    def _make_folders(self) -> None:
        for name in ("etc", "queue", "state", "mail"):
            (self.folder / name).mkdir()
        shutil.chown(self.folder / "state", "postfix")
        os.chown(self.folder / "mail", NOBODY, NOBODY)

    def _configure(self, bounces_to: tuple[str, int]) -> None:
        etc = self.folder / "etc"
        settings = {"folder": self.folder, "nobody": NOBODY, "bounces_to": bounces_to}
        (etc / "main.cf").write_text(_MAIN.format_map(settings))
        listeners = "\n".join(f"{address}:{self.port} inet n - n - - smtpd" for address in ADDRESSES.values())
        settings = {"folder": self.folder, "listeners": listeners, "behind": BEHIND, "port": self.port}
        (etc / "master.cf").write_text(_MASTER.format_map(settings))
        authority = trustme.CA()
        certificate = authority.issue_cert(*(f"mx.{domain}" for domain in ADDRESSES))
        certificate.private_key_pem.write_to_path(etc / "key.pem")
        for pem in certificate.cert_chain_pems:
            pem.write_to_path(etc / "certificate.pem", append=True)
        self._map("boxes", {f"@{ACCEPTS}": "all/", f"postmaster@{REFUSES}": "postmaster/"})
        self._map("transport", {LATER: f"smtp:[{BEHIND}]:{self.port}"})
        self._map("at_gate", {})
        self._map("behind", {LATER: "550 5.1.1 The email account that you tried to reach does not exist"})

    def at_gate(self, answers_by_recipient: Mapping[str, str]) -> None:
        """From now on these recipients (addresses or domains) get these answers to RCPT; all others are taken."""
        self._map("at_gate", answers_by_recipient)

    def behind(self, answers_by_recipient: Mapping[str, str]) -> None:
        """The same at the host behind the gateway of later.test."""
        self._map("behind", answers_by_recipient)

    def _map(self, name: str, rows: Mapping[str, str]) -> None:
        file = self.folder / "etc" / name
        file.write_text("".join(f"{key} {value}\n" for key, value in rows.items()))
        command = [self._postmap, "-c", self.folder / "etc", f"hash:{file}"]
        made = subprocess.run(command, check=False, capture_output=True, text=True)
        assert made.returncode == 0, made.stderr

    def start(self) -> None:
        with (self.folder / "output").open("wb") as output:
            command = ["setpriv", "--pdeathsig", "TERM", self._postfix, "-c", self.folder / "etc", "start-fg"]
            self._running = subprocess.Popen(command, stdout=output, stderr=output, cwd="/")
        try:
            wait_until(lambda: all(answers(address, self.port) for address in ADDRESSES.values()), "Postfix answers")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{(self.folder / 'output').read_text()}\n{self.log()}") from error

    def stop(self) -> None:
        if self._running is not None:
            subprocess.run([self._postfix, "-c", self.folder / "etc", "stop"], check=False, capture_output=True)
            self._running.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)

    def flush(self) -> None:
        """Have it try now what it has deferred."""
        subprocess.run([self._postfix, "-c", self.folder / "etc", "flush"], check=True, capture_output=True)

    def log(self) -> str:
        file = self.folder / "log"
        return file.read_text(errors="replace") if file.exists() else ""

    def took(self) -> list[Took]:
        """Who brought what, in the order of the log."""
        seen = re.compile(r"info: \S+ from \S+?\[([\d.]+)\]: took; .*to=<([^>]*)> proto=E?SMTP helo=<([^>]*)>")
        return [Took(source, ehlo, to) for source, to, ehlo in seen.findall(self.log())]

    def tls_sources(self) -> set[str]:
        """The addresses that came with TLS."""
        return set(re.findall(r"TLS connection established from \S+?\[([\d.]+)\]", self.log()))

    def messages_by_connection(self, source: str) -> list[int]:
        """How many messages each finished connection from `source` brought."""
        ended = re.compile(r"disconnect from \S+?\[([\d.]+)\] .*?\bdata=(\d+)(?:/\d+)?")
        return [int(count) for address, count in ended.findall(self.log()) if address == source]

    def delivered(self) -> list[bytes]:
        """Every message in the Maildir of accepts.test, as it lies there."""
        folder = self.folder / "mail" / "all"
        return [file.read_bytes() for name in ("new", "cur") for file in sorted(folder.glob(f"{name}/*"))]

    def delivered_to(self, address: str) -> list[EmailMessage]:
        parsed = (message_from_bytes(octets, policy=policy.default) for octets in self.delivered())
        return [message for message in parsed if message["Delivered-To"] == address]
