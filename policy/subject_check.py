"""Whether a subject is nearly one that inboxes have seen: Gmail then goes on showing the first (PRODUCT K2).

Pure. Asked by admin where a message is written. A changed space, case or letter does not help; an added character does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable


def seen_before(subject: str, seen: Iterable[str]) -> str | None:
    """The one it equals or nearly equals."""
    wanted = _bare(subject)
    return next((one for one in seen if wanted and _near(wanted, _bare(one))), None)


def _bare(subject: str) -> str:
    return re.sub(r"\s+", "", subject).casefold()


def _near(one: str, other: str) -> bool:
    """Equal, or as long and with one letter changed or two beside each other swapped."""
    if len(one) != len(other):
        return False
    differing = [at for at, (left, right) in enumerate(zip(one, other, strict=True)) if left != right]
    if len(differing) < 2:
        return True
    first, second = differing[0], differing[-1]
    return len(differing) == 2 and second == first + 1 and one[first] == other[second] and one[second] == other[first]
