"""SPF records as text: how many look-ups one needs, whether it admits an address, two merged into one (RFC 7208).

Pure. Called by policy/domain_verdict.py with what DNS says of the names that the record leads to; it judges a
customer's record for its owner, not a message.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Final

LOOKUPS: Final = 10  # §4.6.4
_DEPTH: Final = 12


@dataclass(frozen=True, slots=True)
class Names:
    """What other names say: SPF records, addresses of a and mx mechanisms, aliases of MX targets."""

    spf: Mapping[str, str] = field(default_factory=dict)
    addresses: Mapping[tuple[str, str], Sequence[str]] = field(default_factory=dict)  # ("a" | "mx", name)
    aliases: Mapping[str, str] = field(default_factory=dict)


def first_word_is_spf(text: str) -> bool:
    return text.lower().split(" ", 1)[0] == "v=spf1"


def led_to(record: str) -> list[str]:
    """The domains of its include: and redirect=."""
    return [name for kind, name in _mechanisms("", record) if kind in ("include", "redirect")]


def hosts_of(domain: str, record: str) -> list[tuple[str, str]]:
    """The names whose addresses its a and mx mechanisms admit."""
    return [(kind, name) for kind, name in _mechanisms(domain, record) if kind in ("a", "mx")]


def _mechanisms(domain: str, record: str) -> Iterator[tuple[str, str]]:
    """Each that costs a look-up, with the name it asks."""
    for word in record.lower().split()[1:]:
        bare = word.lstrip("+?~-")
        if bare.startswith(("include:", "exists:", "redirect=")):
            yield bare[:8].rstrip(":="), bare.replace("=", ":", 1).partition(":")[2]
        elif (kind := bare.partition(":")[0].partition("/")[0]) in ("a", "mx", "ptr"):
            named = bare.partition("/")[0].partition(":")[2]
            yield kind, named or domain


def lookups(domain: str, record: str, names: Names, depth: int = 0) -> int:
    """Of the record and all that it includes; what could not be asked counts as one."""
    total = 0
    for kind, name in _mechanisms(domain, record):
        total += 1
        if kind in ("include", "redirect") and name in names.spf and depth < _DEPTH:
            total += lookups(name, names.spf[name], names, depth + 1)
    return total


def admits(domain: str, record: str, address: str, names: Names, depth: int = 0) -> bool:
    """Whether mail from this address passes by a mechanism of the record or of one that it includes."""
    for word in record.lower().split()[1:]:
        if word.startswith(("-", "~", "?")):
            continue
        bare = word.lstrip("+")
        if bare.startswith(("ip4:", "ip6:")) and _within(address, (bare[4:],)):
            return True
    hosts = ((names.addresses.get(one, ()), one) for one in hosts_of(domain, record))
    if any(_within(address, found) for found, _ in hosts):
        return True
    return depth < _DEPTH and any(
        admits(name, names.spf[name], address, names, depth + 1) for name in led_to(record) if name in names.spf
    )


def _within(address: str, networks: Iterable[str]) -> bool:
    for one in networks:
        try:
            if ip_address(address) in ip_network(one, strict=False):
                return True
        except ValueError:
            continue
    return False


def merged(records: Sequence[str], sending: Iterable[str]) -> str:
    """One record with all that these admit and with our addresses; it ends as the strictest of them, never +all."""
    words: list[str] = []
    for word in (word for record in records for word in record.split()[1:]):
        bare = word.lower().lstrip("+?~-")
        if bare != "all" and not bare.startswith("redirect=") and word not in words:
            words.append(word)
        if bare.startswith("redirect="):
            words.append(f"include:{word.partition('=')[2]}")
    ours = [f"{'ip6' if ':' in one else 'ip4'}:{one}" for one in sending]
    ends = [word.lower() for record in records for word in record.split() if word.lower() in ("-all", "~all")]
    return " ".join(
        ["v=spf1", *(one for one in ours if one not in words), *words, "-all" if "-all" in ends else "~all"]
    )
