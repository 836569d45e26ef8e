"""What a domain name looks like where a stranger wrote it: labels of letters, digits, hyphens, underscores.

Pure. For tags of DKIM, rows of reports, and whatever else goes into a question, a header or a row.
"""

from __future__ import annotations

import re
from typing import Final

_NAME: Final = re.compile(r"(?=.{1,253}\Z)[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*")


def is_host_name(text: str) -> bool:
    """In lower case, A-labels, without a final dot; a single label too."""
    return _NAME.fullmatch(text) is not None
