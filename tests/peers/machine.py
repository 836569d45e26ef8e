"""A Debian machine for the deployment test: an LXC container with systemd as PID 1, reached by ssh alone.

The root of each Debian release is made once by mmdebstrap and kept under CACHE; a machine is an overlay on it and
boots in seconds. The machine trusts what this host trusts to reach the package registries (its local certificates,
its pip.conf). Needs root and Debian's lxc, mmdebstrap, arch-test, nftables, openssh-client, iproute2.
"""

from __future__ import annotations

import fcntl
import hashlib
import inspect
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from peers.bridge import HOST, NAME, PREFIX, Bridge, run

CACHE: Final = Path("/var/cache/mailloft-deploy")
PACKAGES: Final = (
    "systemd", "systemd-sysv", "dbus", "libpam-systemd", "python3", "python3-apt", "openssh-server", "sudo", "iproute2",
    "iputils-ping", "procps", "netbase", "ca-certificates", "adduser",
)  # fmt: skip
_CONFIG: Final = """
lxc.include = /usr/share/lxc/config/common.conf
lxc.arch = linux64
lxc.uts.name = {name}
lxc.rootfs.path = overlay:{base}:{upper}
lxc.apparmor.profile = unconfined
lxc.init.cmd = /lib/systemd/systemd
lxc.net.0.type = veth
lxc.net.0.name = eth0
lxc.net.0.link = {bridge}
lxc.net.0.mtu = {mtu}
lxc.net.0.flags = up
lxc.net.0.ipv4.address = {address}/24
lxc.net.0.ipv4.gateway = {gateway}
"""
_BOOT: Final = 90.0  # seconds


def key() -> Path:
    """The ssh key of all machines."""
    file = CACHE / "id"
    if not file.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "mailloft-deploy", "-f", str(file))
    return file


def base(suite: str) -> Path:
    """The root of a Debian release, made at the first call: about 40 s."""
    public = key().with_suffix(".pub").read_text()
    made_of = hashlib.sha256("\n".join((suite, *PACKAGES, public, inspect.getsource(_furnish))).encode()).hexdigest()
    root = CACHE / f"{suite}-{made_of[:12]}"
    with locked(CACHE / "lock"):
        if not (root / ".done").exists():
            shutil.rmtree(root, ignore_errors=True)
            run(
                "mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(PACKAGES)}",
                "--aptopt=Acquire::Check-Valid-Until false", suite, str(root),
                within=900,
            )  # fmt: skip
            _furnish(root, public)
            (root / ".done").touch()
    return root


def _furnish(root: Path, public: str) -> None:
    for certificate in Path("/usr/local/share/ca-certificates").glob("*.crt"):
        shutil.copy(certificate, root / "usr/local/share/ca-certificates")
    run("chroot", str(root), "update-ca-certificates")
    if Path("/etc/pip.conf").exists():
        shutil.copy("/etc/pip.conf", root / "etc/pip.conf")
    for own in (root / "etc/ssh").glob("ssh_host_*"):
        own.unlink()
    # An ordinary user with sudo, so that a play that forgets `become` fails here as it would outside.
    run("chroot", str(root), "useradd", "-m", "-s", "/bin/bash", "deploy")
    (root / "etc/sudoers.d/deploy").write_text("deploy ALL=(ALL) NOPASSWD: ALL\n")
    for home in ("root", "home/deploy"):
        folder = root / home / ".ssh"
        folder.mkdir(mode=0o700, exist_ok=True)
        (folder / "authorized_keys").write_text(public)
    run("chroot", str(root), "chown", "-R", "deploy:deploy", "/home/deploy/.ssh")


@contextmanager
def locked(file: Path) -> Iterator[None]:
    with file.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


class Machine:
    """Booted by `boot`; `address` is on the bridge. `number` is its last octet, 10 and up."""

    def __init__(self, bridge: Bridge, suite: str, name: str, number: int) -> None:
        self.name = name
        self.address = f"{PREFIX}.{number}"
        self.folder = CACHE / "machines" / name
        self._root = base(suite)
        self._bridge = bridge

    def boot(self, with_folder_of: Machine | None = None, folder: str = "") -> None:
        """Afresh: what an earlier machine of that name was is gone. It may begin with a folder of another machine."""
        self.destroy()
        upper = self.folder / "upper"
        (upper / "etc/ssh").mkdir(parents=True)
        (upper / "etc/hostname").write_text(f"{self.name}\n")
        (upper / "etc/hosts").write_text(f"127.0.0.1 localhost\n{self.address} {self.name}\n::1 localhost\n")
        servers = [line for line in Path("/etc/resolv.conf").read_text().splitlines() if line.startswith("nameserver")]
        (upper / "etc/resolv.conf").write_text("\n".join(servers) + "\n")
        (upper / "etc/machine-id").write_text(uuid.uuid4().hex + "\n")
        if with_folder_of:
            (upper / folder).parent.mkdir(parents=True)
            run("cp", "-a", str(with_folder_of.folder / "upper" / folder), str(upper / folder))
        # node trusts a list of its own.
        (upper / "etc/environment").write_text("NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt\n")
        run("ssh-keygen", "-A", "-f", str(upper))
        host_key = (upper / "etc/ssh/ssh_host_ed25519_key.pub").read_text().split()
        (self.folder / "known_hosts").write_text(f"{self.address} {host_key[0]} {host_key[1]}\n")
        (self.folder / "config").write_text(
            _CONFIG.format(
                name=self.name,
                base=self._root,
                upper=upper,
                bridge=NAME,
                mtu=self._bridge.mtu,
                address=self.address,
                gateway=HOST,
            )  # fmt: skip
        )
        self.start()

    def start(self) -> None:
        log = self.folder / "lxc.log"
        run("lxc-start", "-P", str(self.folder.parent), "-n", self.name, "-d", "-o", str(log), "-l", "WARN")
        self.wait_until_reached()

    def wait_until_reached(self) -> None:
        deadline = time.monotonic() + _BOOT
        while subprocess.run(self._ssh("true"), capture_output=True, check=False, timeout=20).returncode != 0:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} did not come up within {_BOOT:.0f} s: {self.folder}/lxc.log")
            time.sleep(0.3)

    def reboot(self) -> None:
        """Until all that starts by itself has started, or failed."""
        before = self._began()
        self.run("systemctl reboot", check=False)
        deadline = time.monotonic() + _BOOT
        while self._began() in (None, before):
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} did not come back within {_BOOT:.0f} s")
            time.sleep(0.5)
        self.run("systemctl is-system-running --wait", check=False)

    def _began(self) -> bytes | None:
        """When its first process did; None while it cannot be asked."""
        words = self._ssh("systemctl show --property UserspaceTimestampMonotonic")
        try:
            return subprocess.run(words, capture_output=True, check=True, timeout=20).stdout
        except subprocess.SubprocessError:
            return None

    def run(self, command: str, *, check: bool = True, within: float = 120) -> str:
        """What a shell command of root printed there, both streams. RuntimeError with its words where it failed."""
        done = subprocess.run(
            self._ssh(command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=within, check=False
        )
        if check and done.returncode != 0:
            raise RuntimeError(f"{self.name}: {command}: status {done.returncode}: {done.stdout[-2000:]}")
        return done.stdout

    def put(self, file: Path, place: str) -> None:
        with file.open("rb") as reading:
            subprocess.run(self._ssh(f"cat >{place}"), stdin=reading, check=True, timeout=120)

    def _ssh(self, command: str) -> list[str]:
        return [
            "ssh", "-i", str(key()), "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "ConnectTimeout=5",
            "-o", "LogLevel=ERROR", "-o", f"UserKnownHostsFile={self.folder / 'known_hosts'}", f"root@{self.address}",
            command,
        ]  # fmt: skip

    def destroy(self) -> None:
        _destroy(self.folder)


def sweep() -> None:
    """Ends the machines that a killed run left; the caller has the bridge, so nobody else has one."""
    for folder in (CACHE / "machines").glob("*/"):
        _destroy(folder)


def _destroy(folder: Path) -> None:
    if (folder / "config").exists():
        words = ["lxc-stop", "-P", str(folder.parent), "-n", folder.name, "-k"]
        subprocess.run(words, capture_output=True, timeout=60, check=False)
    shutil.rmtree(folder, ignore_errors=True)
