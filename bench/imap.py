"""A large mailbox over IMAP: ours as shipped against Debian's Dovecot (sdbox, no full-text index), both durable.

50,000 mails of 8 kB on both sides, the same; then, alternating: SELECT, FETCH of flags, of envelopes and of bodies,
SEARCH by subject and by text, APPEND one at a time; 20 clients at once on 10 accounts, who keep books of every mail;
and 500 sessions under TLS in IDLE that hear of a new mail.
`make bench NAME=imap ARGS="mails pairs sessions seconds"`, the seconds those of the 20 clients (--slow-fsync: all fsync
2 ms slower).
"""

from __future__ import annotations

import re
import shutil
import ssl
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

from measure.imap_talk import ImapTalk
from measure.mails import RARE_SUBJECT, RARE_WORD, mail
from measure.processes import cpu_seconds, memory_mb
from measure.report import finish, fsync_ms, load, scratch
from measure.slow_disk import arguments
from peers.appliance import Appliance
from peers.dovecot import Dovecot
from peers.imap_stress import Account, stressed

LOGIN: Final = "ann@sample.test"
SETTINGS: Final = "[imap]\nplaintext_login = true\n[limits]\nconnections_per_peer = 3000\n"
BODIES: Final = 5000
APPENDS: Final = 500
CLIENTS: Final = 20
PEOPLE: Final = 10
APPENDED_TO: Final = "bench"
_BATCH: Final = 50
_UID: Final = re.compile(rb"UID ([0-9]+)")


@dataclass(frozen=True, slots=True)
class Side:
    """`pids`: whose CPU counts; `memory`: whose memory does."""

    name: str
    imap: int
    imaps: int
    password: str
    pids: tuple[int, ...]
    memory: tuple[int, ...]

    def talk(self, tls: ssl.SSLContext | None = None) -> ImapTalk:
        return ImapTalk(self.imap if tls is None else self.imaps, LOGIN, self.password, tls)

    def cpu_s(self) -> float:
        return sum(map(cpu_seconds, self.pids))


@dataclass(frozen=True, slots=True)
class Task:
    """`bar`: how many times Dovecot's time ours may take. `told` is what both must have said."""

    name: str
    bar: float
    run: Callable[[ImapTalk], bytes]
    told: Callable[[bytes], Any]


def _hits(answer: bytes) -> tuple[int, ...]:
    return tuple(int(word) for word in re.findall(rb"\* SEARCH([ 0-9]*)", answer)[0].split())


def _untagged(answer: bytes) -> int:
    """How many octets but for the tagged line, which each server words in its own way."""
    return answer.rfind(b"\r\n", 0, -2)


def _said(command: bytes) -> Callable[[ImapTalk], bytes]:
    return lambda talk: talk.say(command).octets


def _appended(talk: ImapTalk) -> bytes:
    for number in range(APPENDS):
        octets = mail(1_000_001 + number)
        talk.say(b"APPEND %b {%d+}\r\n%b" % (APPENDED_TO.encode(), len(octets), octets))
    return b""


TASKS: Final = (
    Task("SELECT", 0, _said(b"SELECT INBOX"), lambda said: re.findall(rb"\* ([0-9]+) EXISTS", said)),
    Task("FETCH 1:* (FLAGS)", 4, _said(b"FETCH 1:* (FLAGS)"), lambda said: said.count(b" FETCH (FLAGS (")),
    Task(
        "FETCH 1:* (UID FLAGS ENVELOPE)", 1, _said(b"FETCH 1:* (UID FLAGS ENVELOPE)"),
        lambda said: (len(_UID.findall(said)), said.count(b"ENVELOPE (")),
    ),
    Task("UID SEARCH SUBJECT", 3, _said(f"UID SEARCH SUBJECT {RARE_SUBJECT}".encode()), _hits),
    Task("UID SEARCH TEXT", 0.25, _said(f"UID SEARCH TEXT {RARE_WORD.lower()}".encode()), _hits),
    Task(f"FETCH 1:{BODIES} (BODY.PEEK[])", 4, _said(b"FETCH 1:%d (BODY.PEEK[])" % BODIES), _untagged),
    Task(f"APPEND x {APPENDS}", 3, _appended, len),
)  # fmt: skip


def main(mails: int, pairs: int, sessions: int, seconds: int) -> int:
    folder = scratch()
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        appliance = Appliance(folder / "ours", SETTINGS, "--sample")
        ready = appliance.start()
        stack.callback(appliance.stop)
        kept = appliance.folder
        dovecot = Dovecot(folder / "dovecot", kept / "server.pem", kept / "server.key")
        stack.callback(dovecot.stop)
        ann = next(one for one in ready["sample"]["mailboxes"] if one["login"] == LOGIN)
        ours = Side(
            "ours",
            ready["imap"],
            ready["imaps"],
            ann["password"],
            (appliance.pid,),
            (appliance.pid_of("imap-1"), appliance.pid_of("imap-2")),
        )
        peer = Side("dovecot", dovecot.imap, dovecot.imaps, dovecot.password(LOGIN), dovecot.pids, dovecot.pids)
        for side in (peer, ours):
            _fill(side, mails)
        figures, checks = _measured(ours, peer, pairs)
        trust = ssl.create_default_context(cafile=ready["ca"])
        people = [f"person{number}@sample.test" for number in range(PEOPLE)]
        secrets = {login: _mailbox(appliance, login) for login in people}
        accounts = {
            "dovecot": [Account(dovecot.imap, login, dovecot.password(login)) for login in people],
            "ours": [Account(ready["imap"], login, secrets[login]) for login in people],
        }
        stress = _stressed(accounts, pairs, seconds, checks)
        idle = {side.name: _idled(side, sessions, trust) for side in (peer, ours)} if sessions else {}
        checks |= {
            f"all {sessions} of {name} heard of the mail": one["heard"] == sessions for name, one in idle.items()
        }
        return finish({
            "bench": "imap", "mails": mails, "unit": "s",
            "ours": {task: figure["ours"] for task, figure in figures.items()},
            "peers": {"dovecot": {task: figure["dovecot"] for task, figure in figures.items()}},
            "ratios": {"dovecot": {task: figure["ratio"] for task, figure in figures.items()}},
            "cpu_ratios": {"dovecot": {task: figure["cpu_ratio"] for task, figure in figures.items()}},
            "within": {task: figure["within"] for task, figure in figures.items()},
            "stress": stress, "idle": idle, "fsync_ms": fsync_ms(), "load": load(), "settings": {"ours": SETTINGS},
            "checks": checks,
        })  # fmt: skip


def _mailbox(appliance: Appliance, address: str) -> str:
    """Its generated password."""
    with appliance.api() as operator:
        made = operator.post("/mailboxes", params={"project": "sample"}, json={"address": address})
        return str(made.raise_for_status().json()["password"])


def _stressed(
    accounts: dict[str, list[Account]], pairs: int, seconds: int, checks: dict[str, bool]
) -> dict[str, float | list[int]]:
    """Commands a second of both sides in turns; the driver takes its part of the same cores."""
    rates: dict[str, list[int]] = {name: [] for name in accounts}
    for _ in range(pairs if seconds else 0):
        for name, those in accounts.items():
            rate, wrong = stressed(those, CLIENTS, seconds)
            rates[name].append(rate)
            told = f"{CLIENTS} clients of {name} lost, doubled and misheard nothing"
            checks[told] = checks.get(told, True) and not wrong
            print(f"{name:8} {CLIENTS} clients: {rate} commands/s {wrong[:3]}, load {load()}", flush=True)
    pairs_of = zip(rates["ours"], rates["dovecot"], strict=True)
    return {**rates, "ratio": round(statistics.median(a / b for a, b in pairs_of), 2) if seconds else 0.0}


def _fill(side: Side, mails: int) -> None:
    began = time.monotonic()
    talk = side.talk()
    talk.say(f"CREATE {APPENDED_TO}".encode())
    for start in range(1, mails + 1, _BATCH):
        some = [mail(number) for number in range(start, min(start + _BATCH, mails + 1))]
        literals = b"".join(b" (\\Seen) {%d+}\r\n%b" % (len(octets), octets) for octets in some)
        talk.say(b"APPEND INBOX" + literals)
    talk.close()
    print(f"{side.name:8} filled with {mails} in {time.monotonic() - began:.1f} s, load {load()}", flush=True)


def _measured(ours: Side, peer: Side, pairs: int) -> tuple[dict[str, Any], dict[str, bool]]:
    figures: dict[str, Any] = {}
    checks: dict[str, bool] = {}
    talks = {side.name: side.talk() for side in (peer, ours)}
    for task in TASKS:
        taken: dict[str, list[tuple[float, float]]] = {"ours": [], "dovecot": []}
        for turn in range(pairs + 1):
            told = {}
            for side in (peer, ours):
                spent, began = side.cpu_s(), time.perf_counter()
                answer = task.run(talks[side.name])
                seconds = time.perf_counter() - began
                if turn:  # the first warms caches of both
                    taken[side.name].append((seconds, side.cpu_s() - spent))
                told[side.name] = task.told(answer)
            name = f"{task.name}: both say the same"
            checks[name] = checks.get(name, True) and told["ours"] == told["dovecot"]
        figures[task.name] = _figure(task, taken)
        print(f"{task.name:34} {figures[task.name]}  load {load()}", flush=True)
    return figures, checks


def _figure(task: Task, taken: dict[str, list[tuple[float, float]]]) -> dict[str, Any]:
    mine, theirs = (statistics.median(seconds for seconds, _ in taken[name]) for name in ("ours", "dovecot"))
    ratio = statistics.median(b[0] / a[0] for a, b in zip(taken["ours"], taken["dovecot"], strict=True))
    my_cpu, their_cpu = (statistics.median(cpu for _, cpu in taken[name]) for name in ("ours", "dovecot"))
    within = mine < 0.05 if not task.bar else ratio >= 1 / task.bar
    return {
        "ours": round(mine, 4), "dovecot": round(theirs, 4), "ratio": round(ratio, 2),
        "cpu": (round(my_cpu, 3), round(their_cpu, 3)),
        "cpu_ratio": round(their_cpu / my_cpu, 2) if my_cpu else None, "within": within,
    }  # fmt: skip


def _idled(side: Side, sessions: int, trust: ssl.SSLContext) -> dict[str, Any]:
    """Memory of each session beyond the first, how many heard of a new mail, and when the last of them did."""
    talks = [side.talk(trust)]
    talks[0].say(b"SELECT INBOX")
    before = sum(map(memory_mb, side.memory))
    for _ in range(sessions - 1):
        talks.append(side.talk(trust))
        talks[-1].say(b"SELECT INBOX")
    for talk in talks:
        talk.begin(b"IDLE")
        talk.socket.recv(4096)
    time.sleep(2)
    each = (sum(map(memory_mb, side.memory)) - before) * 1024 / (sessions - 1)
    octets = mail(2_000_001)
    writer = side.talk()
    began = time.perf_counter()
    writer.say(b"APPEND INBOX {%d+}\r\n%b" % (len(octets), octets))
    heard = 0
    for talk in talks:
        talk.socket.settimeout(60)
        said = b""
        while b" EXISTS" not in said and (piece := talk.socket.recv(4096)):
            said += piece
        heard += b" EXISTS" in said
    seconds = time.perf_counter() - began
    for talk in [*talks, writer]:
        talk.close()
    figure = {"kib_each": round(each, 1), "heard": heard, "last_after_s": round(seconds, 3)}
    print(f"{side.name:8} {sessions} sessions in IDLE: {figure}", flush=True)
    return figure


if __name__ == "__main__":
    sys.exit(main(*arguments(50_000, 3, 500, 60)))
