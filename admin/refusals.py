"""Why an act was not done, as people and programs are told: the API makes problem details of these (RFC 9457).

Raised by admin/acts; the command line prints `detail` and ends with status 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class RefusedError(Exception):
    """`detail` says what and why and the mend; `more` are further members of the problem."""

    status: ClassVar[int] = 400
    title: ClassVar[str] = "Refused"

    def __init__(self, detail: str, more: Mapping[str, Any] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.more = dict(more or {})


class UnknownCallerError(RefusedError):
    status = 401
    title = "Who is asking?"


class ForbiddenError(RefusedError):
    status = 403
    title = "Not allowed"


class NotFoundError(RefusedError):
    status = 404
    title = "Not found"


class ConflictError(RefusedError):
    status = 409
    title = "Not in this state"


class InvalidError(RefusedError):
    status = 422
    title = "Not valid"


class SlowDownError(RefusedError):
    """Too many wrong ones from there; `seconds` until the next is heard."""

    status = 429
    title = "Slow down"

    def __init__(self, seconds: int) -> None:
        super().__init__(f"too many wrong sign-ins from your network; try again in {seconds} seconds")
        self.seconds = seconds
