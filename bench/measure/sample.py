"""Messages out of a sink: whether the signatures of each verify (dkimpy), and whether no two are alike."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import dkim


def of_folder(folder: Path) -> list[bytes]:
    """What smtp-sink dumped there, as it was sent."""
    return [_as_sent(file.read_bytes()) for file in sorted(folder.iterdir())]


def verified(messages: list[bytes], keys: Mapping[str, bytes], signatures: int) -> bool:
    """Each has exactly so many signatures and all verify."""
    return all(_verified(message, keys, signatures) for message in messages)


def _verified(message: bytes, keys: Mapping[str, bytes], signatures: int) -> bool:
    if sum(name.lower() == b"dkim-signature" for name, _ in dkim.DKIM(message).headers) != signatures:
        return False
    return all(
        dkim.DKIM(message).verify(idx=at, dnsfunc=lambda name, timeout=5: keys[name.decode().rstrip(".")])
        for at in range(signatures)
    )


def different(messages: list[bytes]) -> bool:
    """No two have the same body, nor the same headers apart from those that a relay adds."""
    return len({dkim.DKIM(message).body for message in messages}) == len(messages)


def _as_sent(dump: bytes) -> bytes:
    """The message out of smtp-sink's dump: without its X- lines and its own Received, with CRLF."""
    lines = dump.replace(b"\r\n", b"\n").removesuffix(b"\n").split(b"\n")
    while lines[0].startswith((b"X-", b"\t")):
        del lines[0]
    del lines[0]  # the sink's Received, and its folded rest
    while lines[0].startswith((b"\t", b" ")):
        del lines[0]
    return b"\r\n".join(lines)


def unsigned(message: bytes) -> bytes:
    signed = dkim.DKIM(message)
    kept = [name + b":" + value for name, value in signed.headers if name.lower() != b"dkim-signature"]
    return b"".join(kept) + b"\r\n" + signed.body
