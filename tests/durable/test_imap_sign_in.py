"""No number of wrong guesses keeps out a password that we made, and proofs that are wrong come to an end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from imap.answer import RefusedError
from imap.login import GUESSES_OF_ACCOUNT, PROOFS, WINDOW, SignIn
from mail.scram import LENGTH, Proof
from peers.imap_role import ANN, BOB, BOBS_OWN, MASTER, SECRET, settle_accounts
from store import app_passwords
from store.secrets import Vault
from store.stores import Stores

PHONE = "phone222222222222222222222222222"
PEER = "203.0.113.9"
ELSEWHERE = "203.0.113.10"


class Clock:
    """Moved by hand."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sign_in(stores: Stores, clock: Clock) -> Iterator[SignIn]:
    vault, now = Vault(MASTER), datetime(2026, 11, 21, tzinfo=UTC)
    bob = settle_accounts(stores)[BOB]
    stores.core.journal.run(lambda tx: app_passwords.create(tx, vault, bob, BOB, "phone", PHONE, now))
    made = SignIn(stores, vault, clock)
    yield made
    made.close()


def test_guesses_keep_out_neither_an_app_password_nor_the_owner_elsewhere(sign_in: SignIn, clock: Clock) -> None:
    for number in range(GUESSES_OF_ACCOUNT):
        assert sign_in.check(BOB, f"guess {number}", PEER).result() is None
    with pytest.raises(RefusedError, match="too many wrong passwords"):
        sign_in.check(BOB, BOBS_OWN, PEER)
    entered = sign_in.check(BOB, PHONE, PEER).result()
    assert entered is not None
    assert entered.address == BOB
    assert sign_in.check(ANN, PHONE, ELSEWHERE).result() is None
    assert sign_in.check(ANN, SECRET, PEER).result() is not None
    assert sign_in.check(BOB, BOBS_OWN, ELSEWHERE).result() is not None
    clock.now += WINDOW + 1
    assert sign_in.check(BOB, BOBS_OWN, PEER).result() is not None


def test_wrong_proofs_come_to_an_end_and_only_there(sign_in: SignIn) -> None:
    asked = sign_in.challenge(BOB)
    assert len(asked.candidates) == 1  # what he chose himself is kept as argon2id alone
    for number in range(PROOFS):
        assert sign_in.proven(asked, Proof(b"signed", number.to_bytes(LENGTH, "big")), PEER) is None
    with pytest.raises(RefusedError):
        sign_in.proven(asked, Proof(b"signed", bytes(LENGTH)), PEER)
    assert sign_in.proven(asked, Proof(b"signed", bytes(LENGTH)), ELSEWHERE) is None
    assert sign_in.check(BOB, PHONE, PEER).result() is not None


def test_two_processes_on_the_ports_divide_the_proofs(stores: Stores, clock: Clock) -> None:
    settle_accounts(stores)
    half = SignIn(stores, Vault(MASTER), clock, of=2)
    asked = half.challenge(ANN)
    for number in range(PROOFS // 2):
        assert half.proven(asked, Proof(b"signed", number.to_bytes(LENGTH, "big")), PEER) is None
    with pytest.raises(RefusedError):
        half.proven(asked, Proof(b"signed", bytes(LENGTH)), PEER)
    half.close()
