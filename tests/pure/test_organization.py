"""Which domains belong together: by the public suffix list, and by the tree walk of the later specification."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest

from mta.inbound.dmarc_lookup import Records, UnansweredError
from mta.inbound.lookups import Budget
from net.resolver import Answer, Resolver, Standing
from peers.auth_corpus import CORPUS, txt
from peers.need import lacking
from policy.organization import below, by_list, steps


class Zone(Resolver):
    """Answers from a table of DMARC records instead of a server; `asked` in order."""

    def __init__(self, texts: Mapping[str, str | None], names: tuple[str, ...] = ()) -> None:
        super().__init__(["127.0.0.1:1"], timedelta(seconds=1))
        self._texts = texts
        self._names = names
        self.asked: list[str] = []

    def ask_now(self, name: str, kind: str, seconds: float | None = None) -> Answer:
        self.asked.append(name)
        if kind == "A":
            return Answer(Standing.NO_RECORDS if name in self._names else Standing.NO_NAME)
        text = self._texts.get(name.removeprefix("_dmarc."), "")
        if text is None:
            return Answer(Standing.TEMPORARY)
        return Answer(Standing.FOUND, (txt(text),)) if text else Answer(Standing.NO_NAME)


def walked(texts: Mapping[str, str | None], *names: str) -> Records:
    return Records(Budget(Zone(texts, names), 5.0), walking=True)


def listed(texts: Mapping[str, str | None], *names: str) -> Records:
    return Records(Budget(Zone(texts, names), 5.0), walking=False)


NONE = "v=DMARC1; p=none"


@pytest.mark.parametrize(
    ("domain", "names"),
    [
        ("test", ["test"]),
        ("a.test", ["a.test", "test"]),
        ("1.b.c.d.e.f.g.h", ["1.b.c.d.e.f.g.h", "b.c.d.e.f.g.h", "c.d.e.f.g.h", "d.e.f.g.h", "e.f.g.h", "f.g.h",
         "g.h", "h"]),
        ("1.2.3.4.5.6.7.8.9.10.c.d.test", ["1.2.3.4.5.6.7.8.9.10.c.d.test", "7.8.9.10.c.d.test", "8.9.10.c.d.test",
         "9.10.c.d.test", "10.c.d.test", "c.d.test", "d.test", "test"]),
    ],
)  # fmt: skip
def test_a_walk_asks_eight_names_at_most(domain: str, names: list[str]) -> None:
    assert steps(domain) == names


@pytest.mark.parametrize(
    ("texts", "domain", "organization"),
    [
        ({}, "mail.a.test", "mail.a.test"),
        ({"a.test": NONE}, "x.mail.a.test", "a.test"),
        ({"mail.a.test": NONE, "a.test": NONE}, "x.mail.a.test", "a.test"),
        ({"mail.a.test": NONE + "; psd=n", "a.test": NONE}, "x.mail.a.test", "mail.a.test"),
        ({"test": NONE + "; psd=y"}, "x.mail.a.test", "a.test"),
        ({"test": NONE + "; psd=y", "a.test": NONE}, "a.test", "a.test"),
        ({"co.test": NONE + "; psd=y"}, "co.test", "co.test"),
        ({"a.test": "v=DMARC2; p=none"}, "x.a.test", "x.a.test"),
    ],
)
def test_the_walk_finds_the_organization(texts: dict[str, str], domain: str, organization: str) -> None:
    assert walked(texts).organizational(domain) == organization


def test_the_record_is_the_domains_own_else_the_organizations_else_the_suffixes() -> None:
    texts = {"test": "v=DMARC1; p=none; sp=quarantine; np=reject; psd=y", "b.test": "v=DMARC1; p=reject; pct=10"}
    for domain, place, exists in (
        ("b.test", "b.test", True), ("x.b.test", "b.test", False), ("a.test", "test", True), ("no.test", "test", False),
    ):  # fmt: skip
        found = walked(texts, "a.test", "b.test").published(domain)
        assert found is not None
        assert (found.domain, found.exists) == (place, exists)
    found = walked(texts).published("b.test")
    assert found is not None
    assert found.record.percent == 100  # pct is no more


def test_by_the_list_the_organization_above_is_asked_and_nothing_else() -> None:
    zone = Zone({"a.co.uk": NONE, "uk": NONE}, ("x.y.a.co.uk",))
    records = Records(Budget(zone, 5.0), walking=False)
    found = records.published("x.y.a.co.uk")
    assert found is not None
    assert (found.domain, found.exists) == ("a.co.uk", True)
    assert zone.asked == ["_dmarc.x.y.a.co.uk", "_dmarc.a.co.uk", "x.y.a.co.uk"]
    assert listed({"uk": NONE}).published("co.uk") is None


@pytest.mark.parametrize("missing", ["x.a.test", "a.test"])
def test_an_answer_that_is_missing_is_no_answer(missing: str) -> None:
    for records in (walked({missing: None}), listed({missing: None})):
        with pytest.raises(UnansweredError):
            records.published("x.a.test")


def test_the_name_below_a_suffix() -> None:
    assert below("x.y.a.co.test", "co.test") == "a.co.test"


def test_the_published_cases_of_the_list_hold() -> None:
    if not (CORPUS / "psl" / "tests.txt").exists():
        lacking("../shared/corpora/auth/psl/tests.txt")
    lines = [line.split() for line in (CORPUS / "psl" / "tests.txt").read_text("utf-8").splitlines()]
    cases = [line for line in lines if len(line) == 2 and not line[0].startswith(("//", ".")) and line[0] != "null"]
    wrong = []
    for name, registrable in cases:
        asked = name.lower() if name.isascii() else name.encode("idna").decode()
        expected = registrable if registrable.isascii() else registrable.encode("idna").decode()
        # Where there is no registrable domain, a suffix stands for itself.
        if by_list(asked) != (asked if expected == "null" else expected.lower()):
            wrong.append((name, by_list(asked)))
    assert not wrong
    assert len(cases) > 60
