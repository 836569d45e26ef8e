"""mbox as we write it is read back octet for octet; as other programs write it, mails, flags and times are found."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail.mbox import Found, MboxError, Quoting, mails, written
from mail.mbox_date import separator_date

AT = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
LINES = st.sampled_from([b"From ann 10:10", b">From x", b">>From ", b"Subject: x", b"", b".", b"\xff\0", b"Status: RO"])
ENDS = st.sampled_from([b"\r\n", b"\n", b"\r", b""])
OCTETS = st.lists(st.tuples(LINES, ENDS), max_size=8).map(lambda parts: b"".join(a + b for a, b in parts))


def read(octets: bytes, limit: int = 10_000, quoting: Quoting = Quoting.RD) -> list[Found]:
    return list(mails(io.BytesIO(octets), limit, quoting))


@given(st.lists(OCTETS, max_size=4))
def test_what_we_write_is_read_back_to_the_octet(several: list[bytes]) -> None:
    file = b"".join(written(octets, ["\\Seen", "$Label1", "\\Draft"], AT) for octets in several)
    found = read(file)
    assert [one.octets for one in found] == several
    assert all(set(one.flags) == {"\\Seen", "$Label1", "\\Draft"} and one.date == AT for one in found)


def test_another_programs_file_has_lf_quoted_lines_and_flags_in_its_header() -> None:
    file = (
        b"From ann@a.test Fri Jan  2 03:04:05 2026\nStatus: RO\nX-Status: AF\nX-Keywords: work, $Label1\n"
        b"Subject: one\n\n>From here\n>>From there\n\n"
        b"From - Sat Jan 03 10:00:00 2026 +0300\r\nX-Mozilla-Status: 0003\r\nSubject: two\r\n\r\nFrom me, no time\r\n"
    )
    one, two = read(file)
    assert one.octets is not None
    assert one.octets.endswith(b"Subject: one\r\n\r\nFrom here\r\n>From there\r\n")
    assert set(one.flags) == {"\\Seen", "\\Answered", "\\Flagged", "work", "$Label1"}
    assert one.date == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert two.octets == b"X-Mozilla-Status: 0003\r\nSubject: two\r\n\r\nFrom me, no time\r\n"
    assert (set(two.flags), two.date) == ({"\\Seen", "\\Answered"}, datetime(2026, 1, 3, 7, 0, tzinfo=UTC))
    assert read(file, quoting=Quoting.O)[0].octets == one.octets.replace(b"\r\n>From there", b"\r\n>>From there")


def test_a_mail_over_the_limit_is_counted_and_not_held() -> None:
    file = written(b"x" * 9000, [], AT) + written(b"small\r\n", [], AT)
    large, small = read(file, limit=2000)
    assert (large.octets, large.at, small.octets) == (None, 0, b"small\r\n")


def test_what_is_no_mbox_or_was_changed_is_told_by_its_octet() -> None:
    with pytest.raises(MboxError, match="begins with a line"):
        read(b"Subject: x\n\nbody\n")
    whole = written(b"one\r\n", [], AT)
    with pytest.raises(MboxError, match="the file was changed") as told:
        read(whole + written(b"two\r\nlines\r\n", [], AT).replace(b"lines\n", b""))
    assert told.value.at == len(whole)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"From x Thu Jan  1 00:00:00 1970\n", datetime(1970, 1, 1, tzinfo=UTC)),
        (b"From x Thu Jan  1 00:00:00 GMT 1970\n", datetime(1970, 1, 1, tzinfo=UTC)),
        (b"From x Thu Jan  1 00:00:00 +0200 1970\n", datetime(1969, 12, 31, 22, tzinfo=UTC)),
        (b"From x Thu Jan 41 00:00:00 1970\n", None),
        (b"From x\n", None),
    ],
)
def test_the_time_of_a_separator(line: bytes, told: datetime | None) -> None:
    assert separator_date(line) == told
