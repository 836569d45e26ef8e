"""One remote mail host in a thread: it keeps what it takes, refuses "gone...", and says what a test wants."""

from __future__ import annotations

from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller

from peers.loopback import free_port


@dataclass(frozen=True, slots=True)
class Took:
    reverse_path: str
    recipients: tuple[str, ...]
    content: bytes

    @property
    def mail(self) -> EmailMessage:
        parsed = message_from_bytes(self.content, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed


class FarHost:
    """`words` are in its greeting and in its refusals."""

    def __init__(self, address: str, words: str) -> None:
        self.port = free_port(address)
        self.took: list[Took] = []
        self._words = words
        self._controller = Controller(self, hostname=address, port=self.port, ident=words)
        self._controller.start()

    def stop(self) -> None:
        self._controller.stop()

    async def handle_RCPT(  # noqa: N802 - aiosmtpd calls it so
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if address.startswith("gone"):
            return f"550 5.1.1 {self._words}"
        envelope.rcpt_tos.append(address)
        return "250 here"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - as above
        self.took.append(Took(envelope.mail_from or "", tuple(envelope.rcpt_tos), bytes(envelope.content)))
        return f"250 {self._words}"

    def to(self, address: str) -> list[Took]:
        return [one for one in self.took if address in one.recipients]
