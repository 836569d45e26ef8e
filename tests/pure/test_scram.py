"""SCRAM as RFC 7677 §3 shows it, and nothing else; neither a man in the middle nor another channel gets through."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode

import pytest

from mail import scram
from mail.scram import ScramError

# The exchange of RFC 7677 §3.
SALT = b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
FIRST = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
OURS = b"%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
CHALLENGE = b"r=rOprNGfwEbeRWgbNEkqO" + OURS + b",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
LAST = b"c=biws,r=rOprNGfwEbeRWgbNEkqO" + OURS + b",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="


def test_the_exchange_of_the_rfc() -> None:
    keys = scram.keys_of("pencil", SALT)
    client = scram.first(FIRST, plus=False)
    assert (client.login, client.binding, client.on_behalf) == ("user", None, "")
    assert scram.challenge(client, OURS, SALT) == CHALLENGE
    proof = scram.final(LAST, client, CHALLENGE, b"")
    assert proof.proves(keys)
    assert proof.answer(keys) == b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
    assert not proof.proves(scram.keys_of("Pencil", SALT))
    assert not proof.proves(scram.keys_of("pencil", b"x" * 16))


def answered(header: bytes, channel: bytes, plus: bool, heard: bytes, nonce: bytes = OURS) -> bool:
    """Whether a client that knows the password gets in, saying these things."""
    client = scram.first(header + b"n=user,r=abc", plus)
    ours = scram.challenge(client, OURS, SALT)
    unproved = b"c=" + b64encode(header + channel) + b",r=abc" + nonce
    signed = b",".join((client.bare, ours, unproved))
    salted = hashlib.pbkdf2_hmac("sha256", b"pencil", SALT, scram.ITERATIONS)
    key = hmac.digest(salted, b"Client Key", "sha256")
    signature = hmac.digest(hashlib.sha256(key).digest(), signed, "sha256")
    proof = b64encode(bytes(one ^ other for one, other in zip(key, signature, strict=True)))
    said = scram.final(unproved + b",p=" + proof, client, ours, heard)
    return said.proves(scram.keys_of("pencil", SALT))


def test_a_channel_is_bound_to_what_we_see_of_it() -> None:
    assert answered(b"p=tls-exporter,,", b"channel", True, b"channel")
    assert answered(b"n,,", b"", False, b"")
    assert answered(b"n,a=user,", b"", False, b"")
    with pytest.raises(ScramError, match="another channel"):
        answered(b"p=tls-exporter,,", b"theirs", True, b"ours")
    with pytest.raises(ScramError, match="nonce"):
        answered(b"n,,", b"", False, b"", nonce=b"other")


@pytest.mark.parametrize(
    ("message", "plus"),
    [
        (b"", False),
        (b"n,,", False),
        (b"n,,r=x,n=user", False),
        (b"n,,m=ext,n=user,r=x", False),
        (b"n,,n=us=er,r=x", False),
        (b"n,,n=\xff,r=x", False),
        (b"n,,n=user,r=", False),
        (b"y,,n=user,r=x", False),  # it saw no -PLUS, and we have it: somebody took it away
        (b"p=tls-exporter,,n=user,r=x", False),
        (b"n,,n=user,r=x", True),
    ],
)
def test_what_is_no_first_message(message: bytes, plus: bool) -> None:
    with pytest.raises(ScramError):
        scram.first(message, plus)


@pytest.mark.parametrize(
    "message",
    [
        b"",
        LAST[:-4],
        LAST.replace(b"c=biws", b"c=eSws"),
        LAST.replace(b"c=biws", b"c=*"),
        LAST.replace(b"p=dHzb", b"p="),
        LAST.replace(OURS, b""),
    ],
)
def test_what_is_no_last_message(message: bytes) -> None:
    with pytest.raises(ScramError):
        scram.final(message, scram.first(FIRST, plus=False), CHALLENGE, b"")


def test_names_are_unquoted() -> None:
    assert scram.first(b"n,a=b=3Dc,n=x=2Cy,r=1", plus=False).login == "x,y"
