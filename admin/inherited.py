"""The listening sockets that systemd opened for a unit (sd_listen_fds(3)), by the names of its socket units.

Read once, at the start of `mailloft role`. Raises PortError, which names the socket that is missing and the mend.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from typing import Final

from admin.ports import PortError

_FIRST: Final = 3  # SD_LISTEN_FDS_START


def inherited(wanted: Sequence[str], environment: Mapping[str, str]) -> dict[str, socket.socket]:
    """The sockets named `wanted`, which are FileDescriptorName= of the .socket units. Raises PortError."""
    found = _passed(environment)
    missing = [name for name in wanted if name not in found]
    if missing:
        raise PortError(
            f"no socket named {', '.join(missing)} was passed to this process. Start the role by its unit "
            f"(`systemctl start`), whose Sockets= names the .socket unit; `mailloft up` opens its own."
        )
    for name in found.keys() - set(wanted):
        os.close(found[name])
    return {name: socket.socket(fileno=found[name]) for name in wanted}


def _passed(environment: Mapping[str, str]) -> dict[str, int]:
    """Descriptors by name; empty where they were meant for another process or there are none."""
    if environment.get("LISTEN_PID") != str(os.getpid()):
        return {}
    count = int(environment.get("LISTEN_FDS", "0"))
    names = environment.get("LISTEN_FDNAMES", "").split(":")
    descriptors = range(_FIRST, _FIRST + count)
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
    return dict(zip(names, descriptors, strict=False))
