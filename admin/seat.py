"""Taking a seat: the office of an appliance, by the parent at its start and by the command line beside it."""

from __future__ import annotations

from pathlib import Path

from admin import keepsakes
from admin.keepsakes import Keepsakes, Whereabouts
from admin.office import Office
from store import keys, mailboxes, people
from store.stores import open_stores


def open_office(folder: Path, whereabouts: Whereabouts, *, threads: bool) -> Office:
    """The office of an appliance whose tables exist. Raises KeepsakeError."""
    uploads = Path(whereabouts.spool) / "imports"
    uploads.mkdir(parents=True, exist_ok=True, mode=0o700)
    stores = open_stores(whereabouts.database)
    vault = keepsakes.open_vault(folder)
    return Office(
        stores, vault, uploads, whereabouts.hostname, whereabouts.sending_addresses, threads, whereabouts.settings,
        folder,
    )  # fmt: skip


def seat_operator(office: Office, kept: Keepsakes) -> None:
    """The operator's sign-in and key, as they are printed; written once."""
    key_hash, now = office.vault.hash_generated(kept.api_key), office.now()
    with office.read() as connection:
        person = people.find(connection, kept.operator.login)
        known = keys.find(connection, key_hash) is not None
    wanted = mailboxes.generated_hash(office.vault, kept.operator.password)
    if person is None or person.password_hash != wanted:
        office.write(lambda tx: people.put(tx, kept.operator.login, "operator", None, wanted, now))
    if not known:
        office.write(lambda tx: keys.create(tx, None, "the operator's first", key_hash, now))
