"""Submitted messages too large to be read with the others: each when its connection asks for it, signed in one pass.

On a thread of its own, one message after the other, so that one at a time is in memory whole; what then goes out is
read from its file again, a block at a time (net/smtp_content.py), however slowly its host takes it. Raises
Uncomposable; and whatever a database or a disk raises, after which the row may be tried again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial

from mta.outbound.compose import Composer, Kept, Recipe, Uncomposable
from mta.outbound.job import Job
from net.smtp_connection import Message
from net.smtp_content import BLOCK, Content, Large, Traits, traits_of
from role.context import Context
from store import outgoing


class LargeMail:
    def __init__(self, context: Context, composer: Composer) -> None:
        self._context = context
        self._composer = composer
        self._thread = ThreadPoolExecutor(1, "large-mail")

    async def made(self, job: Job, kept: Kept, now: datetime) -> Message:
        loop = asyncio.get_running_loop()
        content = await loop.run_in_executor(self._thread, self._content, job.recipe, kept, now)
        return self._composer.reverse_path(job.recipe, job.row), str(job.forward), content

    def _content(self, recipe: Recipe, kept: Kept, now: datetime) -> Content:
        try:
            content = self._read(kept)
            signatures = recipe.signer.sign(content, now) if recipe.signer else b""
        except (ValueError, FileNotFoundError) as error:
            raise Uncomposable(f"message {kept.message_id}: {error}") from error
        ending = b"" if content.endswith(b"\r\n") else b"\r\n"
        if kept.file is None:
            return signatures + content + ending
        about = traits_of(content)
        size = len(signatures) + about.size + len(ending)
        traits = Traits(size, about.eight_bit, about.header_eight_bit, about.smuggles)
        return Large(traits, partial(self._blocks, signatures, kept.file, ending))

    def _read(self, kept: Kept) -> bytes:
        if kept.file is not None:
            return self._context.spool.get(None, kept.file)
        with self._context.stores.core.database.read() as core:
            found = outgoing.octets(core, kept.message_id)
        if found is None:
            raise ValueError("it is gone")
        return found

    def _blocks(self, signatures: bytes, file: str, ending: bytes) -> Iterator[bytes]:
        if signatures:
            yield signatures
        yield from self._context.spool.blocks(file, BLOCK)
        if ending:
            yield ending
