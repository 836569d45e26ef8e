"""A machine whose power can be cut: qemu in software emulation, the appliance of this checkout in it, a volatile disk.

Its root (Debian, its own kernel, the dependencies by requirements.lock) is made once and kept, and only ever read; what
it keeps is on the disk of peers/volatile_disk. PID 1 is a script that starts `mailloft up` and writes canaries without
fsync. Outside it is met at `ports` of loopback alone, and it asks one name server of this host; it sends nothing.
Needs root and Debian's mmdebstrap, arch-test, e2fsprogs, qemu-system-x86.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import random
import re
import shutil
import subprocess
import time
import zipfile
from pathlib import Path
from typing import Any, Final

from peers.bridge import run
from peers.loopback import free_port, wait_until
from peers.machine import CACHE, locked
from peers.volatile_disk import VolatileDisk

CHECKOUT: Final = Path(__file__).parents[2]
_SUITE: Final = "bookworm"
_PACKAGES: Final = (
    "python3", "python3-venv", "ca-certificates", "iproute2", "netbase", "linux-image-cloud-amd64", "initramfs-tools",
    "zstd",
)  # fmt: skip
_GUEST_PORTS: Final = {"mx": 25, "imaps": 993, "admin": 8080}
_BOOT: Final = 600.0  # seconds; a minute where nothing else runs
# PID 1 of the root; the rest of the start is on the disk, so that the root is not made anew for each change of it.
_INIT: Final = """\
#!/bin/sh
mount -t proc proc /proc; mount -t tmpfs tmp /tmp; mount -t tmpfs run /run
mount -t ext4 /dev/vdb /data || echo POWER: no disk
exec /bin/sh /data/start
"""
# Each canary is a new file that nobody syncs: ext4 gives it blocks half a minute later.
_START: Final = """\
for link in $(ls /sys/class/net); do
  ip link set $link up
  [ $link = lo ] || ip addr add 10.0.2.15/24 dev $link
done
ip route add default via 10.0.2.2
hostname power
mkdir -p /data/canaries
tick=$(ls /data/canaries | wc -l)
echo "POWER: alive $(find /data/canaries -size +0 | wc -l)"
(while :; do tick=$((tick + 1)); echo $tick >/data/canaries/$tick; echo "POWER: canary $tick"; sleep 1; done) &
cd /data/code
PYTHONPATH=/data/code PYTHONDONTWRITEBYTECODE=1 /opt/mailloft/bin/python -m admin.cli up --json \\
  --dir /data/dir --config /data/mailloft.toml
echo "POWER: ended with $?"
sleep 3600
"""
_SETTINGS: Final = """\
[server]
hostname = "mx.power.test"
[dns]
servers = ["10.0.2.2:{names}"]
[mx]
address = "0.0.0.0"
port = 25
[imap]
address = "0.0.0.0"
tls_port = 993
processes = 1
[admin]
address = "0.0.0.0"
port = 8080
[outbound]
workers = 1
[junk]
greylist = 0
"""


def image() -> Path:
    """The folder with root.img, vmlinuz and initrd; made at the first call, which takes minutes."""
    made_of = [*_PACKAGES, _INIT, inspect.getsource(_furnish)]
    made_of += [(CHECKOUT / f"requirements{kind}.lock").read_text() for kind in ("", "-build")]
    folder = CACHE / f"power-{hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:12]}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with locked(CACHE / "power.lock"):
        if not (folder / ".done").exists():
            shutil.rmtree(folder, ignore_errors=True)
            root = folder / "root"
            root.mkdir(parents=True)
            run(
                "mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(_PACKAGES)}",
                "--aptopt=Acquire::Check-Valid-Until false", _SUITE, str(root), within=1800,
            )  # fmt: skip
            _furnish(root)
            for name in ("vmlinuz", "initrd.img"):
                shutil.copy(next(root.glob(f"boot/{name}-*")), folder / name.removesuffix(".img"))
            _make_disk(folder / "root.img", root, "1600M")
            shutil.rmtree(root)
            (folder / ".done").touch()
    return folder


def _furnish(root: Path) -> None:
    for certificate in Path("/usr/local/share/ca-certificates").glob("*.crt"):
        shutil.copy(certificate, root / "usr/local/share/ca-certificates")
    run("chroot", str(root), "update-ca-certificates")
    for file in ("etc/pip.conf", "etc/resolv.conf"):
        if Path("/", file).exists():
            shutil.copy(Path("/", file), root / file)
    python = "/opt/mailloft/bin/python"
    run("chroot", str(root), "python3", "-m", "venv", "/opt/mailloft", within=600)
    for lock, options in (("requirements-build.lock", ()), ("requirements.lock", ("--no-build-isolation",))):
        shutil.copy(CHECKOUT / lock, root / "tmp" / lock)
        run(
            "chroot", str(root), python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
            "--no-cache-dir", "--require-hashes", *options, "-r", f"/tmp/{lock}", within=1800,
        )  # fmt: skip
    (root / "data").mkdir()
    init = root / "sbin/power-init"
    init.write_text(_INIT)
    init.chmod(0o755)


def _make_disk(file: Path, content: Path, size: str) -> None:
    run("mke2fs", "-q", "-t", "ext4", "-d", str(content), str(file), size, within=600)


class PowerMachine:
    """`boot`, `cut`, `boot` again: the disk stays. `ports` by name, on 127.0.0.1."""

    def __init__(self, folder: Path, wheel: Path, names: str) -> None:
        """`wheel` is of this checkout; `names` the port of the name server on this host's loopback."""
        self._image = image()
        content = folder / "content"
        (content / "dir").mkdir(parents=True)
        with zipfile.ZipFile(wheel) as packed:
            packed.extractall(content / "code")
        (content / "start").write_text(_START)
        (content / "mailloft.toml").write_text(_SETTINGS.format(names=names))
        _make_disk(folder / "disk.img", content, "600M")
        self.ports = {name: free_port() for name in _GUEST_PORTS}
        self.disk = VolatileDisk(folder / "disk.img", folder / "disk.sock")
        self._console = folder / "console.log"
        self._process: subprocess.Popen[bytes] | None = None

    def boot(self) -> dict[str, Any]:
        """The line that says where everything answers, once it does."""
        self._console.write_bytes(b"")
        forwarded = "".join(
            f",hostfwd=tcp:127.0.0.1:{self.ports[name]}-:{port}" for name, port in _GUEST_PORTS.items()
        )  # fmt: skip
        command = [
            "qemu-system-x86_64", "-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "Nehalem", "-smp", "2",
            "-m", "1536", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-serial", f"file:{self._console}",
            "-kernel", str(self._image / "vmlinuz"), "-initrd", str(self._image / "initrd"),
            "-append", "root=/dev/vda ro rootfstype=ext4 console=ttyS0 quiet panic=-1 init=/sbin/power-init",
            "-drive", f"file={self._image / 'root.img'},format=raw,if=none,id=root,readonly=on",
            "-device", "virtio-blk-pci,drive=root,addr=4",  # the lower address is vda
            "-blockdev", f"driver=nbd,node-name=disk,server.type=unix,server.path={self.disk.path}",
            "-device", "virtio-blk-pci,drive=disk,write-cache=on,addr=5",
            "-netdev", f"user,id=net{forwarded}", "-device", "virtio-net-pci,netdev=net",
            "-device", "virtio-rng-pci",
        ]  # fmt: skip
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *command], stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT,
            stdout=self._console.with_suffix(".qemu").open("ab"),
        )  # fmt: skip
        wait_until(lambda: self._ready() or self._over(), "the appliance in the machine answers", _BOOT)
        found = self._ready()
        assert found is not None, self._tail()
        return found

    def cut(self, lot: random.Random) -> None:
        """The power goes."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None
        time.sleep(0.2)  # what qemu had handed over by then is served
        self.disk.cut(lot)

    def said(self, what: str) -> list[int]:
        """The numbers behind "POWER: what" on the console since the boot."""
        return [int(number) for number in re.findall(rf"POWER: {what} (\d+)", self._text())]

    def close(self) -> None:
        if self._process is not None:
            self.cut(random.Random(0))
        self.disk.close()

    def _ready(self) -> dict[str, Any] | None:
        line = next((line for line in self._text().split("\n") if line.startswith("{") and '"api_key"' in line), None)
        found: dict[str, Any] | None = json.loads(line) if line else None
        return found

    def _over(self) -> bool:
        assert self._process is not None
        return self._process.poll() is not None or "POWER: ended" in self._text()

    def _text(self) -> str:
        return self._console.read_text(errors="replace").replace("\r", "")

    def _tail(self) -> str:
        return self._text()[-3000:] + self._console.with_suffix(".qemu").read_text(errors="replace")
