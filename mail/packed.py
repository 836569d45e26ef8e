"""Unpacks what a stranger attached: gzip, zip or neither, one layer, never beyond a limit (SECURITY row 14).

Pure. For the reports that others send (mail/report_read). Raises PackedError for bombs, for archives in archives and
for what is broken; it never holds more than LARGEST octets of the result.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import Final

LARGEST: Final = 32 * 1024 * 1024  # octets unpacked; the largest honest reports have 10 MB
_ENTRIES: Final = 20
_GZIP: Final = b"\x1f\x8b"
_ZIP: Final = b"PK\x03\x04"
_KNOWN: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class PackedError(ValueError):
    """Why it was not unpacked."""


def unpacked(octets: bytes) -> bytes:
    """The one file inside; `octets` themselves where they are not packed."""
    if octets.startswith(_GZIP):
        found = _gunzipped(octets)
    elif octets.startswith(_ZIP):
        found = _unzipped(octets)
    else:
        found = octets
    if len(found) > LARGEST:
        raise PackedError(f"more than {LARGEST} octets unpacked")
    if found is not octets and found.startswith((_GZIP, _ZIP)):
        raise PackedError("an archive inside an archive")
    return found


def _gunzipped(octets: bytes) -> bytes:
    reader = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        found = reader.decompress(octets, LARGEST + 1)
    except zlib.error as error:
        raise PackedError("broken gzip") from error
    if len(found) <= LARGEST and not reader.eof:
        raise PackedError("gzip without its end")
    return found


def _unzipped(octets: bytes) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(octets)) as archive:
            entries = [one for one in archive.infolist()[:_ENTRIES] if not one.is_dir()]
            if len(entries) != 1 or entries[0].compress_type not in _KNOWN:
                raise PackedError("a zip that does not hold one plain file")
            # What the directory says of sizes is a stranger's word; only what comes out counts.
            with archive.open(entries[0]) as file:
                return file.read(LARGEST + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise PackedError("broken zip") from error
