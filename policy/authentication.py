"""DMARC: from the results of SPF and DKIM to a result and what the domain owner asks for (RFC 7489).

Pure. mta/inbound calls it before the 250; look-ups, the organizational domain and the number of the sampling are
arguments. Never raises for what a record or a mail holds. Of the later specification (RFC 9989) `np`, `psd` and `t` are
read. Deviations: a result that only a failing DNS kept from passing is TEMPERROR and asks for nothing; `fo`, `rf` and
`ri` are not read: failure reports are never sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

RECORD_LIMIT: Final = 4_096


class Disposition(Enum):
    """What the domain owner asks receivers to do (RFC 7489 §6.3 `p`)."""

    NONE = "none"
    QUARANTINE = "quarantine"
    REJECT = "reject"


class Override(Enum):
    """Why less was done than the owner asks for; the words of aggregate reports (RFC 7489 appendix C)."""

    SAMPLED_OUT = "sampled_out"
    TEST_MODE = "policy_test_mode"
    LOCAL_POLICY = "local_policy"  # a trusted sealer vouches for it


class DmarcResult(Enum):
    """The words of Authentication-Results (RFC 8601 §2.7.4 and the IANA registry)."""

    PASS = "pass"
    FAIL = "fail"
    NONE = "none"
    TEMPERROR = "temperror"


@dataclass(frozen=True, slots=True)
class DmarcRecord:
    """The tags with their defaults: `subdomains` is `sp`, else `p`; `nonexistent` is `np`, else that.

    `percent` is 0..100, `reports` the rua URIs; `suffix` is psd: "y" public suffix, "n" organization, "u" not said.
    """

    policy: Disposition
    subdomains: Disposition
    percent: int
    strict_dkim: bool
    strict_spf: bool
    reports: tuple[str, ...]
    nonexistent: Disposition = Disposition.NONE
    testing: bool = False
    suffix: str = "u"


@dataclass(frozen=True, slots=True)
class Published:
    """The record that holds for an author's domain, the domain that publishes it, whether the author's exists."""

    record: DmarcRecord
    domain: str
    exists: bool = True


@dataclass(frozen=True, slots=True)
class SpfFinding:
    """`result` a word of RFC 7208 §2.6; `domain` the one checked: of MAIL FROM, of EHLO where that is null."""

    result: str
    domain: str


@dataclass(frozen=True, slots=True)
class DkimFinding:
    """One signature: `result` a word of RFC 8601 §2.7.1, `domain` its d=.

    `covers_body` is False where l= ends before the body does: whatever was added behind is not the signer's word.
    """

    result: str
    domain: str
    covers_body: bool


@dataclass(frozen=True, slots=True)
class DmarcVerdict:
    """`disposition` is what to do, after sampling; NONE unless the result is FAIL. `published`: what was judged by."""

    result: DmarcResult
    disposition: Disposition
    aligned_spf: bool
    aligned_dkim: bool
    override: Override | None = None
    published: Published | None = None


def undecided(result: DmarcResult) -> DmarcVerdict:
    """NONE or TEMPERROR: nothing is asked for."""
    return DmarcVerdict(result, Disposition.NONE, aligned_spf=False, aligned_dkim=False)


_DISPOSITIONS: Final[Mapping[str, Disposition]] = {word.value: word for word in Disposition}
# RFC 7489 §6.6.4: mail outside the sample gets the next milder treatment.
_MILDER: Final[Mapping[Disposition, Disposition]] = {
    Disposition.REJECT: Disposition.QUARANTINE,
    Disposition.QUARANTINE: Disposition.NONE,
    Disposition.NONE: Disposition.NONE,
}
_VERSION: Final = re.compile(r"v[ \t]*=[ \t]*DMARC1[ \t]*(;|$)")


def only_record(texts: Sequence[str]) -> DmarcRecord | None:
    """The DMARC record among a name's TXT records; None where there is none or more than one (RFC 7489 §6.6.3)."""
    candidates = [text for text in texts if _VERSION.match(text)]
    return parse_record(candidates[0]) if len(candidates) == 1 else None


def parse_record(text: str) -> DmarcRecord | None:
    """The record, or None where the text is none. Unknown tags and bad values of optional ones count as absent."""
    if not _VERSION.match(text) or len(text) > RECORD_LIMIT:
        return None
    tags = _tags(text)
    reports = tuple(uri.strip() for uri in tags.get("rua", "").split(",") if uri.strip())
    policy = _DISPOSITIONS.get(tags.get("p", "").lower())
    if policy is None:
        # RFC 7489 §6.6.3: a record without a usable `p` that asks for reports stands for p=none.
        if not reports:
            return None
        policy = Disposition.NONE
    subdomains = _DISPOSITIONS.get(tags.get("sp", "").lower(), policy)
    suffix = tags.get("psd", "u").lower()
    return DmarcRecord(
        policy=policy,
        subdomains=subdomains,
        nonexistent=_DISPOSITIONS.get(tags.get("np", "").lower(), subdomains),
        testing=tags.get("t", "n").lower() == "y",
        suffix=suffix if suffix in ("y", "n") else "u",
        percent=_percent(tags.get("pct", "")),
        strict_dkim=tags.get("adkim", "r").lower() == "s",
        strict_spf=tags.get("aspf", "r").lower() == "s",
        reports=reports,
    )


def dmarc(
    from_domain: str,
    published: Published | None,
    spf: SpfFinding,
    dkim: Sequence[DkimFinding],
    organizational: Callable[[str], str],
    sample: float,
) -> DmarcVerdict:
    """The verdict on one From domain. `sample` is a number 0 <= sample < 100, the same for a repeat of the message."""
    if published is None:
        return undecided(DmarcResult.NONE)
    author, record = _plain(from_domain), published.record
    spf_fits = _aligned(author, spf.domain, record.strict_spf, organizational)
    fitting = [one for one in dkim if _aligned(author, one.domain, record.strict_dkim, organizational)]
    by_spf = spf_fits and spf.result == "pass"
    by_dkim = any(one.result == "pass" and one.covers_body for one in fitting)
    unsure = (spf_fits and spf.result == "temperror") or any(one.result == "temperror" for one in fitting)
    result = _result(passed=by_spf or by_dkim, unsure=unsure)
    disposition, override = Disposition.NONE, None
    if result is DmarcResult.FAIL:
        disposition, override = _sampled(_asked(author, published), record, sample)
    return DmarcVerdict(result, disposition, by_spf, by_dkim, override, published)


def _asked(author: str, published: Published) -> Disposition:
    if author == _plain(published.domain):
        return published.record.policy
    return published.record.subdomains if published.exists else published.record.nonexistent


def _result(*, passed: bool, unsure: bool) -> DmarcResult:
    if passed:
        return DmarcResult.PASS
    return DmarcResult.TEMPERROR if unsure else DmarcResult.FAIL


def _sampled(asked: Disposition, record: DmarcRecord, sample: float) -> tuple[Disposition, Override | None]:
    """Outside the sample, and while the owner tests, the next milder treatment (RFC 7489 §6.6.4, RFC 9989 `t`)."""
    if asked is Disposition.NONE or (sample < record.percent and not record.testing):
        return asked, None
    return _MILDER[asked], Override.TEST_MODE if record.testing else Override.SAMPLED_OUT


def _aligned(author: str, domain: str, strict: bool, organizational: Callable[[str], str]) -> bool:
    """RFC 7489 §3.1: the same domain, or in relaxed mode the same organizational domain."""
    checked = _plain(domain)
    if not checked or not author:
        return False
    return checked == author or (not strict and organizational(checked) == organizational(author))


def _plain(domain: str) -> str:
    return domain.strip().rstrip(".").lower()


def _tags(text: str) -> dict[str, str]:
    """Tag=value pairs; of a repeated tag the first."""
    tags: dict[str, str] = {}
    for pair in text.split(";"):
        name, separator, value = pair.partition("=")
        if separator:
            tags.setdefault(name.strip().lower(), value.strip())
    return tags


def _percent(value: str) -> int:
    return min(int(value), 100) if value.isascii() and value.isdigit() and len(value) <= 3 else 100
