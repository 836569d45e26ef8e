"""What the first start chose and every later start repeats: the folder DIR, its lock, secrets and ports.

All files are 0600 in a folder of 0700, and each is replaced in one step. Called by admin/up.py and the command line.
Run by root they belong to whom the folder belongs to, so that the roles of a machine with units can read them.
Crash case: a first start that dies between two files leaves those it wrote; the next start makes the others.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from store.fsync import sync
from store.secrets import SigningBox, Vault, generate_secret
from store.settings import Settings

T = TypeVar("T")
_KEY_LENGTH: Final = 32
_WHEREABOUTS: Final = "whereabouts.json"
RESTORING: Final = "restoring"  # there from before the first row of a restore until after its last


class KeepsakeError(Exception):
    """A DIR that cannot be used; the text names it and the mend."""


class Operator(msgspec.Struct, frozen=True):
    login: str
    password: str


class SampleConnection(msgspec.Struct, frozen=True):
    login: str
    password: str
    sender: str


class SampleKeepsake(msgspec.Struct, frozen=True):
    """The sample as the ready line shows it: made once, then only shown."""

    project: str
    api_key: str
    mailboxes: tuple[Operator, ...]
    connection: SampleConnection


class Keepsakes(msgspec.Struct, frozen=True):
    operator: Operator
    api_key: str
    ports: dict[str, int] = {}
    sample: SampleKeepsake | None = None


class Whereabouts(msgspec.Struct, frozen=True):
    """Where the last start of this DIR kept its rows and bytes, for the command line."""

    database: str
    spool: str
    public_url: str
    hostname: str
    sending_addresses: tuple[str, ...]
    settings: Settings = Settings()
    units: bool = False  # systemd runs the roles, each as a user of its own

    @classmethod
    def of(cls, settings: Settings, *, units: bool = False) -> Whereabouts:
        """`settings` with storage and URL filled in."""
        return cls(
            settings.storage.database,
            settings.storage.spool,
            settings.admin.url,
            settings.server.hostname,
            tuple(source.address for source in settings.outbound.sources),
            settings,
            units,
        )


def refuse_half_restored(folder: Path) -> None:
    """Before anything starts on it: its queue may not be held yet. Raises KeepsakeError."""
    if (folder / RESTORING).exists():
        raise KeepsakeError(
            f"--dir {folder}: a restore was broken off here. Give it again, with --aside: mailloft restore SRC --aside"
        )


def prepare(folder: Path) -> Path:
    """DIR, absolute, made with mode 0700, for an appliance under one parent. Raises KeepsakeError."""
    refuse_half_restored(folder)
    found = read(folder / _WHEREABOUTS, Whereabouts)
    if found is not None and found.units:
        raise KeepsakeError(
            f"--dir {folder}: systemd runs this one: `systemctl start mailloft.target`. For another, name another DIR."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        raise KeepsakeError(f"--dir {folder}: cannot be made or kept private: {error.strerror}") from error
    return folder.resolve()


def lock(folder: Path) -> int:
    """Hold DIR as long as this process lives (its children do not inherit the hold). Raises KeepsakeError."""
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        # A record lock: a fork does not share it, so that it ends with the parent whatever its children do.
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(descriptor)
        raise KeepsakeError(
            f"--dir {folder}: another `mailloft up` (process {holder}) runs on it. Stop that one or choose another DIR."
        ) from error
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def make_keys(folder: Path) -> None:
    """The keys that a first start makes: the master key, and the pair that DKIM keys are sealed to."""
    for name in ("master.key", "signing.key"):
        if not (folder / name).exists():
            replace(folder / name, secrets.token_bytes(_KEY_LENGTH))
    if not (folder / "signing.pub").exists():
        replace(folder / "signing.pub", SigningBox(private=(folder / "signing.key").read_bytes()).public)


def open_vault(folder: Path) -> Vault:
    """With the keys that are in `folder`: DIR, or what systemd gave to a unit. Raises KeepsakeError."""
    try:
        signing = SigningBox(public=_octets(folder / "signing.pub"), private=_octets(folder / "signing.key"))
        return Vault((folder / "master.key").read_bytes(), signing)
    except (OSError, ValueError) as error:
        raise KeepsakeError(f"the keys in {folder}: {error}. Put the files back from a backup.") from error


def _octets(file: Path) -> bytes:
    return file.read_bytes() if file.exists() else b""


def load(folder: Path) -> Keepsakes:
    """What an earlier start kept, or new secrets. Raises KeepsakeError."""
    return read(folder / "keepsakes.json", Keepsakes) or Keepsakes(
        Operator("operator", generate_secret()), generate_secret()
    )


def save(folder: Path, keepsakes: Keepsakes) -> None:
    replace(folder / "keepsakes.json", msgspec.json.encode(keepsakes) + b"\n")


def save_whereabouts(folder: Path, whereabouts: Whereabouts) -> None:
    replace(folder / _WHEREABOUTS, msgspec.json.encode(whereabouts) + b"\n")


def load_whereabouts(folder: Path) -> Whereabouts:
    """Where the appliance of DIR keeps its rows. Raises KeepsakeError where none was started there."""
    if folder.is_dir() and not os.access(folder, os.R_OK | os.X_OK):
        raise KeepsakeError(f"--dir {folder}: this user may not read it. Give the command as root: `sudo mailloft ...`")
    refuse_half_restored(folder)
    found = read(folder / _WHEREABOUTS, Whereabouts)
    if found is None:
        raise KeepsakeError(f"--dir {folder}: no appliance was started here. `mailloft up --dir {folder}` makes one.")
    return found


def read(file: Path, kind: type[T]) -> T | None:
    """The value of a JSON file of ours; None where there is none. Raises KeepsakeError."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise KeepsakeError(f"{file}: cannot be read: {error}. Put it back from a backup, or remove it.") from error


def replace(file: Path, content: bytes, mode: int = 0o600) -> None:
    """Write `file` so that a crash leaves the old content or the new, never half; it is on the disk then."""
    fresh = file.with_name(file.name + ".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as writing:
        if os.geteuid() == 0:
            of = file.parent.stat()
            os.fchown(descriptor, of.st_uid, of.st_gid)
            os.fchmod(descriptor, mode)  # whatever the umask of root's shell leaves
        writing.write(content)
        writing.flush()
        os.fsync(descriptor)
    fresh.replace(file)
    sync(file.parent)
