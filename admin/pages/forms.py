"""What a person sent with a form: read within limits, only with the token of the same browser (no CSRF).

A form that failed is shown again with what was typed and the error at its field.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Final

from fastapi import Depends, Request
from starlette.datastructures import UploadFile

from admin.office import Office
from admin.pages.refused_words import told
from admin.refusals import ForbiddenError, InvalidError, RefusedError

COOKIE: Final = "__Host-mailloft"
_FIELDS: Final = 200
_SECRET: Final = ("password", "code", "old", "new_password")  # never written back into a page


@dataclass(frozen=True, slots=True)
class Form:
    """`error` belongs to the field `at`, or to the whole form where that is ""."""

    values: Mapping[str, str] = field(default_factory=dict)
    several: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    error: str = ""
    at: str = ""
    file: UploadFile | None = None

    def get(self, name: str, default: str = "") -> str:
        return self.values.get(name, default)

    def shown(self, name: str, default: str = "") -> str:
        """What an input is filled with: never a secret."""
        return "" if name in _SECRET else self.values.get(name, default)

    def number(self, name: str) -> int:
        """Raises InvalidError naming the field."""
        text = self.get(name).strip()
        if not (text.isascii() and text.isdigit() and len(text) < 16):
            raise InvalidError(f"{name}: choose one")
        return int(text)

    def all(self, name: str) -> tuple[str, ...]:
        return self.several.get(name, ())

    def failed(self, error: RefusedError, fields: Sequence[str] = ()) -> Form:
        """Shown again; an act's words begin with the name of the field that they speak of."""
        words = error.detail
        named = next((one for one in fields if words.lower().startswith(one.replace("_", " "))), None)
        named = named or next((one for one in fields if words.startswith(one)), None)
        at = named or (fields[0] if len(fields) == 1 else "")
        return Form(self.values, self.several, words, at)

    def in_words(self, language: str) -> Form:
        """As the reader is told of its error."""
        return replace(self, error=told(language, self.error)) if self.error else self


def csrf_of(office: Office, cookie: str) -> str:
    """The token that goes with a browser's cookie."""
    return hmac.digest(office.vault.derived("csrf"), cookie.encode(), "sha256").hex()


async def filled(request: Request) -> Form:
    """Raises ForbiddenError where the token is not this browser's."""
    form = await request.form(max_files=1, max_fields=_FIELDS)
    values: dict[str, str] = {}
    several: dict[str, tuple[str, ...]] = {}
    file = None
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            file = value
            continue
        values[name] = value.replace("\r\n", "\n")
        several[name] = (*several.get(name, ()), value)
    office: Office = request.app.state.office
    cookie = request.cookies.get(COOKIE, "")
    given = request.headers.get("x-csrf-token") or values.pop("csrf", "")
    if not cookie or not hmac.compare_digest(csrf_of(office, cookie).encode(), given.encode()):
        raise ForbiddenError("this form is not of this sign-in any more; go back, load the page again, and repeat")
    return Form(values, several, file=file)


Filled = Annotated[Form, Depends(filled)]
