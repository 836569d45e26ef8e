"""How long a fault lasts that a test makes: short in the CI, whole with `make faults`."""

from __future__ import annotations

import os
from typing import Final

WHOLE: Final = os.environ.get("MAILLOFT_WHOLE_OUTAGES") == "1"
DATABASE: Final = 30.0 if WHOLE else 7.0  # seconds; longer than a heartbeat of these tests
NAMES: Final = 60.0 if WHOLE else 2.0
DISK: Final = 30.0 if WHOLE else 3.0
LIMIT: Final = 400 if WHOLE else 100  # seconds that such a test may take
