"""The command line beside a running appliance: the same acts as the API, --json where something is listed."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from peers.appliance import PROGRAM, Appliance
from peers.loopback import wait_until


class Cli:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [PROGRAM, *words, "--dir", self.folder], capture_output=True, text=True, timeout=60, check=False
        )

    def json(self, *words: str | Path) -> Any:
        done = self.run(*words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def refused(self, *words: str | Path) -> str:
        done = self.run(*words)
        assert done.returncode == 1, done.stdout
        assert "Traceback" not in done.stderr
        return done.stderr


@pytest.fixture
def cli(appliance: Callable[..., Appliance]) -> Cli:
    return Cli(appliance("", "--sample").folder)


def test_a_campaign_is_made_imported_launched_and_traced(cli: Cli, tmp_path: Path) -> None:
    file, page = tmp_path / "clients.csv", tmp_path / "page.html"
    file.write_text("address;name\nann@sample.test;Ann\nbob@sample.test;Bob\nbroken;x\n")
    page.write_text("<p>Hello {{ name }}</p>")
    done = cli.json("import", file, "--list", "readers")
    assert (done["state"], done["rows"], done["added"], done["errors"]) == ("finished", 3, 2, 1)
    words = ("--sender", "ann@sample.test", "--list", "readers", "--subject", "News", "--html", page)
    campaign = str(cli.json("campaign", "add", "first", *words)["id"])
    letter = tmp_path / "letter.md"
    letter.write_text("# Hello {{ name }}")
    cli.json("campaign", "edit", campaign, "--subject", "Later news", "--markdown", letter)
    unnamed = cli.run("campaign", "add", "all", "--sender", "ann@sample.test", "--subject", "x", "--html", page)
    assert "--everyone" in unnamed.stderr
    parts = ("--part-at", "2031-03-04T10:30:00", "--part-at", "2031-03-05T10:30:00")
    whole = ("--sender", "ann@sample.test", "--subject", "All", "--html", page, "--everyone")
    to_all = str(cli.json("campaign", "add", "all", *whole, *parts)["id"])
    assert cli.json("campaign", "show", to_all)["parts"] == 3
    shown = cli.json("campaign", "edit", to_all, "--list", "readers", "--parts", "2", "--part-every", "60")
    assert (shown["name"], shown["parts"]) == ("all", 2)
    cli.json("campaign", "cancel", to_all)
    shown = cli.json("campaign", "preview", campaign, "--client", "bob@sample.test")
    assert (shown["subject"], "<h1>Hello Bob</h1>" in shown["html"]) == ("Later news", True)
    assert cli.json("campaign", "launch", campaign) == {"state": "running"}
    assert "no draft any more" in cli.refused("campaign", "edit", campaign, "--name", "x")
    wait_until(lambda: cli.json("campaign", "show", campaign)["state"] == "finished", "the campaign is finished", 40)
    assert cli.json("campaign", "show", campaign)["counts"]["delivered"] == 2
    events = [event["event"] for event in cli.json("trace", "bob@sample.test")]
    assert events == ["queued", "attempt", "delivered"]
    assert cli.json("queue", "list") == []
    assert cli.json("queue", "qshape") == []


def test_every_noun_is_made_and_listed(cli: Cli) -> None:
    cli.json("project", "add", "shop", "--campaigns")
    mine = ("--project", "shop")
    cli.json("domain", "add", "shop.test", *mine)
    assert cli.json("domain", "set", "shop.test", "--owned", "--sending", *mine)["sending"] is True
    assert [key["state"] for key in cli.json("domain", "keys", "shop.test", *mine)] == ["active"] * 2
    rotated = cli.json("domain", "keys", "shop.test", "--rotate", *mine)
    assert [key["state"] for key in rotated] == ["active"] * 2 + ["published"] * 2
    switched = cli.json("domain", "keys", "shop.test", "--activate", *mine)
    assert [key["state"] for key in switched] == ["retired"] * 2 + ["active"] * 2
    password = cli.json("mailbox", "add", "hello@shop.test", *mine)["password"]
    assert cli.json("mailbox", "password", "hello@shop.test", *mine)["password"] != password
    changed = cli.json("mailbox", "set", "hello@shop.test", "--quota-bytes", "9000", "--adds-writers", *mine)
    assert (changed["quota_bytes"], changed["adds_writers"], changed["adds_cards"]) == (9000, True, False)
    assert cli.json("sender", "add", "hello@shop.test", "--name", "The shop", *mine)["authorised"] is True
    assert cli.json("connection", "add", "site", "--sender", "hello@shop.test", *mine)["state"] == "active"
    cli.json("connection", "add", "codes", "--transactional", "--sender", "hello@shop.test", *mine)
    assert [one["retry"] for one in cli.json("connection", "list", *mine)] == ["submission", "transactional"]
    cli.json("list", "add", "readers", *mine)
    assert cli.json("client", "add", "ann@a.test", "--list", "readers", *mine)["rating"] == 10
    asked = ("--purpose", "receipts", "--volume", "9 a day", "--source", "people who bought")
    waiting = cli.json("connection", "ask", "till", "--sender", "hello@shop.test", *asked, *mine)["id"]
    assert [one["id"] for one in cli.json("connection", "waiting")] == [waiting]
    assert "reason" in cli.refused("connection", "reject", str(waiting), "--reason", " ")
    assert cli.json("connection", "approve", str(waiting))["state"] == "active"
    assert cli.json("connection", "password", "till", *mine)["login"].startswith("smtp-")
    assert cli.json("person", "add", "eve@shop.test", "member", *mine)["role"] == "member"
    assert cli.json("person", "role", "eve@shop.test", "owner", *mine)["role"] == "owner"
    assert len(cli.json("person", "password", "eve@shop.test", *mine)["password"]) > 20
    assert [one["role"] for one in cli.json("person", "list", *mine)] == ["owner"]
    assert cli.json("person", "remove", "eve@shop.test", *mine) == {"removed": "eve@shop.test"}
    assert [one["login"] for one in cli.json("person", "list", "--operators")] == ["operator"]
    assert cli.json("domain", "check", "shop.test", *mine)["by_hand"] is True
    assert cli.json("domain", "follow", "shop.test", *mine)["by_hand"] is False
    assert cli.json("project", "set", "shop", "--no-campaigns")["campaigns_allowed"] is False
    (pool,) = cli.json("pool", "list")
    assert [one["address"] for one in cli.json("ip", "list")] == pool["addresses"]
    assert cli.json("rating", "set", "ann@a.test", "3", *mine)["rating"] == 3
    assert cli.json("rating", "replay", "--dry-run", *mine) == []
    assert cli.json("rating", "check") == []
    (change,) = cli.json("rating", "show", "ann@a.test", *mine)
    assert (change["before"], change["after"], change["cause"]) == (10, 3, "hand")
    answer = ("client", "conversation", "answer", "ann@a.test", "--mailbox", "hello@shop.test", "--key", "k", *mine)
    words = cli.folder / "words.txt"
    words.write_text("Hello")
    told = [cli.json(*answer, "--text", str(words)) for _ in range(2)]
    assert [one["repeated"] for one in told] == [False, True]
    (said,) = cli.json("client", "conversation", "show", "ann@a.test", *mine)["items"]
    assert (said["text"], said["mailbox"]) == ("Hello", "hello@shop.test")
    assert [one["name"] for one in cli.json("project", "list")] == ["sample", "shop"]
    cli.json("alias", "add", "info@shop.test", "hello@shop.test", *mine)
    cli.json("alias", "add", "@shop.test", "shop@elsewhere.test", *mine)
    aliases = {one["address"]: one["target"] for one in cli.json("alias", "list", *mine)}
    assert aliases == {"info@shop.test": "hello@shop.test", "@shop.test": "shop@elsewhere.test"}
    assert "the server reads this address" in cli.refused("alias", "add", "fbl@shop.test", "hello@shop.test", *mine)
    assert "an alias of this address" in cli.refused("mailbox", "add", "info@shop.test", *mine)
    assert cli.json("alias", "remove", "@shop.test", *mine) == {"removed": 1}
    cli.run("mailbox", "allow", "hello@shop.test", "Friend@Else.test", "--project", "shop")
    cli.run("mailbox", "deny", "hello@shop.test", "spam.test", "--refuse", "--project", "shop")
    cli.run("mailbox", "allow", "hello@shop.test", "friend@else.test", "--remove", "--project", "shop")
    (denied,) = cli.json("mailbox", "correspondents", "hello@shop.test", *mine)
    assert (denied["entry"], denied["standing"]) == ("spam.test", "refuse")
    for noun in ("alias", "domain", "mailbox", "sender", "connection", "list", "client"):
        assert len(cli.json(noun, "list", *mine)) == (3 if noun == "connection" else 1), noun
        assert cli.run(noun, "list", *mine).stdout.count("\n") >= 2, noun


def test_mails_are_brought_in_and_taken_out(cli: Cli, tmp_path: Path) -> None:
    (mbox := tmp_path / "old.mbox").write_text("From a Fri Jan  2 03:04:05 2026\nSubject: x\n\n>From me\n\n")
    address = cli.json("mailbox", "list")[0]["address"]
    brought = cli.json("mailbox", "import", address, mbox, "--folder", "Old")
    assert (brought["whole"], [one["filed"] for one in brought["folders"]]) == (True, [1])
    assert cli.json("mailbox", "import", address, mbox, "--folder", "Old")["folders"][0]["known"] == 1
    taken = cli.json("mailbox", "export", address, tmp_path / "out")
    assert {one["folder"]: one["filed"] for one in taken["folders"]}["Old"] == 1
    (file,) = (tmp_path / "out" / ".Old" / "cur").iterdir()
    assert file.read_bytes() == b"Subject: x\n\nFrom me\n"
    assert "old.mbox, octet 0" in cli.refused("mailbox", "import", address, _changed(mbox), "--folder", "Old")


def _changed(file: Path) -> Path:
    file.write_text("Subject: x\n\n")
    return file


def test_what_is_refused_is_one_line_and_status_1(cli: Cli, tmp_path: Path) -> None:
    latin = tmp_path / "latin.csv"
    latin.write_bytes("address;name\nann@a.test;Zo\u00eb\n".encode("latin-1"))
    assert "line 2, byte 27" in cli.refused("import", latin, "--list", "readers")
    assert "cannot be read" in cli.refused("import", tmp_path / "nowhere.csv", "--list", "readers")
    assert "no campaign 99" in cli.refused("campaign", "launch", "99")
    assert "nothing is known of" in cli.refused("trace", "nobody@a.test")
    draft = ("campaign", "add", "x", "--sender", "ann@sample.test", "--list", "readers", "--subject", "Hi")
    assert cli.refused(*draft, "--html", "nowhere.html") == "mailloft: nowhere.html: No such file or directory\n"
    assert "no project is named" in cli.refused("list", "list", "--project", "nobody")


def test_a_dir_without_an_appliance_is_named(tmp_path: Path) -> None:
    assert f"--dir {tmp_path}: no appliance was started here" in Cli(tmp_path).refused("project", "list")


def test_a_settings_file_is_judged_without_an_appliance(tmp_path: Path) -> None:
    file = tmp_path / "mailloft.toml"
    file.write_text('[[outbound.sources]]\naddress = "192.0.2.1"\nehlo = "a.test"\n')
    machine = Cli(tmp_path)
    assert machine.json("settings", file)["storage"]["spool"] == str(tmp_path / "spool")
    assert f"{file}: nothing is wrong" in machine.run("settings", file).stdout
    file.write_text(file.read_text() + "[limits]\nconnection_per_peer = 3\n")
    assert "connection_per_peer" in machine.refused("settings", file)
    file.write_text("")
    assert "[outbound] sources: name the addresses" in machine.refused("settings", file)


def test_up_keeps_off_a_dir_that_units_run(tmp_path: Path) -> None:
    folder, file = tmp_path / "dir", tmp_path / "mailloft.toml"
    folder.mkdir(mode=0o770)
    folder.chmod(0o770)
    file.write_text('[[outbound.sources]]\naddress = "192.0.2.1"\nehlo = "a.test"\n')
    assert Cli(folder).run("migrate", "--config", file).returncode == 0
    assert "systemctl start mailloft.target" in Cli(folder).refused("up")
    assert folder.stat().st_mode & 0o777 == 0o770


def test_a_backup_that_cannot_be_written_names_the_place(cli: Cli) -> None:
    assert "/proc/here" in cli.refused("backup", "/proc/here")


@pytest.mark.alone
def test_help_starts_within_two_seconds_and_names_every_command() -> None:
    done = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, timeout=2, check=True)
    for command in ("up", "demo", "classify", "import", "trace", "explain", "queue", "campaign", "domain", "mailbox"):
        assert command in done.stdout


def test_explain_tells_site_limits_and_the_client(cli: Cli) -> None:
    (owned,) = cli.json("domain", "list")
    address = cli.json("mailbox", "list")[0]["address"]
    list_name = cli.json("list", "add", "explained")["name"]
    cli.json("client", "add", address, "--list", list_name)
    found = cli.json("explain", address)
    assert (found["site"], found["provider"]) == (owned["name"], "default")
    assert [one["rating"] for one in found["clients"]] == [10]
    assert {"name": "connections", "value": "5", "origin": "settings [outbound]", "until": None} in (
        found["sources"][0]["limits"]
    )
    told = cli.run("explain", address).stdout
    assert "rating 10" in told
    assert "settings [outbound]" in told
    assert "is no source of ours" in cli.refused("explain", address, "--source", "192.0.2.9")
