"""OpenDKIM as the second opinion on our signatures: its filter in test mode, with the keys handed to it as DNS data."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from peers import need


def verdicts(message: bytes, txt_records: Mapping[str, str], folder: Path) -> dict[str, str]:
    """What OpenDKIM says of each signature: {"rsa-sha256": "pass", ...}. `folder` is scratch.

    `txt_records`: the keys by their full names, "s1._domainkey.sample.test".
    """
    program = need.program("opendkim", "opendkim")
    (folder / "keys").write_text("".join(f"{name.rstrip('.')} {value}\n" for name, value in txt_records.items()))
    (folder / "message").write_bytes(message)
    (folder / "opendkim.conf").write_text(f"Mode v\nSyslog no\nTestDNSData file:{folder / 'keys'}\n")
    command = [program, "-x", folder / "opendkim.conf", "-vv", "-t", folder / "message"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {algorithm: result for result, algorithm in re.findall(r"dkim=(\w+)[^;]*? header\.a=([\w-]+)", said)}
