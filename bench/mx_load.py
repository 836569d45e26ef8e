"""Who waits for whom at our MX: idle STARTTLS sessions, slow senders, a large signed mail, blanks without end.

`make bench NAME=mx_load ARGS="idle slow rounds"`: what the idle sessions cost, how long a good sender takes alone and
beside the slow and the idle ones, and how long the loop stood still while the hostile mails were judged (a connection
that says NOOP all the time, compared with what it sees in quiet). No peer: the bars are those of the appliance.
"""

from __future__ import annotations

import resource
import shutil
import ssl
import statistics
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from measure.report import finish, load, scratch
from measure.slow_disk import arguments
from peers import mx_load
from peers.appliance import Appliance
from peers.names import Names, record

OCTETS: Final = 25_000_000
BLANKS: Final = 20_000
TRIES: Final = 5
_SETTINGS: Final = """\
[server]
hostname = "mx.bench.test"
[dns]
servers = ["{resolver}"]
[limits]
connections_per_peer = 10000
connections_per_network = 10000
connection_rate = "10000000/min"
network_connection_rate = "10000000/min"
"""


def main(idle: int, slow: int, rounds: int) -> int:
    resource.setrlimit(resource.RLIMIT_NOFILE, (2 * (idle + slow) + 1000, 2 * (idle + slow) + 1000))
    folder = scratch()
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        large, key = mx_load.signed("remote.test", OCTETS)
        names = Names(folder / "names", [dict(record(f"{mx_load.SELECTOR}._domainkey.remote.test", "TXT", key))])
        stack.callback(names.stop)
        ours = _appliance(folder / "ours", names.listening)
        stack.callback(ours.stop)
        port = int(ours.ready["mx"])
        mx_load.round_trips(port, rounds)  # warm
        good = {"alone": _ms(port, rounds)}
        with mx_load.slow_senders(port, slow):
            good[f"beside {slow} slow"] = _ms(port, rounds)
            before = mx_load.pss_kib(ours.pid_of("mx"))
            with mx_load.idle_sessions(port, ssl.create_default_context(cafile=ours.ready["ca"]), idle):
                idle_mb = (mx_load.pss_kib(ours.pid_of("mx")) - before) / 1024
                good[f"beside {slow} slow and {idle} idle"] = _ms(port, rounds)
        with mx_load.peak_mb(ours.pid_of("mx")) as grown:
            assert mx_load.taken(port, large)
        stalls = _stalls(port, large, rounds)
        worst = good[f"beside {slow} slow and {idle} idle"]
        return finish({
            "bench": "mx_load",
            "ours": {
                "good_sender_ms": good, "stall_ms": stalls, "idle_sessions_mb": idle_mb, "large_peak_mb": grown[0],
            },
            "peers": {}, "ratios": {}, "load": load(), "not_measured": {},
            "checks": {
                f"{idle} idle STARTTLS sessions take less than {idle / 20:g} MB": idle_mb < idle / 20,
                "a good sender takes at most twice as long": worst <= 2 * good["alone"],
                "a large signed mail holds others up by at most 50 ms": stalls["large"] - stalls["quiet"] <= 50,
                "blanks without end hold others up by at most 50 ms": stalls["blanks"] - stalls["quiet"] <= 50,
            },
        })  # fmt: skip


def _appliance(folder: Path, resolver: str) -> Appliance:
    made = Appliance(folder, _SETTINGS.format(resolver=resolver))
    made.start()
    with made.api() as operator:
        project = operator.post("/projects", json={"name": "bench", "campaigns_allowed": True}).json()
        named = {"project": "bench"}
        operator.post("/domains", params=named, json={"name": "ours.test"}).raise_for_status()
        states = {"owned": True, "linked": True}
        operator.patch("/domains/ours.test", params=named, json=states).raise_for_status()
        with made.api(project["api_key"]) as api:
            api.post("/mailboxes", json={"address": "ann@ours.test"}).raise_for_status()
    return made


def _ms(port: int, rounds: int) -> float:
    return round(1000 * statistics.median(mx_load.round_trips(port, rounds)), 2)


def _stalls(port: int, large: bytes, rounds: int) -> dict[str, float]:
    """The median of some tries: one look at a busy machine says little."""
    mails = {"large": large, "blanks": mx_load.with_blanks(large, BLANKS)}
    found: dict[str, list[float]] = {"quiet": [], **{name: [] for name in mails}}
    for _ in range(TRIES):
        with mx_load.Ticker(port) as ticker:
            mx_load.round_trips(port, rounds)
        found["quiet"].append(ticker.longest)
        for name, mail in mails.items():
            with mx_load.Ticker(port) as ticker:
                assert mx_load.taken(port, mail)
            found[name].append(ticker.longest)
    return {name: round(1000 * statistics.median(kept), 1) for name, kept in found.items()}


if __name__ == "__main__":
    sys.exit(main(*arguments(2_000, 200, 50)))
