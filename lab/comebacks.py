"""What comes back after a mail was taken, by its kind; as whole mails.

Pure. lab/postman.py sends what `composed` returns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from lab.correspondence import away, reply
from lab.occasion import Mail, Occasion
from lab.reports import complaint, delay, failure
from lab.tempers import Comeback

_COMPOSERS: Final[Mapping[Comeback, Callable[[Occasion], Mail]]] = {
    Comeback.DSN: failure,
    Comeback.DELAY: delay,
    Comeback.COMPLAINT: complaint,
    Comeback.REPLY: reply,
    Comeback.AWAY: away,
}


def composed(comeback: Comeback, occasion: Occasion) -> Mail:
    """The mail for this occasion. A letter has no occasion: lab/correspondence.py makes it alone."""
    return _COMPOSERS[comeback](occasion)
