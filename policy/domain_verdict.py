"""What is wrong with a domain's records, by name, with the record to publish instead (PRODUCT D2, D5).

Pure. admin/acts/domain_checks.py gives what DNS says; its mistakes have their words in admin/words. RFC 5321 §5.1 and
RFC 2181 §10.3 (MX), RFC 7208 §3.2, §4.6.4 (SPF; policy/spf_text.py), RFC 6376 §3.6 (DKIM), RFC 9989 (DMARC), RFC 8460
§3 (TLS-RPT).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from policy.acceptance import DMARC_REPORTS, TLS_REPORTS
from policy.domain_records import OWNERSHIP_LABEL, STS_LABEL, DnsRecord, spf
from policy.spf_text import LOOKUPS, Names, admits, first_word_is_spf, lookups, merged

OK: Final = ""
UNKNOWN: Final = "no_answer"  # no name server told; nothing follows from it
_GRACE: Final = timedelta(hours=24)  # a broken record takes a state back after this
_SOONEST, _LATEST = timedelta(minutes=1), timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Said:
    """The answer for one name and type: `known` False where no server answered; `cname` where the name is an alias."""

    values: tuple[str, ...] = ()
    known: bool = True
    cname: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """`zone` by (host, type); `addresses` of MX targets, [] where a target has none."""

    domain: str
    hostname: str
    token: str
    keys: Sequence[tuple[str, str]]
    sending: Sequence[str]
    zone: Mapping[tuple[str, str], Said]
    names: Names = field(default_factory=Names)

    def said(self, host: str, kind: str) -> Said:
        return self.zone.get((host, kind), Said(known=False))


@dataclass(frozen=True, slots=True)
class Finding:
    """`mistake` "" where all is well; `paste` is the record as it should be, `numbers` fill the words."""

    about: str  # ownership | mx | spf | dkim | dmarc | tlsrpt, and those of policy/beside_verdict.py
    mistake: str
    paste: DnsRecord
    published: tuple[str, ...] = ()
    numbers: Mapping[str, str] = field(default_factory=dict)


def questions(domain: str, selectors: Iterable[str]) -> list[tuple[str, str]]:
    """What is to be asked of the domain's name servers; the doubled names find records on the wrong name."""
    hosts = [
        f"{OWNERSHIP_LABEL}.{domain}",
        *(f"{one}._domainkey.{domain}" for one in selectors),
        f"_dmarc.{domain}",
        f"_smtp._tls.{domain}",
        f"{STS_LABEL}.{domain}",
    ]
    return [(domain, "MX"), (domain, "TXT"), *((host, "TXT") for one in hosts for host in (one, f"{one}.{domain}"))]


def findings(facts: Facts) -> list[Finding]:
    return [
        _ownership(facts),
        _mx(facts),
        _spf(facts),
        *(_dkim(facts, *key) for key in facts.keys),
        _dmarc(facts),
        _tlsrpt(facts),
    ]


def states(found: Iterable[Finding]) -> dict[str, bool | None]:
    """Which states follow from the records alone (D5); None: not known, since a server did not answer."""
    by_kind: dict[str, list[str]] = {}
    for one in found:
        by_kind.setdefault(one.about, []).append(one.mistake)
    owned = _all(by_kind["ownership"])
    return {
        "owned": owned,
        "sending": _and(owned, _all(by_kind["spf"]), _all(by_kind["dkim"])),
        "linked": _and(owned, _all(by_kind["mx"])),
    }


def _all(mistakes: Iterable[str]) -> bool | None:
    found = set(mistakes)
    return False if found - {OK, UNKNOWN} else None if UNKNOWN in found else True


def _and(*parts: bool | None) -> bool | None:
    return False if False in parts else None if None in parts else True


def followed(
    had: Mapping[str, bool], now_true: Mapping[str, bool | None], since: Mapping[str, datetime], now: datetime
) -> tuple[dict[str, bool], dict[str, datetime]]:
    """The states after a check, and since when those fail that are still held: a state falls 24 h after its record."""
    kept: dict[str, bool] = {}
    failing: dict[str, datetime] = {}
    for state, holds in had.items():
        seen = now_true[state]
        begun = since.get(state)
        if seen is None:
            kept[state] = holds
            failing |= {state: begun} if begun else {}
        elif seen or not holds:
            kept[state] = seen
        else:
            failing[state] = begun or now
            kept[state] = now - failing[state] < _GRACE
    return kept, {state: moment for state, moment in failing.items() if kept[state]}


def next_check(checks: int, all_well: bool, now: datetime) -> datetime:
    """After `checks` made since the domain was added or last asked about: DNS is slow, so the pauses grow."""
    return now + (_LATEST if all_well else min(_LATEST, _SOONEST * 2 ** min(checks, 10)))


def _ownership(facts: Facts) -> Finding:
    paste = DnsRecord(f"{OWNERSHIP_LABEL}.{facts.domain}", "TXT", f"mailloft-ownership={facts.token}")
    return _text(facts, "ownership", paste, lambda text: text.strip() == paste.value, "mailloft-ownership=")


def _tlsrpt(facts: Facts) -> Finding:
    paste = DnsRecord(f"_smtp._tls.{facts.domain}", "TXT", f"v=TLSRPTv1; rua=mailto:{TLS_REPORTS}@{facts.domain}")
    return _text(facts, "tlsrpt", paste, lambda text: bool(_TLSRPT.fullmatch(text.strip())), "v=tlsrpt")


_TLSRPT: Final = re.compile(r"v=TLSRPTv1\s*;\s*rua\s*=\s*(mailto:|https://)[^;]+;?\s*")


def _text(facts: Facts, about: str, paste: DnsRecord, right: Callable[[str], bool], prefix: str) -> Finding:
    said = facts.said(paste.host, "TXT")
    mine = tuple(text for text in said.values if text.strip().lower().startswith(prefix))
    if not said.known:
        return Finding(about, UNKNOWN, paste)
    if any(right(text) for text in mine):
        return Finding(about, OK, paste, mine)
    if mine:
        return Finding(about, f"{about}_differs", paste, mine)
    return absent(facts, about, paste, said, prefix)


def absent(facts: Facts, about: str, paste: DnsRecord, said: Said, prefix: str) -> Finding:
    """Why a text record is not seen: on the wrong name, behind an alias, or not at all."""
    doubled = f"{paste.host}.{facts.domain}"
    elsewhere = facts.said(doubled, "TXT").values
    if any(text.strip().lower().startswith(prefix) for text in elsewhere):
        return Finding(about, "wrong_name", paste, elsewhere, {"host": doubled})
    if said.cname:
        return Finding(about, "cname", paste, (f"CNAME {said.cname}",), {"host": paste.host, "target": said.cname})
    return Finding(about, "missing", paste, said.values)


def _mx(facts: Facts) -> Finding:
    paste = DnsRecord(facts.domain, "MX", f"10 {facts.hostname}.")
    said = facts.said(facts.domain, "MX")
    targets = [value.split()[-1].rstrip(".").lower() for value in said.values]
    if not said.known:
        return Finding("mx", UNKNOWN, paste)
    if said.cname:
        return Finding("mx", "cname", paste, (f"CNAME {said.cname}",), {"host": facts.domain, "target": said.cname})
    if not targets:
        return Finding("mx", "missing", paste)
    mistake, numbers = _mx_mistake(facts, targets)
    return Finding("mx", mistake, paste, said.values, numbers)


def _mx_mistake(facts: Facts, targets: Sequence[str]) -> tuple[str, dict[str, str]]:
    # Behind our own name the zone is surely too much, and behind a name that ended in it already.
    zone = f".{facts.domain}"
    appended = next((one for one in targets if one == f"{facts.hostname}{zone}" or one.endswith(zone + zone)), None)
    if appended is not None:
        return "mx_zone_appended", {"target": appended, "host": facts.hostname}
    literal = next((one for one in targets if re.fullmatch(r"[\d.]+|.*:.*", one)), None)
    if literal is not None:
        return "mx_address", {"target": literal, "host": facts.hostname}
    if "" in targets:
        return "mx_null", {}
    alias = next((one for one in targets if facts.names.aliases.get(one)), None)
    if alias is not None and facts.hostname not in targets:
        return "mx_alias", {"target": alias, "host": facts.hostname}
    if facts.hostname not in targets:
        return "mx_elsewhere", {"target": ", ".join(targets), "host": facts.hostname}
    others = [one for one in targets if one != facts.hostname]
    return ("mx_beside", {"target": ", ".join(others), "host": facts.hostname}) if others else (OK, {})


def _spf(facts: Facts) -> Finding:
    said = facts.said(facts.domain, "TXT")
    mine = tuple(text for text in said.values if first_word_is_spf(text))
    wanted = DnsRecord(facts.domain, "TXT", merged(mine, facts.sending) if mine else spf(facts.sending))
    if not said.known:
        return Finding("spf", UNKNOWN, wanted)
    if said.cname:
        return Finding("spf", "cname", wanted, (f"CNAME {said.cname}",), {"host": facts.domain, "target": said.cname})
    if not mine:
        doubled = facts.said(f"{facts.domain}.{facts.domain}", "TXT").values
        return Finding("spf", "missing", wanted, doubled)
    mistake, numbers = _spf_mistake(facts, mine)
    return Finding("spf", mistake, wanted, mine, numbers)


def _spf_mistake(facts: Facts, mine: Sequence[str]) -> tuple[str, dict[str, str]]:
    if len(mine) > 1:
        return "spf_two", {"count": str(len(mine))}
    words = mine[0].lower().split()
    if {"+all", "all"} & set(words):
        return "spf_all", {}
    unknown = next((word for word in words[1:] if not _SPF_WORD.fullmatch(word)), None)
    if unknown is not None:
        return "spf_syntax", {"word": unknown[:60]}
    needed = lookups(facts.domain, mine[0], facts.names)
    if needed > LOOKUPS:
        return "spf_lookups", {"count": str(needed), "most": str(LOOKUPS)}
    missing = [one for one in facts.sending if not admits(facts.domain, mine[0], one, facts.names)]
    return ("spf_lacks", {"address": ", ".join(missing)}) if missing else (OK, {})


_SPF_WORD: Final = re.compile(
    r"[+?~-]?(all|include:\S+|exists:\S+|ip4:[\d./]+|ip6:[\da-f:./]+|(a|mx|ptr)(:[^\s/]+)?(/\d+)?(//\d+)?)"
    r"|(redirect|exp|[a-z][a-z0-9_.-]*)=\S*"
)


def _dkim(facts: Facts, selector: str, record: str) -> Finding:
    paste = DnsRecord(f"{selector}._domainkey.{facts.domain}", "TXT", record)
    said = facts.said(paste.host, "TXT")
    if not said.known:
        return Finding("dkim", UNKNOWN, paste)
    if not said.values:
        return absent(facts, "dkim", paste, said, "v=dkim1")
    mistakes = [_key_mistake(text, record) for text in said.values]
    mistake = OK if OK in mistakes and len(mistakes) == 1 else "dkim_two" if len(mistakes) > 1 else mistakes[0]
    return Finding("dkim", mistake, paste, said.values, {"host": paste.host, "count": str(len(mistakes))})


def _key_mistake(text: str, record: str) -> str:
    wanted, found = _tags(record).get("p", ""), _tags(text).get("p", "")
    bare = re.sub(r'[\s"\\]', "", found)
    if found == "" and "p=" in text:
        return "dkim_revoked"
    if re.sub(r"\s", "", found) == wanted and _tags(text).get("k", "rsa") == _tags(record).get("k", "rsa"):
        return OK
    if bare == wanted or any(mark in found for mark in ('"', "\\")):
        return "dkim_split"
    if bare and wanted.startswith(bare):
        return "dkim_truncated"
    return "dkim_differs"


def _tags(record: str) -> dict[str, str]:
    pairs = (piece.partition("=") for piece in record.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _dmarc(facts: Facts) -> Finding:
    paste = DnsRecord(
        f"_dmarc.{facts.domain}", "TXT", f"v=DMARC1; p=quarantine; rua=mailto:{DMARC_REPORTS}@{facts.domain}"
    )
    said = facts.said(paste.host, "TXT")
    mine = tuple(text for text in said.values if "dmarc" in text.lower())
    if not said.known:
        return Finding("dmarc", UNKNOWN, paste)
    if not mine:
        return absent(facts, "dmarc", paste, said, "v=dmarc1")
    if len(mine) > 1:
        return Finding("dmarc", "dmarc_two", paste, mine, {"count": str(len(mine))})
    mistake, numbers = _dmarc_mistake(mine[0])
    return Finding("dmarc", mistake, paste, mine, numbers)


_DMARC_VALUES: Final = {
    "p": r"none|quarantine|reject", "sp": r"none|quarantine|reject", "np": r"none|quarantine|reject",
    "adkim": r"r|s", "aspf": r"r|s", "pct": r"\d{1,2}|100", "ri": r"\d+", "fo": r"[01ds](:[01ds])*", "t": r"y|n",
    "psd": r"y|n|u", "rua": r"mailto:\S+@\S+", "ruf": r"mailto:\S+@\S+",
}  # fmt: skip


def _dmarc_mistake(text: str) -> tuple[str, dict[str, str]]:
    if not re.match(r"v\s*=\s*DMARC1\s*(;|$)", text):
        return "dmarc_version", {}
    pieces = [piece for piece in text.split(";")[1:] if piece.strip()]
    for piece in pieces:
        name, equals, value = piece.partition("=")
        pattern = _DMARC_VALUES.get(name.strip().lower())
        if not equals or (pattern and not re.fullmatch(pattern, value.strip(), re.IGNORECASE)):
            return "dmarc_syntax", {"word": piece.strip()[:80]}
    if "p" not in _tags(text):
        return "dmarc_policy", {}
    return OK, {}
