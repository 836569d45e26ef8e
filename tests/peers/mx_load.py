"""An MX under load, as the tests and the bench see it: idle sessions, slow senders, and who is served beside them."""

from __future__ import annotations

import contextlib
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType

import dkim
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from peers.smtp_role import Talk, deliver

SELECTOR = "s"
_PERIOD = 0.1  # seconds between two octets of a slow sender
_HEAD = b"From: Carl <carl@%b>\r\nTo: ann@ours.test\r\nSubject: load\r\nMessage-ID: <1@%b>\r\n\r\n"

_LINE = b"word-" * 14 + b"end\r\n"


class Ticker:
    """A connection that says NOOP again and again: the longest that it waited is how long the loop stood still."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._ended = threading.Event()
        self._ticking = threading.Thread(target=self._tick, daemon=True)
        self.longest = 0.0
        self.ticks = 0

    def __enter__(self) -> Ticker:
        self._ticking.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._ended.set()
        self._ticking.join()

    def _tick(self) -> None:
        with Talk(self._port) as talk:
            talk.reply()
            talk.say("EHLO ticker.test")
            while not self._ended.wait(0.002):
                began = time.perf_counter()
                assert talk.say("NOOP").startswith("250")
                self.longest = max(self.longest, time.perf_counter() - began)
                self.ticks += 1


@contextmanager
def slow_senders(port: int, count: int) -> Iterator[None]:
    """So many are inside DATA and send an octet now and then."""
    ended = threading.Event()
    with ExitStack() as held:
        talks = [held.enter_context(Talk(port)) for _ in range(count)]
        for talk in talks:
            talk.begin("slow@remote.test", "ann@ours.test")
            assert talk.say("DATA").startswith("354")
        dripping = threading.Thread(target=_drip, args=(talks, ended), daemon=True)
        dripping.start()
        try:
            yield
        finally:
            ended.set()
            dripping.join()


def _drip(talks: list[Talk], ended: threading.Event) -> None:
    while not ended.wait(_PERIOD):
        for talk in talks:
            with contextlib.suppress(OSError):
                talk.send(b"x")


def round_trips(port: int, count: int) -> list[float]:
    """Seconds of each of so many messages, a connection each, sorted."""
    message = _HEAD % (b"remote.test", b"remote.test") + b"Good day.\r\n"
    taken = []
    for _ in range(count):
        began = time.perf_counter()
        assert deliver(port, "carl@remote.test", ["ann@ours.test"], message).startswith("250")
        taken.append(time.perf_counter() - began)
    return sorted(taken)


@contextmanager
def idle_sessions(port: int, trusting: ssl.SSLContext, count: int) -> Iterator[None]:
    """So many that went through STARTTLS and EHLO and say nothing more."""
    with ExitStack() as held:
        for _ in range(count):
            talk = held.enter_context(Talk(port))
            talk.reply()
            talk.say("EHLO idle.test")
            talk.starttls(trusting)
            assert talk.say("EHLO idle.test").startswith("250")
        yield


def pss_kib(pid: int) -> int:
    """KiB of a process, shared pages by their share."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))


@contextmanager
def peak_mb(pid: int) -> Iterator[list[float]]:
    """How many MB the process grew by at most, in the list once it is left (proc(5): clear_refs, VmHWM)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    before, found = _high_water_kib(pid), list[float]()
    yield found
    found.append((_high_water_kib(pid) - before) / 1024)


def _high_water_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def signed(domain: str, octets: int) -> tuple[bytes, str]:
    """A mail of so many octets that carries its domain's signature, and the key's record."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    name = domain.encode()
    plain = _HEAD % (name, name) + _LINE * (octets // len(_LINE))
    record = "v=DKIM1; k=rsa; p=" + b"".join(public.splitlines()[1:-1]).decode()
    return dkim.sign(plain, SELECTOR.encode(), name, private, canonicalize=(b"relaxed", b"simple")) + plain, record


def taken(port: int, message: bytes) -> bool:
    return deliver(port, "carl@remote.test", ["ann@ours.test"], message).startswith("250")


def with_blanks(message: bytes, blanks: int) -> bytes:
    """The same header over a body of one line of blanks: its signature no longer fits, which takes reading it all."""
    head, _, _ = message.partition(b"\r\n\r\n")
    return head.replace(b"relaxed/simple", b"relaxed/relaxed") + b"\r\n\r\n" + b" " * blanks + b"x\r\n"
