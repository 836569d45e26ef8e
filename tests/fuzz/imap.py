"""The IMAP codec: octets in any blocks become the same events, within the limits, without an error."""

from __future__ import annotations

from typing import Final

from fuzz.target import Target

from imap.wire import BEFORE_SIGN_IN, Broken, Continue, Decoder, Event

SEEDS: Final = [

    b"a LOGIN ann secret\r\nb SELECT INBOX\r\n"
    b"c UID FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (TO)]<0.10>)\r\nd LOGOUT\r\n",
    b"a LOGIN {3}\r\nann {6+}\r\nsecret\r\n", b"a SEARCH OR (NOT SEEN) SINCE 1-Jan-2026\r\n",
    b"a APPEND INBOX {4+}\r\nabcd\r\n",
]  # fmt: skip
PIECES: Final = [
    b"\r\n", b"\n", b"\r", b"\0", b"{1}\r\n", b"{0+}\r\n", b"{99999999999999999999}\r\n", b"{4096+}\r\n",
    b"~{3}\r\nabc", b"(", b")", b'"', b"\\", b" ", b"*", b"[", b"]", b"<", b"UID ", b"FETCH ", b"\xff", b"x" * 5000,
]  # fmt: skip


def _events(blocks: list[bytes]) -> list[Event]:
    decoder, found = Decoder(BEFORE_SIGN_IN), list[Event]()
    for block in blocks:
        decoder.receive(block)
        while (event := decoder.next_event()) is not None:
            found.append(event)
            if isinstance(event, Broken) and event.fatal:
                return found
    return found


def _check(octets: bytes) -> None:
    whole = _events([octets])
    cut = _events([octets[at : at + 7] for at in range(0, len(octets), 7)])
    assert _told(whole) == _told(cut), "blocks change what was said"


def _told(events: list[Event]) -> list[Event]:
    """Whether the client is asked to go on depends on what it has sent already."""
    return [event for event in events if not isinstance(event, Continue)]


TARGETS: Final = (Target("imap codec", SEEDS, PIECES, _check),)
