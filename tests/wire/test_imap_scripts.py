"""Scripts of IMAP (tests/scripts/imap, docs/imap.md): ours answers them as written, and so does Debian's Dovecot.

What only one of the two answers is marked in the script: a reply of ours is another than Dovecot's by intention only.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme
from sqlalchemy import select

from peers.dovecot import PASSWORD, Dovecot
from peers.imap_line import Talk
from peers.imap_role import MASTER, ROOT, SECRET, ImapRole, serving, settle_accounts
from peers.imap_script import Play, Script, load
from peers.vaults import whole_vault
from store import mailboxes
from store.schema import domains
from store.stores import open_stores

SCRIPTS = {path.stem: path for path in sorted((ROOT / "tests/scripts/imap").glob("*.txt"))}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scripts")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def role(request: pytest.FixtureRequest, folder: Path) -> Iterator[ImapRole]:
    """With an account for each script."""
    own = folder / request.param
    own.mkdir()
    location = _location(request, own)
    stores, vault = open_stores(location), whole_vault(MASTER)
    settle_accounts(stores)
    with stores.core.database.write() as tx:
        home = tx.execute(select(domains.c.id, domains.c.project_id)).one()
        for name in SCRIPTS:
            address = f"{name}@ours.test"
            kept = mailboxes.generated_hash(vault, SECRET, address)
            mailboxes.create(tx, home.project_id, home.id, address, kept, None, datetime.now(UTC))
    stores.close()
    with serving(own, location, imap={"plaintext_login": True}) as running:
        yield running


def _location(request: pytest.FixtureRequest, own: Path) -> str:
    if request.param == "postgresql":
        return str(request.getfixturevalue("cluster").create(template="migrated"))
    shutil.copytree(request.getfixturevalue("migrated_folder"), own / "databases")
    return str(own / "databases")


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    """In a folder of its own: its processes are of another user, whom each start of pytest shuts out of its own."""
    folder = Path(tempfile.mkdtemp(prefix="mailloft-dovecot-"))
    folder.chmod(0o755)
    issued = trustme.CA().issue_cert("localhost")
    issued.cert_chain_pems[0].write_to_path(str(folder / "chain.pem"))
    issued.private_key_pem.write_to_path(str(folder / "key.pem"))
    running = Dovecot(folder / "dovecot", folder / "chain.pem", folder / "key.pem")
    yield running
    running.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("name", SCRIPTS)
def test_ours_answers_as_written(role: ImapRole, name: str) -> None:
    told = _played(load(SCRIPTS[name]), "a", role.ports["imap"], f"{name}@ours.test", SECRET)
    for said, answered, written in told:
        assert (said, answered) == (said, written)
    assert "raised" not in role.log()


@pytest.mark.parametrize("name", SCRIPTS)
def test_dovecot_answers_as_written(dovecot: Dovecot, name: str) -> None:
    for said, answered, written in _played(load(SCRIPTS[name]), "b", dovecot.imap, name, PASSWORD):
        assert (said, sorted(answered)) == (said, sorted(written))


def _played(
    script: Script, side: str, port: int, login: str, password: str
) -> Iterator[tuple[str, list[str], list[str]]]:
    """What was said, what was answered to it, and what is written."""

    def signed_in() -> Talk:
        talk = Talk(port)
        talk.line()
        assert b" OK" in talk.say(f"a LOGIN {login} {password}".encode())[-1]
        return talk

    for step, answered in Play(script, signed_in, side):
        yield step.words, answered, step.of(side)
