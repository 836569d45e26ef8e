"""Files in a request, of a campaign and of an answer: octets in base64. How many there may be says admin/acts."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

from mail.attachment import Attachment


def _decoded(text: object) -> bytes:
    """RFC 4648 base64 without anything else in it; line breaks are allowed."""
    try:
        return base64.b64decode("".join(str(text).split()), validate=True)
    except binascii.Error as error:
        raise ValueError(f"this is no base64: {error}") from error


class AttachmentRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    filename: str | None = None
    content_type: str
    content: Annotated[bytes, BeforeValidator(_decoded)]
    content_id: str | None = None


def attached(files: Sequence[AttachmentRequest]) -> tuple[Attachment, ...]:
    return tuple(Attachment(one.filename, one.content_type, one.content, one.content_id) for one in files)
