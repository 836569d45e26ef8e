"""`mailloft up`: one line with everything, the same at every start; a parent that keeps its children."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from peers.appliance import PROGRAM, Appliance
from peers.loopback import answers, wait_until

Start = Callable[..., Appliance]
KEYS = {
    "mx", "submission", "submissions", "imap", "imaps", "admin", "metrics", "ca", "operator", "api_key", "dns",
}  # fmt: skip
PROCESSES = {"mx", "submission", "sender-1", "sender-2", "sorter", "imap-1", "imap-2", "admin", "clock"}
QUICK = 6.0  # seconds, CONTRACTS.md


def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """`mailloft up` that is expected to refuse."""
    return subprocess.run(
        [PROGRAM, "up", "--json", *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={**os.environ, **environment},
    )


def lived(made: Appliance) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{made.pid}/task/{made.pid}/children").read_text().split()]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    """One for all tests that leave it as it was."""
    made = Appliance(tmp_path_factory.mktemp("plain"))
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def sampled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    """The same with the sample."""
    made = Appliance(tmp_path_factory.mktemp("sampled"), "", "--sample")
    made.start()
    yield made
    made.stop()


def test_the_line_names_every_port_and_one_metrics_port_a_process(plain: Appliance) -> None:
    ready = plain.ready
    assert set(ready) == KEYS
    assert set(ready["metrics"]) == PROCESSES
    assert ready["dns"] is None
    assert all(answers("127.0.0.1", ready[name]) for name in ("mx", "submission", "submissions", "imap", "imaps"))


@pytest.mark.alone
def test_the_second_start_prints_the_same_and_answers_within_six_seconds(appliance: Start) -> None:
    made = appliance("", "--sample")
    first = made.ready
    made.stop()
    begun = time.monotonic()
    second = made.start()
    took = time.monotonic() - begun
    assert second == first
    assert made.api().get("/health").json() == {"status": "ok"}
    assert took < QUICK, f"{took:.1f} s"


def test_what_is_secret_is_for_its_owner_alone(sampled: Appliance) -> None:
    assert sampled.folder.stat().st_mode & 0o077 == 0
    assert {
        file.name: file.stat().st_mode & 0o077 for file in sampled.folder.iterdir() if file.stat().st_mode & 0o077
    } == {}


def test_a_second_up_on_the_same_dir_is_refused_by_name(plain: Appliance) -> None:
    refused = run("--dir", plain.folder)
    assert refused.returncode == 1
    assert str(plain.folder) in refused.stderr
    assert f"process {plain.pid}" in refused.stderr
    assert refused.stdout == ""
    assert plain.api().get("/health").is_success


def test_a_port_that_is_taken_is_told_with_section_port_and_mend(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        refused = run("--dir", tmp_path / "dir", MAILLOFT_SUBMISSION__TLS_PORT=str(port))
    assert refused.returncode == 1
    assert f"[submission] tls_port: cannot listen on 127.0.0.1 port {port}" in refused.stderr
    assert "Stop that program" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_an_unknown_key_is_told_with_the_file(tmp_path: Path) -> None:
    file = tmp_path / "mailloft.toml"
    file.write_text("[outbound]\nprot = 25\n")
    refused = run("--dir", tmp_path / "dir", "--config", file)
    assert refused.returncode == 1
    assert str(file) in refused.stderr
    assert "prot" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (tmp_path / "dir").exists()


def test_a_dead_child_is_started_again_on_its_port(plain: Appliance) -> None:
    for name in ("admin", "clock", "imap-1"):
        before = plain.pid_of(name)
        os.kill(before, signal.SIGKILL)
        wait_until(lambda name=name, before=before: plain.pid_of(name) not in (0, before), f"{name} is back", 15)  # type: ignore[misc]  # bound by default
    assert plain.api().get("/health").json() == {"status": "ok"}


def test_kill_9_of_the_parent_ends_its_children_and_the_next_start_goes_on(appliance: Start) -> None:
    made = appliance("", "--sample")
    first = made.ready
    made.kill_parent()
    assert made.start() == first


def test_sigterm_leaves_nobody_behind(appliance: Start) -> None:
    made = appliance("", "--sample")
    children = lived(made)
    assert len(children) == len(PROCESSES) + 1  # and the name server
    begun = time.monotonic()
    made.stop()
    assert time.monotonic() - begun < 10
    assert not any(Path(f"/proc/{pid}").exists() for pid in children)


def test_every_process_has_metrics_and_says_that_it_lives(plain: Appliance) -> None:
    for name, url in plain.ready["metrics"].items():
        with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=10) as asked:
            asked.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
            assert b" 200 " in asked.makefile("rb").readline(), name


def test_without_json_a_person_gets_lines_to_paste(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [PROGRAM, "up", "--sample", "--dir", tmp_path / "dir"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        said = []
        for line in process.stdout:
            said.append(line)
            if line.startswith("Ctrl-C"):
                break
    finally:
        process.terminate()
        assert process.wait(10) == 0
        process.stdout.close()
    text = "".join(said)
    assert "swaks --server 127.0.0.1:" in text
    assert "IMAP 127.0.0.1, port" in text


def test_the_sample_is_in_the_line_and_its_key_works(sampled: Appliance) -> None:
    sample: dict[str, Any] = sampled.ready["sample"]
    assert set(sample) == {"project", "api_key", "mailboxes", "connection"}
    assert [one["login"] for one in sample["mailboxes"]] == ["ann@sample.test", "bob@sample.test"]
    domain = sampled.api(sample["api_key"]).get("/domains/sample.test").json()
    assert (domain["owned"], domain["sending"], domain["linked"]) == (True, True, True)
    assert json.loads((sampled.folder / "sample-zone.json").read_text())["records"]


def test_a_sample_whose_first_start_was_killed_half_way_is_made_whole(appliance: Start) -> None:
    made = appliance("", "--sample")
    made.stop()
    kept = json.loads((made.folder / "keepsakes.json").read_text())
    kept["sample"] = None
    (made.folder / "keepsakes.json").write_text(json.dumps(kept))
    sample = made.start()["sample"]
    assert made.api(sample["api_key"]).get("/mailboxes").json()["items"][0]["address"] == "ann@sample.test"


@pytest.mark.parametrize("hurt", ["server.key", "keepsakes.json"])
def test_a_damaged_file_is_named(appliance: Start, hurt: str) -> None:
    made = appliance()
    made.stop()
    if hurt == "keepsakes.json":
        (made.folder / hurt).write_text("{")
        refused = run("--dir", made.folder)
        assert refused.returncode == 1
        assert f"{made.folder / hurt}: cannot be read" in refused.stderr
    else:
        (made.folder / hurt).unlink()
        made.start()
        assert made.api().get("/health").is_success
