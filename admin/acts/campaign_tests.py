"""Test sends of a draft, to an address of one's own, through the real queue (PRODUCT K2).

They touch no rating and no report (store/campaign_tests.py), and go only where the project has proved that it reads:
its mailboxes, its authorised senders, and the login of who asks. Raises InvalidError, NotFoundError, ConflictError.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any, Final

from admin.acts import campaigns as acts
from admin.acts.campaign_draft import Draft
from admin.acts.campaign_messages import public_url, values_for
from admin.acts.gate import refuse
from admin.acts.mailboxes import address_of
from admin.office import Office
from admin.refusals import ConflictError, InvalidError
from mail.address import Address, parse_mailbox
from mail.message import Facts, compile_message
from policy.sender_standing import obstacles
from store import campaign_tests, mailboxes, sender_standing, senders
from store.campaign_tests import Trial

MARK: Final = "[Test] "
AN_HOUR: Final = 60  # tests of one project
_HOUR: Final = timedelta(hours=1)
_SHOWN: Final = 5
_OWN: Final = 1000  # mailboxes and senders that are looked through


@dataclass(frozen=True, slots=True)
class TestView:
    row: int
    address: str
    subject: str
    at: datetime
    state: str
    words: str | None


def latest(office: Office, project: int, campaign: int) -> list[TestView]:
    """What became of the last ones."""
    acts.get(office, project, campaign)
    with office.read() as connection:
        rows = campaign_tests.of_campaign(connection, campaign, _SHOWN)
    return [TestView(one.row, one.address, one.subject, one.at, one.state.value, one.words) for one in rows]


def send(office: Office, project: int, campaign: int, to: str, client: str = "", login: str = "") -> list[TestView]:
    """As the client of that address would get it; `login`: of the person who asks."""
    draft = acts.draft_of(office, project, campaign)
    target = address_of(to)
    _, values = values_for(office, project, draft, client)
    with office.read() as connection:
        sender = senders.get(connection, project, draft.sender)
        assert sender is not None  # a foreign key holds it
        author = parse_mailbox(sender.address)
        # A test is mail too: it goes only where a campaign of this sender might.
        refuse(obstacles(sender_standing.gather(connection, project, author, authorised=sender.authorised)))
        if target.normalised not in _own(connection, project, login):
            raise InvalidError(
                f"test address: {target} is not one of yours; a test goes to a mailbox of this project, to one of its "
                "authorised senders or to your own login"
            )
    now = office.now()
    message_id = f"<test.{token_hex(16)}@{author.ascii_domain}>"
    content = _written(office, draft, author, sender.display_name, target, message_id, values, now)
    stored = office.spool.put(content)
    trial = Trial(project, campaign, author, target, message_id, draft.content.subject, stored, draft.pool)

    def work(tx: Any) -> None:
        if campaign_tests.count_since(tx, project, now - _HOUR) >= AN_HOUR:
            raise ConflictError(f"a project may send {AN_HOUR} tests an hour; wait a little")
        campaign_tests.queue(tx, trial, now)

    office.write(work)
    return latest(office, project, campaign)


def _written(
    office: Office,
    draft: Draft,
    author: Address,
    name: str,
    target: Address,
    message_id: str,
    values: Any,
    now: datetime,
) -> bytes:
    said = draft.content
    try:
        compiled = compile_message(
            from_address=author, from_name=draft.sending.from_name or name, subject=MARK + said.subject,
            html=said.html, text=said.text or "", seed=message_id,
            attachments=said.attachments,
        )  # fmt: skip
        link = f"{public_url(office)}/u/test"
        return compiled.render(Facts(target, message_id, now, values, unsubscribe_url=link)).octets
    except ValueError as error:
        raise InvalidError(str(error)) from error


def own_addresses(office: Office, project: int, login: str) -> list[str]:
    """Where tests may go, as offered."""
    with office.read() as connection:
        return sorted(_own(connection, project, login).values())


def _own(connection: Any, project: int, login: str) -> dict[str, str]:
    here = [one.address for one in mailboxes.list_of(connection, project, limit=_OWN)]
    proved = [one.address for one in senders.page(connection, project, 0, _OWN) if one.authorised]
    return {key: one for one in (*here, *proved, login) if (key := mailboxes.address_key(one)) is not None}
