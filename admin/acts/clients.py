"""Clients of a project: listed, shown with their rating's history and consent, added by hand (PRODUCT L1, R1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from admin.acts import lists as acts_lists
from admin.acts.pages import Page, Window, page_of
from admin.office import Office
from admin.refusals import ConflictError, InvalidError, NotFoundError
from policy.rating import BLOCKED, BY_HAND, HIGHEST
from policy.validation import Addressee, addressee, variables
from store import clients, consequences, lists

_HISTORY: Final = 200


@dataclass(frozen=True, slots=True)
class ClientView:
    id: int
    address: str
    rating: int
    variables: Mapping[str, Any]
    site: str
    subscribed: bool
    registered_at: datetime


@dataclass(frozen=True, slots=True)
class RatingChangeView:
    before: int
    after: int
    cause: str
    reason: str | None
    words: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SuppressionView:
    """`list` None: everything."""

    list: int | None
    kind: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SentView:
    """`campaign` None: it was no campaign's."""

    row: int
    campaign: str | None
    state: str
    reason: str | None
    queued_at: datetime
    words: str | None


@dataclass(frozen=True, slots=True)
class ClientLife:
    id: int
    address: str
    rating: int
    variables: Mapping[str, Any]
    site: str
    subscribed: bool
    registered_at: datetime
    rating_history: list[RatingChangeView]
    suppressions: list[SuppressionView]


def create(
    office: Office, project: int, address: str, list_ids: Sequence[int], values: Mapping[str, str]
) -> ClientView:
    """By hand: rating 10, on these lists."""
    found, kept = _checked(address, values)
    now = office.now()

    def work(tx: Any) -> clients.Client:
        if clients.find(tx, project, found.key) is not None:
            raise ConflictError(f"client {found.address} is in this project already")
        newcomer = clients.Newcomer(found.address, found.key, found.site, kept)
        (made,) = clients.register(tx, project, [newcomer], BY_HAND, "hand", now)
        for list_id in list_ids:
            if lists.get(tx, project, list_id) is None:
                raise NotFoundError(f"this project has no list {list_id}")
            lists.add(tx, list_id, [made])
        client = clients.get(tx, project, made)
        assert client is not None  # made in this transaction
        return client

    return _view(office.write(work))


def _checked(address: str, values: Mapping[str, str]) -> tuple[Addressee, dict[str, str]]:
    try:
        return addressee(address), variables(values)
    except ValueError as error:
        raise InvalidError(str(error)) from error


def page(office: Office, project: int, list_id: int | None, window: Window) -> Page[ClientView]:
    """Raises NotFoundError for another project's list."""
    if list_id is not None:
        acts_lists.get(office, project, list_id)
    with office.read() as connection:
        rows = clients.page(connection, project, list_id, window.after, window.limit + 1)
    return page_of(rows, window, _view, lambda row: row.id)


def get(office: Office, project: int, client: int) -> ClientLife:
    """Raises NotFoundError."""
    with office.read() as connection:
        found = clients.get(connection, project, client)
        if found is None:
            raise NotFoundError(f"this project has no client {client}")
        history = clients.rating_history(connection, client, _HISTORY)
        withdrawn = clients.withdrawals(connection, client)
    return ClientLife(
        id=found.id,
        address=found.address,
        rating=found.rating,
        variables=found.variables,
        site=found.site,
        subscribed=found.subscribed,
        registered_at=found.registered_at,
        rating_history=[
            RatingChangeView(one.before, one.after, one.cause, one.reason, one.words, one.at) for one in history
        ],
        suppressions=[SuppressionView(one.list_id or None, one.kind, one.at) for one in withdrawn],
    )


def by_address(office: Office, project: int, address: str) -> ClientLife:
    """Raises NotFoundError."""
    found, _ = _checked(address, {})
    with office.read() as connection:
        client = clients.find(connection, project, found.key)
    if client is None:
        raise NotFoundError(f"this project has no client {found.address}")
    return get(office, project, client.id)


def sent_to(office: Office, project: int, client: int, limit: int) -> list[SentView]:
    """The newest messages to the client, one a ledger row. Raises NotFoundError."""
    with office.read() as connection:
        if clients.get(connection, project, client) is None:
            raise NotFoundError(f"this project has no client {client}")
        rows = clients.sent_to(connection, client, limit)
    return [
        SentView(row.id, row.name, row.state.value, row.reason.value if row.reason else None, row.queued_at, row.words)
        for row in rows
    ]


def rate(office: Office, project: int, client: int, rating: int, who: str) -> ClientLife:
    """A person's own judgement, kept in the same ledger as every other cause."""
    if not BLOCKED <= rating <= HIGHEST:
        raise InvalidError(f"rating {rating} is not within {BLOCKED}..{HIGHEST}")
    get(office, project, client)
    now = office.now()
    office.write(lambda tx: consequences.by_hand(tx, project, client, rating, who, now))
    return get(office, project, client)


def _view(row: clients.Client) -> ClientView:
    return ClientView(row.id, row.address, row.rating, row.variables, row.site, row.subscribed, row.registered_at)
