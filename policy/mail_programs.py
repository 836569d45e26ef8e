"""What mail programs are told of a domain's servers: Mozilla's autoconfig, Outlook's autodiscover, Apple's profile.

Pure. Served by admin/autoconfig.py. The login is the whole address, the
password is asked for by the program: none is ever in what is told. Everything is TLS.
"""

from __future__ import annotations

import plistlib
import uuid
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

OUTLOOK: Final = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
_ENVELOPE: Final = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
_SPACE: Final = uuid.UUID("8a6e0c3e-58a5-4a62-9d6c-2f0a4a9b7d11")  # of our profiles' identifiers


@dataclass(frozen=True, slots=True)
class Servers:
    """`host` has a certificate of its name; the ports are those from outside."""

    host: str
    imaps: int
    imap: int
    submissions: int
    submission: int


def mozilla(domain: str, servers: Servers) -> str:
    """clientConfig 1.1; the program puts the address for %EMAILADDRESS%."""
    ways = [
        ("incomingServer", "imap", servers.imaps, "SSL"),
        ("incomingServer", "imap", servers.imap, "STARTTLS"),
        ("outgoingServer", "smtp", servers.submissions, "SSL"),
        ("outgoingServer", "smtp", servers.submission, "STARTTLS"),
    ]
    told = "".join(
        f'<{tag} type="{kind}"><hostname>{escape(servers.host)}</hostname><port>{port}</port>'
        f"<socketType>{security}</socketType><authentication>password-cleartext</authentication>"
        f"<username>%EMAILADDRESS%</username></{tag}>"
        for tag, kind, port, security in ways
    )
    name = escape(domain)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<clientConfig version="1.1">'
        f'<emailProvider id="{name}"><domain>{name}</domain><displayName>{name}</displayName>'
        f"<displayShortName>{name}</displayShortName>{told}</emailProvider></clientConfig>\n"
    )


def outlook(address: str, servers: Servers) -> str:
    """The answer to a POX request for the Outlook schema."""
    protocols = "".join(
        f"<Protocol><Type>{kind}</Type><Server>{escape(servers.host)}</Server><Port>{port}</Port>"
        f"<DomainRequired>off</DomainRequired><LoginName>{escape(address)}</LoginName><SPA>off</SPA><SSL>on</SSL>"
        f"<Encryption>SSL</Encryption><AuthRequired>on</AuthRequired></Protocol>"
        for kind, port in (("IMAP", servers.imaps), ("SMTP", servers.submissions))
    )
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<Autodiscover xmlns="{_ENVELOPE}"><Response xmlns="{OUTLOOK}">'
        f"<Account><AccountType>email</AccountType><Action>settings</Action>{protocols}</Account>"
        "</Response></Autodiscover>\n"
    )


def apple(address: str, domain: str, servers: Servers) -> bytes:
    """A configuration profile with one account; unsigned, so the person is asked whether to install it."""
    account = {
        "PayloadType": "com.apple.mail.managed", "PayloadVersion": 1,
        "PayloadIdentifier": f"{_reversed(domain)}.mail.account", "PayloadUUID": _identity(f"account {address}"),
        "PayloadDisplayName": address, "EmailAccountType": "EmailTypeIMAP", "EmailAddress": address,
        "EmailAccountDescription": domain,
        "IncomingMailServerHostName": servers.host, "IncomingMailServerPortNumber": servers.imaps,
        "IncomingMailServerUseSSL": True, "IncomingMailServerUsername": address,
        "IncomingMailServerAuthentication": "EmailAuthPassword",
        "OutgoingMailServerHostName": servers.host, "OutgoingMailServerPortNumber": servers.submissions,
        "OutgoingMailServerUseSSL": True, "OutgoingMailServerUsername": address,
        "OutgoingMailServerAuthentication": "EmailAuthPassword", "OutgoingPasswordSameAsIncomingPassword": True,
    }  # fmt: skip
    return plistlib.dumps({
        "PayloadType": "Configuration", "PayloadVersion": 1, "PayloadIdentifier": f"{_reversed(domain)}.mail",
        "PayloadUUID": _identity(f"profile {address}"), "PayloadDisplayName": f"Mail of {address}",
        "PayloadOrganization": domain, "PayloadRemovalDisallowed": False, "PayloadContent": [account],
    })  # fmt: skip


def _reversed(domain: str) -> str:
    return ".".join(reversed(domain.split(".")))


def _identity(name: str) -> str:
    """The same in every download, so that a second one replaces the first."""
    return str(uuid.uuid5(_SPACE, name)).upper()
