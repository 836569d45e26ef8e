"""A project with a domain, a sender, a list and a campaign, made by the product's own store functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial

from mail.address import parse_mailbox
from mail.dkim_sign import Key, dns_record, generate_keys, pem
from peers.vaults import whole_vault
from policy.rating import AUTOMATIC
from store import (
    campaign_progress,
    campaigns,
    clients,
    dkim,
    domains,
    due_flows,
    expansion,
    lists,
    projects,
    roll_up,
    senders,
    sites,
)
from store.campaign_content import Content
from store.campaigns import Campaign
from store.flows import SLOTS, Flow
from store.stores import Stores

DOMAIN = "shop.test"
VAULT = whole_vault(bytes(range(32)))


@dataclass(frozen=True, slots=True)
class Made:
    project_id: int
    campaign_id: int
    list_id: int
    records: Mapping[str, str]  # DKIM TXT values by host

    def campaign(self, stores: Stores) -> Campaign:
        with stores.core.database.read() as core:
            found = campaigns.by_id(core, self.project_id, self.campaign_id)
        assert found is not None
        return found

    def counts(self, stores: Stores) -> dict[str, int]:
        with stores.core.database.read() as core:
            return campaign_progress.counts(core, self.campaign(stores))


@cache
def _keys() -> tuple[Key, Key]:
    """One pair for all tests: an RSA key takes a tenth of a second to make."""
    return generate_keys("rsa1", "ed1")


def make_campaign(
    stores: Stores,
    addresses: Sequence[str],
    content: Content | None = None,
    site: Callable[[str], str] | None = None,
    domain: str = DOMAIN,
) -> Made:
    """A draft to everyone in `addresses`; `site` of an address is its domain unless told otherwise."""
    now = datetime.now(UTC)
    sealed = [
        dkim.DkimKey(
            key.selector,
            key.algorithm.value,
            VAULT.signing.seal(pem(key), dkim.place(domain, key.selector)),
            dns_record(key),
        )
        for key in _keys()
    ]

    def work(tx: object) -> Made:
        project = projects.create(tx, f"project of {domain}", True, now)
        owned = domains.create(tx, project.id, domain, "token", sealed, now)
        domains.set_states(tx, owned.id, {"owned": True, "sending": True, "linked": True})
        sender = senders.create(tx, project.id, f"news@{domain}", f"news@{domain}", "Лавка", now, now)
        everyone = lists.create(tx, project.id, "everyone", now)
        saved = content or Content("Hello {{ name }}", "<p>Hello {{ name }}</p>", None, {"name": "friend"}, ())
        campaign = campaigns.create(tx, project.id, "first", sender.id, everyone.id, "mailings", saved, now)
        records = {f"{key.selector}._domainkey.{domain}": key.record for key in sealed}
        return Made(project.id, campaign, everyone.id, records)

    made = stores.core.journal.run(work)
    for start in range(0, len(addresses), 200):
        part = addresses[start : start + 200]
        stores.core.journal.run(lambda tx, part=part: _register(tx, made, part, site, now))
    return made


def _register(tx: object, made: Made, part: Sequence[str], site: Callable[[str], str] | None, now: datetime) -> None:
    parsed = [parse_mailbox(address) for address in part]
    newcomers = [
        clients.Newcomer(str(one), one.normalised, site(one.domain) if site else one.domain, {"name": one.local})
        for one in parsed
    ]
    ids = clients.register(tx, made.project_id, newcomers, AUTOMATIC, "automatic", now)
    lists.add(tx, made.list_id, ids)


def launch(stores: Stores, made: Made) -> None:
    with stores.core.database.read() as core:
        chosen = expansion.selected(core, made.campaign(stores))
    assert stores.core.journal.run(lambda tx: expansion.launch(tx, made.campaign_id, chosen, datetime.now(UTC)))


def due(core: object, now: datetime | None = None, slots: Sequence[int] = range(SLOTS)) -> list[Flow]:
    """The flows that a sender of these slots would be offered."""
    look = due_flows.Look(slots, now or datetime.now(UTC), 100)
    return [flow for page in due_flows.heads(core, look) for flow in page.flows]


def asked(stores: Stores, **told: str) -> None:
    """As if the sender had asked for every MX: each domain is a site of its own, or as told (a_test="big")."""

    def tell(tx: object) -> list[tuple[int, int]]:
        known = {domain: domain for domain in sites.unasked(tx, datetime.now(UTC) - timedelta(days=7), 100_000)}
        known |= {name.replace("_", "."): site for name, site in told.items()}
        sites.tell(tx, known, datetime.now(UTC))
        return roll_up.place(tx, known)

    for source, target in stores.core.journal.run(tell):
        while stores.core.journal.run(partial(roll_up.move_rows, source=source, target=target)):
            pass


def expand(stores: Stores, made: Made) -> None:
    """Make all ledger rows of the launched campaign, whose domains were asked about."""
    asked(stores)
    while True:
        campaign = made.campaign(stores)
        with stores.core.database.read() as core:
            part = expansion.snapshot_part(core, campaign, datetime.now(UTC))
        if not part:
            return
        stores.core.journal.run(
            lambda tx, campaign=campaign, part=part: expansion.expand(tx, campaign, part, datetime.now(UTC))
        )
