"""Debian's Postfix as the mail hosts of other people, on unprivileged ports.

One Postfix listens on several loopback addresses, each the MX of a domain with a manner of its own:
  accepts.test  127.0.2.1  takes everything into one Maildir
  refuses.test  127.0.2.2  knows nobody but postmaster: 550 5.1.1 to each RCPT
  later.test    127.0.2.3  a gateway: takes everything, asks the host behind it (127.0.2.9), which refuses; Postfix
                           then writes a DSN of its own, to the reverse-path, by way of `bounces_to`
Single recipients are made to defer, or to be full behind the gateway, by `at_gate` and `behind`. Postfix itself
logs who came: address, EHLO name, TLS, messages of a connection.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Final

import trustme

from peers.loopback import answers
from peers.postfix_instance import NOBODY, Instance

ACCEPTS, REFUSES, LATER = "accepts.test", "refuses.test", "later.test"
ADDRESSES: Final = {ACCEPTS: "127.0.2.1", REFUSES: "127.0.2.2", LATER: "127.0.2.3"}
BEHIND: Final = "127.0.2.9"

_SETTINGS: Final = """\
myhostname = mx.accepts.test
mynetworks = 127.0.2.0/24
virtual_mailbox_domains = accepts.test, refuses.test
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = hash:{folder}/etc/boxes
virtual_mailbox_limit = 0
virtual_uid_maps = static:NOBODY
virtual_gid_maps = static:NOBODY
relay_domains = later.test
relay_recipient_maps =
transport_maps = hash:{folder}/etc/transport
relayhost = BOUNCES_TO
smtp_helo_name = mx.accepts.test
smtp_bind_address = 127.0.2.1
smtp_tls_security_level = may
bounce_queue_lifetime = 1d
minimal_backoff_time = 2s
queue_run_delay = 2s
smtpd_tls_security_level = may
smtpd_tls_cert_file = {folder}/etc/certificate.pem
smtpd_tls_key_file = {folder}/etc/key.pem
smtpd_tls_loglevel = 1
smtpd_tls_received_header = yes
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_recipient_restrictions = check_recipient_access hash:{folder}/etc/at_gate, permit
smtpd_data_restrictions = check_client_access static:{INFO took}
"""
_BEHIND_OPTION: Final = (
    "  -o smtpd_recipient_restrictions=check_recipient_access,hash:{folder}/etc/behind,permit\n"  # under its service
)


@dataclass(frozen=True, slots=True)
class Took:
    """One message that Postfix took, as its log says it: from which address, calling itself what."""

    source: str
    ehlo: str
    forward_path: str


class Postfix:
    def __init__(self, port: int, bounces_to: tuple[str, int]) -> None:
        """Configure it for `port` on all addresses; its own DSNs, and mail for strangers, go to `bounces_to`."""
        self.port = port
        host, bounce_port = bounces_to
        settings = _SETTINGS.replace("NOBODY", str(NOBODY)).replace("BOUNCES_TO", f"[{host}]:{bounce_port}")
        listeners = [f"{address}:{port} inet n - n - - smtpd\n" for address in (*ADDRESSES.values(), BEHIND)]
        self._instance = Instance(settings, "".join([*listeners, _BEHIND_OPTION]))
        self._certify(self._instance.folder / "etc")
        self._instance.map("boxes", {f"@{ACCEPTS}": "all/", f"postmaster@{REFUSES}": "postmaster/"})
        self._instance.map("transport", {LATER: f"smtp:[{BEHIND}]:{port}"})
        self.at_gate({})
        self.behind({LATER: "550 5.1.1 The email account that you tried to reach does not exist"})

    @staticmethod
    def _certify(etc: Path) -> None:
        certificate = trustme.CA().issue_cert(*(f"mx.{domain}" for domain in ADDRESSES))
        certificate.private_key_pem.write_to_path(etc / "key.pem")
        for pem in certificate.cert_chain_pems:
            pem.write_to_path(etc / "certificate.pem", append=True)

    def start(self) -> None:
        self._instance.start(lambda: all(answers(address, self.port) for address in ADDRESSES.values()))

    def stop(self) -> None:
        self._instance.stop()

    def at_gate(self, answers_by_recipient: Mapping[str, str]) -> None:
        """From now on these recipients (addresses or domains) get these answers to RCPT; all others are taken."""
        self._instance.map("at_gate", answers_by_recipient)

    def behind(self, answers_by_recipient: Mapping[str, str]) -> None:
        """The same at the host behind the gateway of later.test."""
        self._instance.map("behind", answers_by_recipient)

    def log(self) -> str:
        return self._instance.log()

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
        folder = self._instance.folder / "mail" / "all"
        return [file.read_bytes() for name in ("new", "cur") for file in sorted(folder.glob(f"{name}/*"))]

    def delivered_to(self, address: str) -> list[EmailMessage]:
        parsed = (message_from_bytes(octets, policy=policy.default) for octets in self.delivered())
        return [message for message in parsed if message["Delivered-To"] == address]
