"""A campaign with very many queued rows, made quickly by the product's own functions while the appliance is down."""

from __future__ import annotations

from array import array
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, func, select, update

from measure.letter import variables
from policy.lifecycle import State
from policy.rating import AUTOMATIC
from store import clients, expansion, flows, new_rows
from store.campaigns import Campaign, by_id
from store.schema import attempts, campaigns, connections, messages, recipients
from store.schema import flows as flow_rows
from store.stores import Stores

BATCH: Final = 2_000


def fill(stores: Stores, campaign: int, domains: list[str], count: int) -> None:
    """Launch the campaign with `count` rows, all due, sorted by domain as a launch sorts them.

    Set RUNNING by the launch itself, with nobody in its snapshot; the rows come in larger transactions than its own.
    """
    now = datetime.now(UTC)
    with stores.core.database.read() as core:
        own = by_id(core, None, campaign)
    assert own is not None
    assert stores.core.journal.run(lambda tx: expansion.launch(tx, campaign, array("q"), now))
    with stores.core.database.read() as core:
        message = int(core.execute(select(messages.c.id).where(messages.c.campaign_id == campaign)).scalar_one())
    for start in range(0, count, BATCH):
        part = range(start, min(start + BATCH, count))
        people = [(f"reader{number}", domains[number * len(domains) // count]) for number in part]
        stores.core.journal.run(lambda tx, people=people: _add(tx, own, message, people, now))
    counted = update(campaigns).where(campaigns.c.id == campaign).values(recipients=count, expanded=count)
    stores.core.journal.run(lambda tx: tx.execute(counted).rowcount)


def _add(tx: Connection, campaign: Campaign, message: int, people: list[tuple[str, str]], now: datetime) -> None:
    addresses = [f"{local}@{domain}" for local, domain in people]
    newcomers = [
        clients.Newcomer(address, address, domain, variables(address))
        for address, (_, domain) in zip(addresses, people, strict=True)
    ]
    ids = clients.register(tx, campaign.project_id, newcomers, AUTOMATIC, "automatic", now)
    stream = flows.Stream(campaign.project_id, "campaign", campaign.id, "campaign", campaign.pool)
    flow_of = flows.ensure(tx, stream, [domain for _, domain in people])
    rows = [
        new_rows.NewRow(flow_of[domain], message, client, address)
        for client, address, (_, domain) in zip(ids, addresses, people, strict=True)
    ]
    new_rows.add(tx, rows, now)


def defer_all(stores: Stores) -> int:
    """Every queued row as if its host had deferred it until tomorrow; how many."""
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    queued = update(recipients).where(recipients.c.state == State.QUEUED)
    # One statement for all of them, as no part of the product has any: the appliance is down meanwhile.
    with stores.core.database.write() as tx:
        count = tx.execute(queued.values(due=tomorrow, attempts=1, last_code=450)).rowcount
        tx.execute(update(flow_rows).values(next_due=tomorrow))
    return count


def first_attempts(stores: Stores, connection: str) -> list[float]:
    """Seconds from the 250 to the first attempt of each row that this connection handed in."""
    mine = (
        select(recipients.c.id, recipients.c.queued_at)
        .join(messages, messages.c.id == recipients.c.message_id)
        .join(connections, connections.c.id == messages.c.connection_id)
        .where(connections.c.name == connection)
    )
    with stores.core.database.read() as core:
        queued = {row.id: row.queued_at for row in core.execute(mine)}
    with stores.events.database.read() as events:
        wanted = select(attempts.c.recipient_id, func.min(attempts.c.at).label("at"))
        tried = events.execute(wanted.where(attempts.c.recipient_id.in_(queued)).group_by(attempts.c.recipient_id))
        return sorted((row.at - queued[row.recipient_id]).total_seconds() for row in tried)
