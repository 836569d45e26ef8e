"""What a zone's own name servers say of its names: no cache between, so that a mended record is seen at once.

Called by admin/acts/domain_checks.py in a thread that may block. Where `[dns] servers` is set these are asked in place
of the zone's own. Every question has a time limit, and there are few: TXT, MX and CNAME of the names given, SPF
records behind `include:` within SPF's own limit. Nothing is raised: what no server answers is not known.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Final, cast

from dns.rdtypes.ANY.CNAME import CNAME
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.ANY.NS import NS

from net.resolver import Answer, Resolver, Standing, host_name, texts
from policy.domain_verdict import Said
from policy.spf_text import LOOKUPS, Names, first_word_is_spf, hosts_of, led_to

_SECONDS: Final = 2.0  # for one question
_SERVERS: Final = 3


def survey(common: Resolver, servers: tuple[str, ...], domain: str, asked: Iterable[tuple[str, str]]) -> dict[
    tuple[str, str], Said
]:  # fmt: skip
    """`common` finds the zone's name servers; `servers` are the settings' own."""
    own = Resolver(servers or _authoritative(common, domain), timedelta(seconds=_SECONDS))
    found: dict[tuple[str, str], Said] = {}
    for host, kind in asked:
        found[host, kind] = said = _said(own, host, kind)
        if not said.known:
            break  # the rest is not known either: whoever waits for this page is not kept for each question
    return found


def _authoritative(common: Resolver, domain: str) -> tuple[str, ...]:
    """host:port of the name servers of the closest zone; none, so those of the machine, where they are not found."""
    labels = domain.split(".")
    for at in range(len(labels) - 1):
        answer = common.ask_now(".".join(labels[at:]), "NS", _SECONDS)
        names = [host_name(cast("NS", record).target) for record in answer.records]
        addresses = [record.to_text() for name in names[:_SERVERS] for record in common.ask_now(name, "A").records]
        if addresses:
            return tuple(f"{address}:53" for address in addresses)
    return ()


def _said(own: Resolver, host: str, kind: str) -> Said:
    alias = own.ask_now(host, "CNAME", _SECONDS)
    cname = host_name(cast("CNAME", alias.records[0]).target) if alias.records else ""
    answer = own.ask_now(host, kind, _SECONDS)
    return Said(_values(answer, kind), answer.standing is not Standing.TEMPORARY, cname)


def _values(answer: Answer, kind: str) -> tuple[str, ...]:
    if kind == "TXT":
        return tuple(sorted(texts(answer)))
    records = sorted(cast("tuple[MX, ...]", answer.records), key=lambda one: (one.preference, host_name(one.exchange)))
    return tuple(f"{one.preference} {host_name(one.exchange)}." for one in records)


def names_behind(common: Resolver, domain: str, record: str, targets: Iterable[str]) -> Names:
    """What the SPF record leads to, at most as many records as SPF allows, and whether MX targets are aliases."""
    spf: dict[str, str] = {}
    addresses: dict[tuple[str, str], tuple[str, ...]] = {}
    waiting, left = [(domain, record)], 2 * LOOKUPS
    while waiting and left > 0:
        name, text = waiting.pop()
        for one in hosts_of(name, text):
            left -= 1
            addresses[one] = _addresses(common, *one)
        for further in led_to(text):
            left -= 1
            found = next(filter(first_word_is_spf, texts(common.ask_now(further, "TXT", _SECONDS))), None)
            if found is not None and further not in spf:
                spf[further] = found
                waiting.append((further, found))
    aliases = {one: _alias(common, one) for one in list(targets)[:5]}
    return Names(spf, addresses, aliases)


def _alias(common: Resolver, name: str) -> str:
    found = common.ask_now(name, "CNAME", _SECONDS).records
    return host_name(cast("CNAME", found[0]).target) if found else ""


def _addresses(common: Resolver, kind: str, name: str) -> tuple[str, ...]:
    hosts = [name]
    if kind == "mx":
        hosts = [one.name for one in common.mail_hosts_now(name).hosts][:LOOKUPS]
    return tuple(
        record.to_text() for host in hosts for asked in ("A", "AAAA") for record in common.ask_now(host, asked).records
    )
