"""The lab's name server answers from its zone file as it is now, over real sockets."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dns.flags
import dns.message
import dns.query
import dns.resolver
import pytest

from lab.tether import tied_environment
from lab.zone import Fault, Record, Sheet, write_zone

LONG = "v=DKIM1; k=rsa; p=" + "MIIB" * 120

RECORDS = (
    Record("example.test", "MX", "10 mx.example.test."),
    Record("mx.example.test", "A", "127.0.0.9"),
    Record("mx.example.test", "AAAA", "::9"),
    Record("www.example.test.", "CNAME", "mx.example.test"),
    Record("s1._domainkey.example.test", "TXT", LONG),
    Record("example.test", "TXT", 'v=spf1 ip4:127.0.0.9 -all; say "hi"'),
    Record("9.0.0.127.in-addr.arpa", "PTR", "mx.example.test."),
    Record("example.test", "NS", "ns.example.test."),
    Record("example.test", "CAA", '0 issue "ca.test"'),
    Record("_25._tcp.mx.example.test", "TLSA", "3 1 1 " + "ab" * 32),
    Record("_imaps._tcp.example.test", "SRV", "0 1 993 mx.example.test."),
)

Ask = Callable[[str, str], list[str]]


@pytest.fixture
def zone(tmp_path: Path) -> Path:
    path = tmp_path / "zone.json"
    write_zone(path, Sheet(RECORDS, {"broken.test": Fault.SERVFAIL, "mute.test": Fault.TIMEOUT}))
    return path


@pytest.fixture
def port(zone: Path) -> Iterator[int]:
    command = [sys.executable, "-m", "lab.nameserver", "--zone", str(zone), "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=tied_environment()) as process:
        assert process.stdout is not None
        yield int(json.loads(process.stdout.readline())["listening"].rpartition(":")[2])
        process.terminate()


@pytest.fixture
def ask(port: int) -> Ask:
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], port
    return lambda name, kind: [record.to_text() for record in resolver.resolve(name, kind, lifetime=2)]


@pytest.mark.parametrize(
    ("name", "kind", "answer"),
    [
        ("example.test", "MX", "10 mx.example.test."),
        ("EXAMPLE.test", "MX", "10 mx.example.test."),
        ("mx.example.test", "A", "127.0.0.9"),
        ("mx.example.test", "AAAA", "::9"),
        ("www.example.test", "A", "127.0.0.9"),
        ("9.0.0.127.in-addr.arpa", "PTR", "mx.example.test."),
        ("example.test", "NS", "ns.example.test."),
        ("example.test", "CAA", '0 issue "ca.test"'),
        ("_25._tcp.mx.example.test", "TLSA", "3 1 1 " + "ab" * 32),
        ("_imaps._tcp.example.test", "SRV", "0 1 993 mx.example.test."),
        ("example.test", "TXT", '"v=spf1 ip4:127.0.0.9 -all; say \\"hi\\""'),
    ],
)
def test_each_type_is_served(ask: Ask, name: str, kind: str, answer: str) -> None:
    assert ask(name, kind) == [answer]


def test_long_text_comes_whole_in_strings_of_255(ask: Ask) -> None:
    strings = ask("s1._domainkey.example.test", "TXT")[0].strip('"').split('" "')
    assert "".join(strings) == LONG
    assert [len(one) for one in strings] == [255, len(LONG) - 255]


def test_other_names_do_not_exist_and_other_types_have_no_data(ask: Ask) -> None:
    with pytest.raises(dns.resolver.NXDOMAIN):
        ask("nowhere.test", "A")
    with pytest.raises(dns.resolver.NoAnswer):
        ask("mx.example.test", "MX")
    with pytest.raises(dns.resolver.NoAnswer):  # an empty non-terminal exists (RFC 8020)
        ask("_domainkey.example.test", "A")


def test_faulty_names_fail_as_told(ask: Ask) -> None:
    with pytest.raises(dns.resolver.NoNameservers, match="SERVFAIL"):
        ask("broken.test", "A")
    with pytest.raises(dns.resolver.LifetimeTimeout):
        ask("mute.test", "A")


def test_an_answer_too_big_for_a_datagram_is_truncated_and_whole_over_tcp(zone: Path, port: int) -> None:
    write_zone(zone, Sheet((Record("big.test", "TXT", "x" * 2000),)))
    question = dns.message.make_query("big.test", "TXT")
    small = dns.query.udp(question, "127.0.0.1", port=port, timeout=2)
    assert small.flags & dns.flags.TC and not small.answer
    assert len(dns.query.tcp(question, "127.0.0.1", port=port, timeout=2).answer) == 1
    question.use_edns(payload=4096)
    assert len(dns.query.udp(question, "127.0.0.1", port=port, timeout=2).answer) == 1


def test_a_changed_zone_counts_at_once_and_a_broken_one_never(zone: Path, ask: Ask) -> None:
    write_zone(zone, Sheet((Record("mx.example.test", "A", "127.0.0.77"),)))
    assert ask("mx.example.test", "A") == ["127.0.0.77"]
    zone.write_text('{"records": [{"host": "mx.example.test", "type": "A", "value": "no address"}]}')
    assert ask("mx.example.test", "A") == ["127.0.0.77"]


def test_it_ends_with_its_parent(zone: Path) -> None:
    parent = (
        "import subprocess, sys; from lab.tether import tied_environment; "
        f"subprocess.Popen([sys.executable, '-m', 'lab.nameserver', '--zone', {str(zone)!r}], "
        "env=tied_environment()); sys.stdin.read()"
    )
    command = [sys.executable, "-c", parent]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as killed:
        assert killed.stdout is not None
        assert json.loads(killed.stdout.readline())["listening"]
        killed.kill()
        assert killed.stdout.read() == b""  # the child held the pipe; its end is the child's end


def test_a_zone_that_cannot_be_served_names_record_and_file(tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_text('{"records": [{"host": "a.test", "type": "WKS", "value": "x"}]}')
    command = [sys.executable, "-m", "lab.nameserver", "--zone", str(path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert str(path) in ended.stderr and "a.test WKS" in ended.stderr


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("pause", [0.0, 0.0005, 0.003])
def test_it_ends_in_silence_however_often_it_is_told(zone: Path, first: signal.Signals, pause: float) -> None:
    command = [sys.executable, "-m", "lab.nameserver", "--zone", str(zone), "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=tied_environment()) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.2)
        process.send_signal(first)
        for _ in range(3):
            time.sleep(pause)
            process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=20)[1] == b""
        assert process.returncode == 0
