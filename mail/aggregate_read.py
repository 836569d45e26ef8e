"""DMARC aggregate reports that others send, read from XML (RFC 7489 appendix C, and the later specification's form).

Pure, by expat, in one pass. A document type, and so every entity, is refused (billion laughs, files); depth, rows and
the length of each text are bounded. Rows whose address or count is none are left out. Raises UnreadableReportError.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Final
from xml.parsers import expat

from mail.aggregate_report import Aggregate, PolicySeen, Row, SignatureResult
from mail.host_name import is_host_name
from mail.received_report import UnreadableReportError

ROWS: Final = 20_000
_DEPTH: Final = 12
_TEXT: Final = 255  # characters of one value that are kept
_MOST: Final = 10**12  # messages of one row
_SIGNATURES: Final = 10  # of one row
_NUMBER: Final = re.compile(r"\s*(\d{1,15})(?:\.\d*)?\s*")


def read_aggregate(octets: bytes) -> Aggregate:
    reading = _Reading()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.EntityDeclHandler = _refuse_doctype
    parser.StartElementHandler = reading.start
    parser.EndElementHandler = reading.end
    parser.CharacterDataHandler = reading.text
    try:
        parser.Parse(octets, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        if isinstance(error, UnreadableReportError):
            raise
        raise UnreadableReportError("broken XML") from error
    return reading.report()


def _refuse_doctype(*_: object) -> None:
    raise UnreadableReportError("a document type in XML")


class _Reading:
    """What the events have told so far; a record is kept when it ends."""

    def __init__(self) -> None:
        self._path: list[str] = []
        self._words = ""
        self._told: dict[str, str] = {}  # outside of records
        self._record: dict[str, str] = {}
        self._signatures: list[SignatureResult] = []
        self._rows: list[tuple[Row, int]] = []

    def start(self, name: str, _: object) -> None:
        if len(self._path) >= _DEPTH:
            raise UnreadableReportError("XML nested too deep")
        self._path.append(name.rpartition(":")[2].lower())
        self._words = ""
        if self._path[-1] == "record":
            self._record, self._signatures = {}, []

    def text(self, words: str) -> None:
        if len(self._words) < _TEXT:
            self._words += words[:_TEXT]

    def end(self, _: str) -> None:
        place = "/".join(self._path[1:])
        inside = place.removeprefix("record/")
        if place == "record":
            self._keep()
        elif inside == place:
            self._told.setdefault(place, self._value())
        elif inside == "auth_results/dkim":
            self._signed()
        else:
            self._record.setdefault(inside, self._value())
        self._path.pop()
        self._words = ""

    def _value(self) -> str:
        # A database's text may hold no NUL, and a person's terminal no control characters.
        return "".join(mark for mark in self._words.strip()[:_TEXT] if mark.isprintable())

    def _signed(self) -> None:
        """One signature of a record has ended; the next begins with none of its words."""
        names = [f"auth_results/dkim/{name}" for name in ("domain", "selector", "result")]
        found = SignatureResult(*(self._record.pop(name, "") for name in names))
        if len(self._signatures) < _SIGNATURES:
            self._signatures.append(found)

    def _keep(self) -> None:
        if len(self._rows) >= ROWS:
            raise UnreadableReportError(f"more than {ROWS} rows")
        told = self._record
        try:
            source = str(ip_address(told.get("row/source_ip", "")))
            count = _number(told.get("row/count", ""))
        except ValueError:
            return
        judged = "row/policy_evaluated"
        row = Row(
            source=source,
            disposition=told.get(f"{judged}/disposition", "").lower(),
            dkim=told.get(f"{judged}/dkim", "").lower(),
            spf=told.get(f"{judged}/spf", "").lower(),
            reason=told.get(f"{judged}/reason/type", ""),
            header_from=told.get("identifiers/header_from", "").lower(),
            envelope_from=told.get("identifiers/envelope_from", "").lower(),
            spf_domain=told.get("auth_results/spf/domain", "").lower(),
            spf_scope=told.get("auth_results/spf/scope", ""),
            spf_result=told.get("auth_results/spf/result", "").lower(),
            signatures=tuple(self._signatures),
        )
        self._rows.append((row, count))

    def report(self) -> Aggregate:
        told = self._told
        domain = told.get("policy_published/domain", "").rstrip(".").lower()
        identity = told.get("report_metadata/report_id", "")
        if not is_host_name(domain) or not identity:
            raise UnreadableReportError("no domain or no report id")
        begin, end = (_moment(told.get(f"report_metadata/date_range/{name}", "")) for name in ("begin", "end"))
        published = {
            name: told.get(f"policy_published/{name}", "")
            for name in ("adkim", "aspf", "p", "sp", "np", "pct", "testing")
        }
        return Aggregate(
            organization=told.get("report_metadata/org_name", ""),
            contact=told.get("report_metadata/email", ""),
            identity=identity,
            begin=begin,
            end=end,
            policy=PolicySeen(domain=domain, **published),
            rows=tuple(self._rows),
        )


def _number(text: str) -> int:
    found = _NUMBER.fullmatch(text)
    if found is None or not 0 < int(found[1]) <= _MOST:
        raise ValueError("no count")
    return int(found[1])


def _moment(text: str) -> datetime:
    found = _NUMBER.fullmatch(text)
    if found is None or int(found[1]) > 4_102_444_800:  # the year 2100
        raise UnreadableReportError("no time that it is about")
    return datetime.fromtimestamp(int(found[1]), UTC)
