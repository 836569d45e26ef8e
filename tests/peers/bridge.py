"""The network that the machines of the deployment test are on: a bridge, one /24, outward DNS and web alone.

Nothing that a machine sends as mail can leave this host: forwarding between the bridge and the outside is cut to DNS
and tcp 80 and 443, which installing packages needs. One run of the tests has it at a time; another waits.
A run that was killed leaves the file of its lock, which says what forwarding was before; the next one puts that back.
Needs root, iproute2 and nftables. Linux alone.
"""

from __future__ import annotations

import fcntl
import subprocess
from pathlib import Path
from typing import Final, TextIO

NAME: Final = "mailloft0"
PREFIX: Final = "10.213.78"
HOST: Final = f"{PREFIX}.1"
_HELD: Final = Path("/run/lock/mailloft-deploy")
_FORWARD: Final = Path("/proc/sys/net/ipv4/ip_forward")
_RULES: Final = """
table ip {name}
delete table ip {name}
table ip {name} {{
  chain forward {{
    type filter hook forward priority filter - 5; policy accept;
    iifname "{name}" tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu
    iifname "{name}" oifname "{name}" accept
    oifname "{name}" ct state established,related accept
    iifname "{name}" udp dport 53 accept
    iifname "{name}" tcp dport {{ 53, 80, 443 }} accept
    iifname "{name}" reject with icmp type admin-prohibited
    oifname "{name}" drop
  }}
  chain postrouting {{
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr {prefix}.0/24 ip daddr != {prefix}.0/24 masquerade
  }}
}}
"""


def run(*words: str, feed: str | None = None, within: float = 120) -> str:
    """What a command of the host printed. CalledProcessError with its words."""
    done = subprocess.run(words, input=feed, capture_output=True, text=True, timeout=within, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


class Bridge:
    """Up while the object is: `mtu` is what its machines must use."""

    def __init__(self) -> None:
        self._held = _HELD.open("a+")
        fcntl.flock(self._held, fcntl.LOCK_EX)
        self.mtu = _outward_mtu()
        self._forwarded = _forwarded_before(self._held)
        _remove()
        run("ip", "link", "add", NAME, "type", "bridge")
        run("ip", "addr", "add", f"{HOST}/24", "dev", NAME)
        run("ip", "link", "set", NAME, "mtu", str(self.mtu), "up")
        run("nft", "-f", "-", feed=_RULES.format(name=NAME, prefix=PREFIX))
        _FORWARD.write_text("1")

    def down(self) -> None:
        _remove()
        _FORWARD.write_text(self._forwarded)
        self._held.truncate(0)
        self._held.close()


def _forwarded_before(held: TextIO) -> str:
    """What forwarding is without any run; kept in `held` until that is so again."""
    held.seek(0)
    before = held.read()
    if not before:
        before = _FORWARD.read_text()
        held.write(before)
        held.flush()
    return before


def _remove() -> None:
    for words in (("ip", "link", "del", NAME), ("nft", "delete", "table", "ip", NAME)):
        subprocess.run(words, capture_output=True, timeout=30, check=False)


def _outward_mtu() -> int:
    """Of the way out: with a larger one inside, downloads hang without an error."""
    words = run("ip", "-o", "route", "get", "192.0.2.254").split()
    device = words[words.index("dev") + 1]
    return int(Path(f"/sys/class/net/{device}/mtu").read_text())
