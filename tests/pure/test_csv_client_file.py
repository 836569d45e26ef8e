"""A CSV of clients: what is refused as a whole, what is a row's own mistake, and that every byte is read once."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from admin.client_file import ClientFileError, Layout, Row, examine, rows


def read(folder: Path, content: bytes) -> tuple[Layout, list[Row]]:
    file = folder / "clients.csv"
    file.write_bytes(content)
    layout = examine(file)
    with file.open("rb") as stream:
        return layout, list(rows(stream, layout, layout.start))


def mistakes(found: list[Row]) -> dict[int, str]:
    return {row.line: row.mistake for row in found if row.mistake}


@pytest.mark.parametrize("separator", [";", ",", "\t"])
def test_each_separator_is_recognised_with_a_byte_order_mark_and_either_line_end(
    tmp_path: Path, separator: str
) -> None:
    text = f"\ufeffName{separator}E-Mail\r\nZoë{separator}zoe@Example.org\nBob{separator}bob@b.test"
    layout, found = read(tmp_path, text.encode())
    assert layout.separator == separator
    assert layout.columns == ("Name", "E-Mail")
    assert [(row.client and row.client.address, row.variables) for row in found] == [
        ("zoe@example.org", {"Name": "Zoë"}),
        ("bob@b.test", {"Name": "Bob"}),
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\n\n", "blank lines only"),
        ("address\nann@a.test\n".encode("utf-16"), "UTF-16"),
        ("address;name\nann@a.test;Zo\u00eb\n".encode("latin-1"), "line 2, byte 27 of the file: 0xeb is not UTF-8"),
        (b"ann@a.test;Ann\nbob@b.test;Bob\n", "no header, the first line holds an address: 'ann@a.test', 'Ann'"),
        (b"name;city\nAnn;Oslo\n", "no column is named `address`.*'name', 'city'"),
        (b"address;email\n", "more than one column of addresses"),
        (b"address;name;name\n", "column 'name' is there twice"),
        (b"address;\n", "variable name ''"),
        (b'address;"name\n', "the header"),
        (b"address\rann@a.test\r", "no line end"),
    ],
)
def test_a_file_that_cannot_be_imported_is_refused_with_place_and_mend(
    tmp_path: Path, content: bytes, words: str
) -> None:
    with pytest.raises(ClientFileError, match=words):
        read(tmp_path, content)


def test_broken_rows_are_told_by_line_and_the_others_are_taken(tmp_path: Path) -> None:
    content = (
        b"address;name\n"
        b"ann@a.test;Ann\n"
        b"not-an-address;Bob\n"
        b"\n"
        b"carl@c.test\n"
        b"dora@d.test;Dora;more\n"
        b'"eve@e.test;Eve\n'
        b'frank@f.test;"two\r\nlines"\n'
        b"gina@g.test;nul\x00\n"
        b"henk@h.test;Henk"
    )
    _, found = read(tmp_path, content)
    assert [row.client.address for row in found if row.client] == ["ann@a.test", "henk@h.test"]
    told = mistakes(found)
    assert sorted(told) == [3, 5, 6, 7, 8, 10]
    assert "no @" in told[3]
    assert told[5] == "1 columns where the header names 2"
    assert told[6] == "3 columns where the header names 2"
    assert "quote" in told[7]
    assert "variable 'name': a line break" in told[8]
    assert "U+0000" in told[10]
    assert all(row.shown.isprintable() for row in found)


def test_a_quote_that_is_never_closed_swallows_no_further_row(tmp_path: Path) -> None:
    lines = [b"address;name", b'"ann@a.test;Ann', *(b"x%d@x.test;X" % at for at in range(200))]
    _, found = read(tmp_path, b"\n".join(lines))
    assert list(mistakes(found)) == [2]
    assert len(found) == 201


def test_a_line_without_end_is_one_mistake(tmp_path: Path) -> None:
    _, found = read(tmp_path, b"address\n" + b"a" * 1_000_000 + b"\nann@a.test\n")
    assert [row.line for row in found] == [2, 3]
    assert "longer than" in found[0].mistake
    assert found[1].client is not None


LINES = st.lists(
    st.sampled_from(
        ["ann@a.test;Ann", '"', 'a@b.test;"x', '"q""@x.test";y', "", ";", "x;y;z", '"a\nb";c', "\x00;\u2028"]
    )
)


@settings(max_examples=60)
@given(LINES)
def test_reading_on_from_the_end_of_any_row_gives_the_rows_behind_it(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("csv")
    layout, found = read(folder, "\n".join(["address;name", *lines]).encode())
    for at, row in enumerate(found):
        with (folder / "clients.csv").open("rb") as stream:
            assert list(rows(stream, layout, row.end)) == found[at + 1 :]
