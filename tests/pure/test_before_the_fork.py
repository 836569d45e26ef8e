"""What the parent of all roles makes ready, so that its children share it: all but a reactor and open files."""

from __future__ import annotations

import subprocess
import sys

LOOK = """
import sys
from admin import roles
roles.preload()
print("twisted.internet.reactor" in sys.modules, "twisted.internet.posixbase" in sys.modules)
"""


def test_what_a_reactor_is_made_of_is_imported_and_no_reactor_made() -> None:
    said = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=True, timeout=60)
    assert said.stdout.split() == ["False", "True"]
