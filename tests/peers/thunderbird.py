"""Debian's Thunderbird without a screen, driven by scripts in its own context; Marionette's protocol is spoken here.

A profile and a display of its own; the account is there when it starts. Trust, passwords and all that a person does
are scripts.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peers import need
from peers.loopback import free_port, wait_until

_QUIET = {
    "app.update.auto": False, "browser.cache.disk.enable": False, "datareporting.policy.dataSubmissionEnabled": False,
    "datareporting.healthreport.uploadEnabled": False, "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False, "mail.shell.checkDefaultClient": False, "mail.rights.version": 1,
    "mail.spotlight.firstRunDone": True, "mailnews.start_page.enabled": False, "toolkit.telemetry.enabled": False,
    "mail.provider.suppress_dialog_on_startup": True, "extensions.update.enabled": False,
    "app.donation.eoy.version.viewed": 999, "mail.winsearch.firstRunDone": True, "offline.autoDetect": False,
    "mail.compose.warned_about_customize_from": True, "mail.biff.show_alert": False, "mail.biff.play_sound": False,
}  # fmt: skip


HOST = "localhost"
# What every script has at hand.
_WORDS = """
    const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
    const { setTimeout } = ChromeUtils.importESModule("resource://gre/modules/Timer.sys.mjs");
    const account = MailServices.accounts.accounts[0];
    const root = account.incomingServer.rootFolder;
    const folder = name => root.subFolders.find(one => one.name.toLowerCase() == name);
    const until = async (look, words) => {
        for (let turn = 0; turn < 600; turn++) {
            const found = look();
            if (found) return found;
            await new Promise(done => setTimeout(done, 100));
        }
        throw new Error(`never: ${words}`);
    };
    const copied = start => new Promise((resolve, reject) => start({
        QueryInterface: ChromeUtils.generateQI(["nsIMsgCopyServiceListener"]),
        onStartCopy() {}, onProgress() {}, setMessageKey() {}, getMessageId() { return ""; },
        onStopCopy(status) { status ? reject(new Error(`copy: ${status}`)) : resolve(); },
    }));
"""
_TRUST = """
    const authority = Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB);
    authority.addCertFromBase64(ARGS[0], "CT,C,C");
    for (const [scheme, login, password] of ARGS[1]) {
        const kept = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
        const origin = `${scheme}://localhost`;
        kept.init(origin, null, origin, login, password, "", "");
        await Services.logins.addLoginAsync(kept);
    }
"""


@dataclass(frozen=True, slots=True)
class Account:
    """`imaps`, `submissions`: ports as autoconfig tells them. `submission`: login and password."""

    address: str
    password: str
    imaps: int
    submissions: int
    submission: tuple[str, str]


class Thunderbird:
    """`script` runs in the chrome context; it may `await` and its `return` is what is returned."""

    def __init__(self, port: int) -> None:
        self._socket = _connected(port)
        self._socket.settimeout(120)
        self._number = 0
        self._buffer = b""
        self._message()  # the greeting
        self._ask("WebDriver:NewSession", {"capabilities": {}})
        self._ask("Marionette:SetContext", {"value": "chrome"})
        self._ask("WebDriver:SetTimeouts", {"script": 90_000})

    def trust(self, authority: str, account: Account) -> None:
        """`authority`: a certificate in PEM. The passwords are kept, so that nobody is asked for them."""
        lines = [line for line in authority.splitlines() if line and "-----" not in line]
        logins = [("imap", account.address, account.password), ("smtp", *account.submission)]
        self.script(_TRUST, "".join(lines), logins)

    def script(self, body: str, *arguments: object) -> Any:
        said = f"""
            const [ARGS, done] = [Array.from(arguments).slice(0, -1), arguments[arguments.length - 1]];
            (async () => {{ {_WORDS} {body} }})().then(
                found => done({{found}}), error => done({{error: `${{error}}`}}));
        """
        asked = {"script": said, "args": list(arguments), "newSandbox": True, "sandbox": "system"}
        told = self._ask("WebDriver:ExecuteAsyncScript", asked)["value"]
        assert "error" not in told, told["error"]
        return told.get("found")

    def _ask(self, command: str, parameters: dict[str, Any]) -> Any:
        self._number += 1
        octets = json.dumps([0, self._number, command, parameters]).encode()
        self._socket.sendall(b"%d:%b" % (len(octets), octets))
        _, _, error, result = self._message()
        assert error is None, f"{command}: {error}"
        return result

    def _message(self) -> Any:
        while b":" not in self._buffer:
            self._receive()
        size, _, self._buffer = self._buffer.partition(b":")
        while len(self._buffer) < int(size):
            self._receive()
        octets, self._buffer = self._buffer[: int(size)], self._buffer[int(size) :]
        return json.loads(octets)

    def _receive(self) -> None:
        octets = self._socket.recv(65_536)
        assert octets, "Thunderbird has closed"
        self._buffer += octets


def _connected(port: int) -> socket.socket:
    for _ in range(600):
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=1)
        except OSError:
            time.sleep(0.2)
    raise AssertionError("Thunderbird does not listen for Marionette")


@contextmanager
def running(folder: Path, account: Account) -> Iterator[Thunderbird]:
    """Its profile in `folder`; it is ended with its display."""
    program, screen = need.large_program("thunderbird", "thunderbird"), need.large_program("Xvfb", "xvfb")
    profile, port = folder / "profile", free_port()
    profile.mkdir(parents=True)
    prefs = _QUIET | {"marionette.port": port} | _account(account)
    (profile / "user.js").write_text(
        "".join(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in prefs.items())
    )
    display = next(number for number in range(90, 200) if not Path(f"/tmp/.X11-unix/X{number}").exists())
    setting = {**os.environ, "DISPLAY": f":{display}", "HOME": str(folder), "MOZ_CRASHREPORTER_DISABLE": "1"}
    with (folder / "log").open("wb") as log:
        shown = subprocess.Popen([screen, f":{display}", "-nolisten", "tcp"], stdout=log, stderr=log)
        wait_until(lambda: Path(f"/tmp/.X11-unix/X{display}").exists(), "the display is up", 20)
        command = [program, "--profile", profile, "--no-remote", "--marionette", "--remote-allow-system-access"]
        program_run = subprocess.Popen(command, env=setting, stdout=log, stderr=log)
        try:
            yield Thunderbird(port)
        finally:
            for process in (program_run, shown):
                process.terminate()
                process.wait(30)
            shutil.rmtree(profile, ignore_errors=True)


def _account(account: Account) -> dict[str, object]:
    address = account.address
    return {
        "mail.accountmanager.accounts": "account1",
        "mail.accountmanager.defaultaccount": "account1",
        "mail.account.account1.server": "server1", "mail.account.account1.identities": "id1",
        "mail.server.server1.type": "imap", "mail.server.server1.hostname": HOST,
        "mail.server.server1.port": account.imaps, "mail.server.server1.userName": address,
        "mail.server.server1.socketType": 3, "mail.server.server1.authMethod": 3,
        "mail.server.server1.login_at_startup": False, "mail.server.server1.name": address,
        "mail.identity.id1.fullName": "Ann", "mail.identity.id1.useremail": address, "mail.identity.id1.valid": True,
        "mail.identity.id1.smtpServer": "smtp1",
        "mail.smtpservers": "smtp1", "mail.smtp.defaultserver": "smtp1",
        "mail.smtpserver.smtp1.hostname": HOST, "mail.smtpserver.smtp1.port": account.submissions,
        "mail.smtpserver.smtp1.username": account.submission[0], "mail.smtpserver.smtp1.try_ssl": 3,
        "mail.smtpserver.smtp1.authMethod": 3,
    }  # fmt: skip
