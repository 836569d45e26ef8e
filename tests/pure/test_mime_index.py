"""mail/mime_index: RFC examples by the letter, broken mail without an exception, hostile mail in bounded time."""

from __future__ import annotations

import time
from email import message_from_bytes
from email.message import Message

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from imapclient.response_parser import parse_fetch_response

from mail.mime_index import PartIndex, index
from mail.mime_scan import DEPTH, PARTS


def crlf(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


# The message of RFC 2046 §5.1.1's kind and the section tree of RFC 3501 §6.4.5.
TREE = crlf("""From: a@b.test
Subject: tree
Content-Type: multipart/mixed; boundary=outer

preamble --outer
--outer
Content-Type: text/plain

one

--outer
Content-Type: application/octet-stream

--not a delimiter
two
--outer
Content-Type: message/rfc822
Content-Description: three

From: inner@b.test
Subject: inner
Content-Type: multipart/mixed;
 boundary="in
 ner"

--in ner

three one
--in ner\x20\x20
Content-Type: application/octet-stream

three two
--in ner--
epilogue
--outer
Content-Type: multipart/mixed; boundary=fourth

--fourth
Content-Type: image/gif

four one
--fourth
Content-Type: message/rfc822

Subject: deep

deep text
--fourth--
--outer--
epilogue
""")

SECTIONS = {
    "1": "one\n",
    "1.MIME": "Content-Type: text/plain\n\n",
    "2": "--not a delimiter\ntwo",
    "3.MIME": "Content-Type: message/rfc822\nContent-Description: three\n\n",
    "3.HEADER": 'From: inner@b.test\nSubject: inner\nContent-Type: multipart/mixed;\n boundary="in\n ner"\n\n',
    "3.TEXT": (
        "--in ner\n\nthree one\n--in ner  \nContent-Type: application/octet-stream\n\nthree two\n--in ner--\nepilogue"
    ),
    "3.1": "three one",
    "3.1.MIME": "\n",
    "3.2": "three two",
    "4.1": "four one",
    "4.1.MIME": "Content-Type: image/gif\n\n",
    "4.2": "Subject: deep\n\ndeep text",
    "4.2.HEADER": "Subject: deep\n\n",
    "4.2.TEXT": "deep text",
    "4.2.1": "deep text",
}


def slice_of(raw: bytes, section: str) -> bytes | None:
    place = index(raw).parts.place(section)
    return None if place is None else raw[slice(*place)]


@pytest.mark.parametrize(("section", "text"), SECTIONS.items())
def test_a_section_is_a_slice(section: str, text: str) -> None:
    assert slice_of(TREE, section) == crlf(text)
    assert slice_of(TREE, section.lower()) == crlf(text)


def test_the_message_itself_is_header_and_text() -> None:
    header, text = slice_of(TREE, "HEADER"), slice_of(TREE, "TEXT")
    assert header is not None
    assert text is not None
    assert slice_of(TREE, "") == header + text == TREE
    assert header.endswith(b"boundary=outer\r\n\r\n")


@pytest.mark.parametrize(
    "section", ["5", "0", "1.1", "1.HEADER", "1.TEXT", "3.3", "MIME", "1.", ".1", "1MIME", "x", "4.TEXT"]
)
def test_a_section_that_is_not_there_is_none(section: str) -> None:
    assert slice_of(TREE, section) is None


def test_a_message_of_one_part_is_its_part_one() -> None:
    raw = b"Subject: x\r\n\r\nbody\r\n"
    assert (slice_of(raw, "1"), slice_of(raw, "TEXT"), slice_of(raw, "2")) == (b"body\r\n", b"body\r\n", None)
    assert slice_of(raw, "1.MIME") == slice_of(raw, "HEADER") == b"Subject: x\r\n\r\n"


def test_the_index_comes_back_from_its_octets() -> None:
    parts = index(TREE).parts
    assert PartIndex.from_bytes(parts.to_bytes()) == parts
    assert len(parts.to_bytes()) < 200


# RFC 3501 §8 shows this envelope and this structure.
RFC_3501 = (
    crlf("""Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)
From: Terry Gray <gray@cac.washington.edu>
Subject: IMAP4rev1 WG mtg summary and minutes
To: imap@cac.washington.edu
cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>
Message-Id: <B27397-0100000@cac.washington.edu>
MIME-Version: 1.0
Content-Type: TEXT/PLAIN; CHARSET=US-ASCII

""")
    + b"x" * 70
    + b"\r\n" * 3
)


def test_the_example_of_rfc_3501() -> None:
    indexed = index(RFC_3501)
    gray = b'(("Terry Gray" NIL "gray" "cac.washington.edu"))'
    assert indexed.envelope == (
        b'("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "IMAP4rev1 WG mtg summary and minutes" '
        + gray
        + b" "
        + gray
        + b" "
        + gray
        + b' ((NIL NIL "imap" "cac.washington.edu")) ((NIL NIL "minutes" "CNRI.Reston.VA.US")'
        b'("John Klensin" NIL "KLENSIN" "MIT.EDU")) NIL NIL "<B27397-0100000@cac.washington.edu>")'
    )
    assert indexed.body == b'("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 76 3)'
    assert indexed.bodystructure == indexed.body[:-1] + b" NIL NIL NIL NIL)"


ADDRESSES = [
    ("a@b.c", '(NIL NIL "a" "b.c")'),
    ("A B <a@b.c>", '("A B" NIL "a" "b.c")'),
    ('"B, A" <a@b.c>', '("B, A" NIL "a" "b.c")'),
    (r'"A \"x\" \\" <a@b.c>', r'("A \"x\" \\" NIL "a" "b.c")'),
    ("a@b.c (A (nested) B)", '("A (nested) B" NIL "a" "b.c")'),
    ("=?utf-8?q?=C3=A4?= <a@b.c>", '("=?utf-8?q?=C3=A4?=" NIL "a" "b.c")'),
    ("<@x,@y:a@b.c>", '(NIL "@x,@y" "a" "b.c")'),
    ('"a b"@b.c', '(NIL NIL "a b" "b.c")'),
    ("a . b @ c . d", '(NIL NIL "a.b" "c.d")'),
    ("a@[127.0.0.1]", '(NIL NIL "a" "[127.0.0.1]")'),
    ("a@b.c <d@e.f>", '("a@b.c" NIL "d" "e.f")'),
    ("John Smith js@b.c", '("John Smith" NIL "js" "b.c")'),
    ("G: a@b.c, D <d@e.f>;", '(NIL NIL "G" NIL)(NIL NIL "a" "b.c")("D" NIL "d" "e.f")(NIL NIL NIL NIL)'),
    ("undisclosed-recipients:;", '(NIL NIL "undisclosed-recipients" NIL)(NIL NIL NIL NIL)'),
    ("G: a@b.c; , d@e.f", '(NIL NIL "G" NIL)(NIL NIL "a" "b.c")(NIL NIL NIL NIL)(NIL NIL "d" "e.f")'),
    ("G: a@b.c", '(NIL NIL "G" NIL)(NIL NIL "a" "b.c")(NIL NIL NIL NIL)'),
    ("a@b.c,, d@e.f,", '(NIL NIL "a" "b.c")(NIL NIL "d" "e.f")'),
    ("local", '(NIL NIL "local" "MISSING_DOMAIN")'),
    ("<local>", '(NIL NIL "local" "MISSING_DOMAIN")'),
    ("@b.c", '(NIL NIL "MISSING_MAILBOX" "b.c")'),
    ("<>", '(NIL NIL "MISSING_MAILBOX" "MISSING_DOMAIN")'),
    ("A <a@b.c", '("A" NIL "a" "b.c")'),
    ("A <a@b.c> junk, d@e.f", '("A" NIL "a" "b.c")(NIL NIL "d" "e.f")'),
    ('"open <a@b.c>', '(NIL NIL "open <a@b.c>" "MISSING_DOMAIN")'),
]


@pytest.mark.parametrize(("value", "written"), ADDRESSES)
def test_addresses_of_every_kind(value: str, written: str) -> None:
    raw = f"From: x@y.z\r\nTo: {value}\r\n\r\n".encode()
    assert f" ({written}) NIL NIL NIL NIL)".encode() in index(raw).envelope


def test_sender_and_reply_to_are_from_where_they_are_missing_or_empty() -> None:
    raw = b"From: a@b.c\r\nSender:\r\nReply-To: r@b.c\r\n\r\n"
    a, r = b'((NIL NIL "a" "b.c"))', b'((NIL NIL "r" "b.c"))'
    assert index(raw).envelope == b"(NIL NIL %b %b %b NIL NIL NIL NIL NIL)" % (a, a, r)


def test_a_message_of_nothing() -> None:
    indexed = index(b"")
    assert indexed.envelope == b"(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"
    assert indexed.bodystructure == b'("text" "plain" ("charset" "us-ascii") NIL NIL "7BIT" 0 0 NIL NIL NIL NIL)'


STRUCTURES = [
    ("Content-Type: text/html; charset=utf-8", '"text" "html" ("charset" "utf-8") NIL NIL "7BIT" 4 1'),
    ("Content-Type: text/html", '"text" "html" ("charset" "us-ascii") NIL NIL "7BIT" 4 1'),
    ('Content-Type: image/png; name="a;b \\"c\\".png"', r'"image" "png" ("name" "a;b \"c\".png") NIL NIL "7BIT" 4'),
    ("Content-Type: image/png; name=a b.png ;; x", '"image" "png" ("name" "a b.png") NIL NIL "7BIT" 4'),
    ("Content-Type: text/plain; charset=us-ascii (Plain)", '"text" "plain" ("charset" "us-ascii") NIL NIL "7BIT" 4 1'),
    ("Content-Type: text/plain;", '"text" "plain" ("charset" "us-ascii") NIL NIL "7BIT" 4 1'),
    ("Content-Type: text", '"text" "plain" ("charset" "us-ascii") NIL NIL "7BIT" 4 1'),
    ("Content-Type: multipart/mixed", '"text" "plain" ("charset" "us-ascii") NIL NIL "7BIT" 4 1'),
    (
        "Content-Type: a/b\nContent-ID: <i>\nContent-Description: d\nContent-Transfer-Encoding: base64",
        '"a" "b" NIL "<i>" "d" "base64" 4',
    ),
]


@pytest.mark.parametrize(("header", "fields"), STRUCTURES)
def test_the_structure_of_one_part(header: str, fields: str) -> None:
    assert index(crlf(f"{header}\n\nab\n")).body == f"({fields})".encode()


def test_the_extension_fields() -> None:
    raw = crlf(
        "Content-Type: a/b\nContent-MD5: m\nContent-Disposition: attachment; filename=x.y\n"
        "Content-Language: en, de\nContent-Location: http://x\n\nab"
    )
    assert index(raw).bodystructure.endswith(b' 2 "m" ("attachment" ("filename" "x.y")) ("en" "de") "http://x")')


def test_the_tree_as_a_structure() -> None:
    full = index(TREE).bodystructure
    assert full.startswith(b'(("text" "plain" ("charset" "us-ascii") NIL NIL "7BIT" 5 1 NIL NIL NIL NIL)("application"')
    assert full.endswith(b' "mixed" ("boundary" "outer") NIL NIL NIL)')
    assert b'"message" "rfc822" NIL NIL "three" "7BIT" ' in full
    assert b'(NIL "inner" ((NIL NIL "inner" "b.test"))' in full


def test_a_digest_holds_messages() -> None:
    raw = crlf("Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: one\n\nx\n--b--\n")
    assert index(raw).body.startswith(b'(("message" "rfc822" NIL NIL NIL "7BIT" 17 (NIL "one" ')
    assert slice_of(raw, "1.HEADER") == b"Subject: one\r\n\r\n"


def test_an_inner_multipart_without_its_end_ends_with_the_outer_delimiter() -> None:
    raw = crlf(
        "Content-Type: multipart/mixed; boundary=o\n\n--o\n"
        "Content-Type: multipart/mixed; boundary=i\n\n--i\n\nx\n--o\n\ny\n"
    )
    assert (slice_of(raw, "1.1"), slice_of(raw, "2")) == (b"x", b"y\r\n")


def test_a_boundary_means_nothing_after_its_multipart() -> None:
    inner = "Content-Type: multipart/mixed; boundary=i\n\n--i\n\nx\n"
    raw = crlf(f"Content-Type: multipart/mixed; boundary=o\n\n--o\n{inner}--o\n\ny\n--i\nz\n--o--\n--o\n\nno\n")
    assert (slice_of(raw, "1.1"), slice_of(raw, "2"), slice_of(raw, "3")) == (b"x", b"y\r\n--i\r\nz", None)
    closed = crlf(f"Content-Type: multipart/mixed; boundary=o\n\n--o\n{inner}--i--\n--i\n\nepilogue\n--o--\n")
    assert (slice_of(closed, "1.1"), slice_of(closed, "1.2")) == (b"x", None)


def test_what_follows_the_last_part_that_is_counted_stays_in_it_unopened() -> None:
    inner = b"Content-Type: multipart/mixed; boundary=i\n\n--i\n\nx\n--i--\n"
    raw = HEAD + b"--b\n\nx\n" * (PARTS - 2) + b"--b\n" + inner + b"--b\n\nmore\n--b--\n"
    assert slice_of(raw, f"{PARTS - 1}") == b"--i\n\nx\n--i--\n--b\n\nmore"
    assert slice_of(raw, f"{PARTS}") is None
    assert index(raw).body.endswith(b'("application" "octet-stream" NIL NIL NIL "7BIT" 22) "mixed")')


def test_a_part_without_a_blank_line_ends_at_its_delimiter() -> None:
    raw = crlf("Content-Type: multipart/mixed; boundary=o\n\n--o\nA: b\n--o\n--o--\n")
    assert [slice_of(raw, name) for name in ("1", "1.MIME", "2", "2.MIME", "3")] == [b"", b"A: b", b"", b"", None]


def test_a_multipart_without_parts_has_an_empty_one() -> None:
    # The grammar of BODY wants at least one (RFC 3501 §9, body-type-mpart).
    indexed = index(b"Content-Type: multipart/mixed; boundary=o\r\n\r\nnothing")
    assert indexed.body == b'(("text" "plain" ("charset" "us-ascii") NIL NIL "7BIT" 0 0) "mixed")'
    assert indexed.parts.place("1") == (52, 52)


def test_octets_that_no_quoted_string_holds_are_literals() -> None:
    raw = b'Subject: caf\xe9 "x"\x00\r\nMessage-ID: a\\b\r\n\r\n'
    assert b'{8}\r\ncaf\xe9 "x" ' in index(raw).envelope
    assert b'"a\\\\b"' in index(raw).envelope


PIECES = [
    b"Content-Type: multipart/mixed; boundary=a\r\n",
    b"Content-Type: multipart/digest; boundary=b\r\n",
    b"Content-Type: message/rfc822\r\n",
    b'To: (a <b@c>;"\r\n',
    b"Subject: \xff\x00\r\n",
    b"\r\n",
    b"\n",
    b"--a\r\n",
    b"--a--\r\n",
    b"--b\n",
    b"--b--",
    b"text\r\n",
]
MAIL = st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join) | st.binary(max_size=100)


@given(MAIL)
@settings(max_examples=200, deadline=None)
@example(b"\n--a")
@example(PIECES[1] + b"\r\n--b\n\r\n" + PIECES[0] + b"--b\n")
def test_nothing_raises_and_every_slice_lies_within_its_parent(raw: bytes) -> None:
    indexed = index(raw)
    for section, part in indexed.parts.parts.items():
        assert 0 <= part.header_start <= part.body_start <= part.end <= len(raw)
        assert part.text_start == -1 or part.body_start <= part.text_start <= part.end
        parent = indexed.parts.parts.get(section.rpartition(".")[0])
        assert parent is None or parent.body_start <= part.body_start <= part.end <= parent.end
    assert PartIndex.from_bytes(indexed.parts.to_bytes()) == indexed.parts


@given(MAIL)
@settings(max_examples=100, deadline=None)
def test_what_is_written_is_imap_to_a_client(raw: bytes) -> None:
    indexed = index(raw)
    parsed = parse_fetch_response(
        _as_lexed(b"1 (UID 7 ENVELOPE " + indexed.envelope + b" BODYSTRUCTURE " + indexed.bodystructure + b")")
    )[7]
    assert set(parsed) == {b"SEQ", b"ENVELOPE", b"BODYSTRUCTURE"}


def _as_lexed(line: bytes) -> list[bytes | tuple[bytes, bytes]]:
    """A response as imaplib gives it: literals as pairs with the text before them."""
    lexed: list[bytes | tuple[bytes, bytes]] = []
    while b"}\r\n" in line:
        before, rest = line.split(b"}\r\n", 1)
        size = int(before.rpartition(b"{")[2])
        lexed.append((before + b"}", rest[:size]))
        line = rest[size:]
    return [*lexed, line]


def sections_of(message: Message, prefix: str = "") -> dict[str, Message]:
    """Section numbers as the standard library's tree has them."""
    if message.get_content_maintype() != "multipart":
        return {f"{prefix}1": message}
    found: dict[str, Message] = {}
    for number, part in enumerate(message.get_payload(), 1):
        assert isinstance(part, Message)
        found |= sections_of(part, f"{prefix}{number}.") if part.is_multipart() else {f"{prefix}{number}": part}
    return found


@given(st.recursive(st.text("ac -\n", max_size=8), lambda inner: st.lists(inner, min_size=1, max_size=3), max_leaves=8))
@settings(max_examples=60, deadline=None)
def test_the_standard_library_sees_the_same_parts(tree: object) -> None:
    raw = _written(tree, "b")
    for section, part in sections_of(message_from_bytes(raw)).items():
        assert slice_of(raw, section) == str(part.get_payload()).encode()


def _written(tree: object, boundary: str) -> bytes:
    if isinstance(tree, str):
        return b"Content-Type: text/plain\n\n" + tree.encode()
    assert isinstance(tree, list)
    parts = [_written(inner, f"{boundary}{number}") for number, inner in enumerate(tree)]
    head = f'Content-Type: multipart/mixed; boundary="{boundary}"\n\n'.encode()
    return (
        head + b"".join(b"--%b\n%b\n" % (boundary.encode(), part) for part in parts) + b"--%b--\n" % boundary.encode()
    )


def nested(depth: int) -> bytes:
    return b"".join(b'Content-Type: multipart/x; boundary="b%d"\n\n--b%d\n' % (level, level) for level in range(depth))


HEAD = b"Content-Type: multipart/mixed; boundary=b\n\n"
HOSTILE = {
    "nested multiparts": nested(5000),
    "nested messages": b"Content-Type: message/rfc822\n\n" * 50_000,
    "parts": HEAD + b"--b\n\nx\n" * 200_000,
    "parts without blank lines": HEAD + b"--b\nA: b\n" * 200_000,
    "dashes": HEAD + b"--x\n" * 500_000,
    "blank lines": HEAD + b"\r\n" * 1_000_000,
    "parameters": b"Content-Type: text/plain" + b"; a=b" * 50_000 + b"\n\n",
    "quotes": b'Content-Type: text/plain; a="' + b"\\" * 250_000 + b"\n\n",
    "comments": b"From: " + b"(" * 250_000 + b"\n\n",
    "addresses": b"To: " + b"a," * 125_000 + b"\n\n",
    "words": b"To: " + b"a " * 125_000 + b"\n\n",
    "groups": b"To: " + b"a:" * 125_000 + b"\n\n",
    "angles": b"To: " + b"<" * 250_000 + b"\n\n",
    "a header without end": b"A: b\n" * 500_000,
    "spaces": b"Subject:" + b" " * 2_000_000,
    "envelopes": HEAD + (b"--b\nContent-Type: message/rfc822\n\nTo: " + b"a," * 3000 + b"\n\n") * 999,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_security_13_hostile_mail_takes_bounded_time_and_room(kind: str) -> None:
    raw = HOSTILE[kind]
    started = time.process_time()
    indexed = index(raw)
    assert time.process_time() - started < 5
    assert len(indexed.parts.parts) <= 2 * PARTS
    assert max(section.count(".") for section in indexed.parts.parts) <= DEPTH
    assert len(indexed.bodystructure) < 3 * len(raw) + 1_000_000
