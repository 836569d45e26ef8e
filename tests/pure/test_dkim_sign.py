"""mail/dkim_sign against dkimpy: what we sign it verifies, what is changed it does not."""

from __future__ import annotations

from base64 import b64decode
from datetime import UTC, datetime
from hashlib import sha256

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from dkim.canonicalization import Relaxed
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mail.dkim_body import linear_relaxed_body
from mail.dkim_header import relaxed_header
from mail.dkim_sign import OVERSIGNED, SIGNED, Algorithm, Key, Signer, dns_record, generate_keys, load_key, pem

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
KEYS = generate_keys("rsa1", "ed1")
RECORDS = {f"{key.selector}._domainkey.sample.test.".encode(): dns_record(key).encode() for key in KEYS}
LABELS = r"[a-z0-9_]([a-z0-9-]{0,20}[a-z0-9])?(\.[a-z0-9]{1,20}){0,6}"
FIELDS = [name for name in OVERSIGNED + SIGNED if name != b"from"]
MESSAGE = (
    b"From: Ann <ann@sample.test>\r\nTo: bob@example.com\r\nSubject:  two \t words\r\n folded\r\n"
    b"Date: Wed, 04 Mar 2026 05:06:07 +0000\r\nMessage-ID: <1@sample.test>\r\n"
    b"List-Unsubscribe: <https://m.test/u/1>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\n"
    b"Hello  there \t\r\n\r\nLast line \r\n\r\n\r\n"
)


def verified(message: bytes, index: int) -> bool:
    def answer(name: bytes | str, timeout: int = 5) -> bytes | None:
        return RECORDS.get(name if isinstance(name, bytes) else name.encode())

    try:
        return bool(dkim.DKIM(message).verify(idx=index, dnsfunc=answer))
    except dkim.ValidationError as mistake:
        assert "body hash mismatch" in str(mistake)
        return False


def signed(message: bytes = MESSAGE) -> bytes:
    return Signer("sample.test", KEYS).sign(message, NOW) + message


@pytest.mark.parametrize("index", [0, 1], ids=["rsa", "ed25519"])
class TestEachSignature:
    def test_verifies(self, index: int) -> None:
        assert verified(signed(), index)

    def test_survives_trace_fields_and_blank_changes(self, index: int) -> None:
        relayed = b"Received: from a by b; Wed, 04 Mar 2026 05:06:08 +0000\r\nX-Spam: no\r\n" + signed()
        assert verified(relayed.replace(b"Hello  there \t", b"Hello there") + b"\r\n", index)

    @pytest.mark.parametrize(
        ("was", "becomes"),
        [
            (b"Hello", b"Hullo"),
            (b"bob@", b"eve@"),
            (b"two ", b"ten "),
            (b"/u/1", b"/u/2"),
            (b"From: Ann", b"From: eve@sample.test\r\nFrom: Ann"),
            (b"To: bob", b"Cc: eve@sample.test\r\nTo: bob"),
            (b"To: bob", b"Subject: other\r\nTo: bob"),
            (b"To: bob", b"Content-Type: text/html\r\nTo: bob"),
            (b"One-Click\r\n", b"One-Click\r\nList-Unsubscribe: <https://evil.test>\r\n"),
        ],
    )
    def test_fails_after_tampering(self, index: int, was: bytes, becomes: bytes) -> None:
        message = signed()
        assert was in message
        assert not verified(message.replace(was, becomes, 1), index)

    @given(body=st.text("ab= \t.\r\n", max_size=60), subject=st.text(" \tab;:é", max_size=40))
    @settings(max_examples=30, deadline=None)
    def test_verifies_whatever_is_in_it(self, index: int, body: str, subject: str) -> None:
        crlf = body.replace("\r", "").replace("\n", "\r\n")
        message = f"From: a@sample.test\r\nFrom: b@sample.test\r\nSubject: {subject}\r\n\r\n{crlf}\r\n".encode()
        assert verified(signed(message), index)


def test_a_message_without_body_is_signed() -> None:
    assert verified(signed(b"From: a@sample.test\r\n"), 0)
    assert verified(signed(b"From: a@sample.test\r\n\r\n"), 1)


def test_every_oversigned_name_is_named_once_more_than_present_and_l_never() -> None:
    header = Signer("sample.test", KEYS[1:]).sign(MESSAGE, NOW).replace(b"\r\n\t", b"")
    tags = dict(tag.strip().split(b"=", 1) for tag in header.removeprefix(b"DKIM-Signature:").split(b";"))
    named = tags[b"h"].split(b":")
    present = [line.split(b":")[0].lower() for line in MESSAGE.split(b"\r\n\r\n")[0].split(b"\r\n")]
    assert all(named.count(name) == present.count(name) + 1 for name in OVERSIGNED)
    assert tags[b"t"] == b"%d" % NOW.timestamp()
    assert b"l" not in tags


@given(st.from_regex(LABELS, fullmatch=True), st.from_regex(LABELS, fullmatch=True), st.lists(st.sampled_from(FIELDS)))
def test_what_is_signed_of_the_field_itself_is_its_canonical_form(
    domain: str, selector: str, more: list[bytes]
) -> None:
    private = Ed25519PrivateKey.generate()
    header = b"From: a@sample.test\r\n" + b"".join(b"%s: x\r\n" % name for name in more)
    field = Signer(domain, [Key(selector, Algorithm.ED25519, private)]).sign(header + b"\r\n", NOW)
    name, _, value = field.partition(b":")
    before, tag, signature = value.rpartition(b"\r\n\tb=")
    covered = sorted((b"from", *more), key=(OVERSIGNED + SIGNED).index)
    signed = b"".join(b"from:a@sample.test\r\n" if one == b"from" else b"%s:x\r\n" % one for one in covered)
    canonical = relaxed_header(name, before + tag).removesuffix(b"\r\n")
    private.public_key().verify(b64decode(signature), sha256(signed + canonical).digest())


def test_signature_lines_fit_and_hold_no_bare_newline() -> None:
    header = Signer("sample.test", KEYS).sign(MESSAGE, NOW)
    assert all(len(line) <= 78 for line in header.split(b"\r\n"))
    assert header.count(b"\n") == header.count(b"\r\n")


@pytest.mark.parametrize(
    "header",
    [b"To: a@b.test\r\n", b"From: a@b.test\r\nno field\r\n", b"From: a@b.test\nTo: c@d.test\r\n", b""],
)
def test_a_broken_header_is_refused_by_name(header: bytes) -> None:
    with pytest.raises(ValueError, match="nothing was signed"):
        Signer("sample.test", KEYS).sign(header + b"\r\n", NOW)


def test_keys_round_trip_through_pem() -> None:
    for key in KEYS:
        again = load_key(pem(key), key.selector)
        assert (again.algorithm, dns_record(again)) == (key.algorithm, dns_record(key))


def test_a_key_is_loaded_once() -> None:
    octets = pem(KEYS[0])
    assert load_key(octets, "one") is load_key(octets, "one")
    assert load_key(octets, "other").selector == "other"


def test_weak_and_encrypted_keys_are_refused() -> None:
    weak = generate_private_key(65537, 1024).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(ValueError, match="at least 2048 bits"):
        load_key(weak, "old")
    hidden = KEYS[1].private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
    with pytest.raises(ValueError, match="encrypted"):
        load_key(hidden, "hidden")


def test_two_keys_of_one_kind_both_verify_during_rotation() -> None:
    new = Key("ed2", KEYS[1].algorithm, KEYS[1].private_key)
    RECORDS[b"ed2._domainkey.sample.test."] = dns_record(new).encode()
    message = Signer("sample.test", (KEYS[1], new)).sign(MESSAGE, NOW) + MESSAGE
    assert verified(message, 0)
    assert verified(message, 1)


@given(st.lists(st.sampled_from([b" ", b"\t", b"\r\n", b"\r", b"\n", b"a", b"E", b"  "]), max_size=30).map(b"".join))
@settings(max_examples=300)
@example(b"")
@example(b"\r\n\r\n")
@example(b" \r\n")
@example(b"a\r\r\n\r\n")
@example(b"E\n\r\n")
def test_the_linear_body_equals_dkimpys(body: bytes) -> None:
    assert linear_relaxed_body(body) == Relaxed.canonicalize_body(body)


@pytest.mark.timeout(10)
@pytest.mark.parametrize("octets", [b" ", b"\t ", b"\r\n", b" \r\n", b"\r"])
def test_the_body_takes_linear_time(octets: bytes) -> None:
    # dkimpy's regular expression needs minutes for the first of these.
    assert len(linear_relaxed_body(octets * 2_000_000)) <= 2_000_002
