"""The DNS records that a domain's owner has to publish (PRODUCT D1, D2), as host, type and value to paste.

Pure. Called by admin/acts/domains.py; the lab's name server publishes the same for the sample and the demo.
RFC 5321 §5.1 (MX), RFC 7208 (SPF), RFC 6376 §3.6.2 (DKIM), RFC 9989 (DMARC), RFC 8460 §3 (reports about TLS), RFC 8461,
RFC 6186 and RFC 8314 (where mail programs find their servers); reports come to the addresses that the MX takes for
them. Names are absolute, without final dot.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from policy.acceptance import DMARC_REPORTS, TLS_REPORTS

OWNERSHIP_LABEL = "_mailloft"
STS_LABEL = "_mta-sts"
SERVICES = {"imaps": 993, "submissions": 465, "submission": 587}  # of mail programs, by RFC 6186 and RFC 8314


@dataclass(frozen=True, slots=True)
class DnsRecord:
    host: str
    type: str
    value: str


def records(
    domain: str, hostname: str, ownership_token: str, keys: Iterable[tuple[str, str]], sending: Iterable[str]
) -> list[DnsRecord]:
    """`keys`: selector and TXT value of each DKIM key; `sending`: the addresses that mail leaves from."""
    return [
        DnsRecord(f"{OWNERSHIP_LABEL}.{domain}", "TXT", f"mailloft-ownership={ownership_token}"),
        DnsRecord(domain, "MX", f"10 {hostname}."),
        DnsRecord(domain, "TXT", spf(sending)),
        *(DnsRecord(f"{selector}._domainkey.{domain}", "TXT", value) for selector, value in keys),
        DnsRecord(f"_dmarc.{domain}", "TXT", f"v=DMARC1; p=quarantine; rua=mailto:{DMARC_REPORTS}@{domain}"),
        DnsRecord(f"_smtp._tls.{domain}", "TXT", f"v=TLSRPTv1; rua=mailto:{TLS_REPORTS}@{domain}"),
        *sts_records(domain, hostname),
        *(DnsRecord(f"_{name}._tcp.{domain}", "SRV", f"0 1 {port} {hostname}.") for name, port in SERVICES.items()),
    ]


def sts_records(domain: str, hostname: str) -> tuple[DnsRecord, DnsRecord]:
    """That there is a policy, and the host that serves it, which admin/autoconfig.py does for it."""
    return (
        DnsRecord(f"{STS_LABEL}.{domain}", "TXT", "v=STSv1; id=1"),
        DnsRecord(f"mta-sts.{domain}", "CNAME", f"{hostname}."),
    )


def spf(sending: Iterable[str]) -> str:
    mechanisms = [f"{'ip6' if ':' in address else 'ip4'}:{address}" for address in sending]
    return " ".join(["v=spf1", *mechanisms, "-all"])
