"""How many files one message carries, and how large they are: of a campaign and of an answer, whoever asks for it.

Pure. Raises InvalidError.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from admin.refusals import InvalidError
from mail.attachment import Attachment

FILES: Final = 10
OCTETS: Final = 10 * 1024 * 1024  # of all together; base64 makes a third more of them, and hosts refuse 25 MB


def check_attachments(files: Sequence[Attachment]) -> None:
    if len(files) > FILES:
        raise InvalidError(f"file: at most {FILES} attachments")
    if sum(len(one.content) for one in files) > OCTETS:
        raise InvalidError(f"file: all attachments together may have {OCTETS >> 20} MB")
