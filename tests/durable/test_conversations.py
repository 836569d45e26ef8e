"""A client's conversation on both engines: what belongs to it, in which order it is read, and answering it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from admin.acts import answers, conversation_list, conversations
from admin.acts.answers import Draft
from admin.acts.conversations import Entry
from admin.office import Office
from admin.refusals import ConflictError, InvalidError, NotFoundError, RefusedError
from mail.srs import Srs
from mail.verp import Tokens
from mta.inbound.parser import Parser
from mta.inbound.sort import Sorter
from mta.outbound.compose import Recipe, Recipes
from peers import rows, smtp_role
from peers.doomed import dies
from peers.rows import VAULT
from peers.smtp_role import MASTER, Tenant
from peers.vaults import whole_vault
from policy.acceptance import Accepted, Purpose
from role.context import Context
from role.log import EventLog
from store import answers as kept
from store import (
    arrivals,
    clients,
    connections,
    consequences,
    content_rows,
    domains,
    folders,
    injection,
    mail_scan,
    mailboxes,
    outgoing,
    schema,
)
from store.arrivals import Incoming, Received
from store.injection import Forward, Submitted
from store.settings import Settings
from store.spool import Spool
from store.stores import Stores

TOKENS = Tokens(whole_vault(MASTER).derived("tokens"))
SRS = Srs(whole_vault(MASTER).derived("srs"))
LETTER = """From: {author}
To: ann@ours.test
Subject: Re: offer
Message-ID: <{id}@remote.test>
{more}
{words}

On Tue, 3 Mar 2026 at 12:30, Ann <ann@ours.test> wrote:
> Our offer
"""


class Desk:
    """A tenant with a client Carl who got one message, the sorter beside it, and the office that answers."""

    def __init__(self, stores: Stores, folder: Path, sorter: Sorter, tenant: Tenant, office: Office) -> None:
        self.stores, self.folder, self.sorter, self.tenant, self.office = stores, folder, sorter, tenant, office
        self.row = self.mailed("<offer@ours.test>", "carl@remote.test")[0]
        self.client = self.of_row(self.row)
        self.count = 0

    def mailed(self, message_id: str, *addresses: str) -> list[int]:
        forwards = [Forward(one, one, "remote.test") for one in addresses]
        content = f"From: ann@ours.test\r\nSubject: offer\r\nMessage-ID: {message_id}\r\n\r\nOur offer\r\n".encode()
        stored = self.office.spool.put(content)
        submitted = Submitted(
            self.tenant.project, self.tenant.connection, "ann@ours.test", message_id, stored, "mailings"
        )
        handed_in = injection.HandedIn(submitted, forwards, datetime.now(UTC))
        (message,) = self.office.write(lambda tx: injection.queue_submissions(tx, [handed_in]))
        with self.office.read() as core:
            found = {row.address: row.recipient_id for n in range(1, 200) if (row := consequences.row_of(core, n))}
        assert message
        return [found[one] for one in addresses]

    def of_row(self, row: int) -> int:
        with self.office.read() as core:
            found = consequences.row_of(core, row)
        assert found is not None
        assert found.client_id is not None
        return found.client_id

    def write(
        self,
        author: str = "carl@remote.test",
        more: str = "",
        dmarc: str = "none",
        words: str = "Yes, please.",
        to: Accepted | None = None,
    ) -> None:
        """A mail comes in and is sorted."""
        self.count += 1
        field = f"{more}\n" if more else ""
        text = LETTER.format(author=author, id=self.count, more=field, words=words).replace("\n", "\r\n")
        received = Received(datetime.now(UTC), author, "127.0.0.1", "r", False, {"dmarc": dmarc, "disposition": "none"})
        target = to or Accepted("ann@ours.test", Purpose.MAILBOX, self.tenant.ann)
        with self.stores.mail.database.write() as tx:
            arrivals.add(tx, [Incoming(received, self.office.spool.put(text.encode()), [target])])
        while self.sorter.step():
            pass

    def shown(self, client: int | None = None) -> list[Entry]:
        return conversations.page(self.office, self.tenant.project, client or self.client).items

    def came(self, client: int | None = None) -> list[str]:
        return [entry.author for entry in self.shown(client) if entry.direction == "in"]

    def answer(self, draft: Draft, key: str | None = None) -> answers.Answered:
        return answers.answer(self.office, self.tenant.project, self.client, draft, key)

    def in_sent(self) -> list[EmailMessage]:
        with self.stores.mail.database.read() as tx:
            folder = folders.by_use(tx, self.tenant.ann, "\\Sent")
            if folder is None:
                return []
            found = [content_rows.bytes_of_mail(tx, folder.id, uid) for uid in mail_scan.uids_of(tx, folder.id)]
        raw = [self.office.spool.get(*one) for one in found if one]
        return [message_from_bytes(one, policy=policy.default) for one in raw]  # type: ignore[misc]  # default makes EmailMessage

    def queued(self) -> list[str]:
        """The addresses of the rows beyond the first."""
        with self.office.read() as core:
            found = [consequences.row_of(core, number) for number in range(self.row + 1, self.row + 50)]
        return [one.address for one in found if one]


@pytest.fixture
def desk(stores: Stores, tmp_path: Path) -> Iterator[Desk]:
    (tmp_path / "imports").mkdir()
    office = Office(stores, VAULT, tmp_path / "imports", "ours.test", (), threads=False)
    parser = Parser()
    sorter = Sorter(stores, Spool(tmp_path), TOKENS, SRS, parser, EventLog("sorter"))
    yield Desk(stores, tmp_path, sorter, smtp_role.settle_tenant(stores), office)
    parser.close()


# --- what belongs to it -----------------------------------------------------------------------------------------


def test_a_conversation_has_what_we_sent_and_what_came_the_newest_first_with_the_quotation_apart(desk: Desk) -> None:
    desk.write()
    came, sent = desk.shown()
    assert (came.direction, came.text, came.mailbox, came.dmarc) == ("in", "Yes, please.", "ann@ours.test", "none")
    assert came.quoted.endswith("> Our offer")
    assert (sent.direction, sent.text, sent.subject, sent.state) == ("out", "Our offer", "offer", "queued")


def test_the_signed_message_id_tells_first_then_that_of_a_program_then_the_author(desk: Desk) -> None:
    dora_row, eve_row = (desk.mailed(f"<{name}@ours.test>", f"{name}@remote.test")[0] for name in ("dora", "eve"))
    dora, eve = desk.of_row(dora_row), desk.of_row(eve_row)
    signed = TOKENS.message_id(dora_row, "ours.test")
    desk.write(more=f"In-Reply-To: <eve@ours.test>\nReferences: {signed}")
    assert (desk.came(dora), desk.came(eve), desk.came()) == (["carl@remote.test"], [], [])
    desk.write(more="References: <unknown@x.test> <eve@ours.test>")
    assert (desk.came(eve), desk.came()) == (["carl@remote.test"], [])
    desk.write(more="In-Reply-To: <unknown@x.test>")
    assert desk.came() == ["carl@remote.test"]


def test_of_a_message_to_several_the_author_or_nobody_is_told_by_its_message_id(desk: Desk) -> None:
    dora, eve = (desk.of_row(row) for row in desk.mailed("<both@ours.test>", "dora@remote.test", "eve@remote.test"))
    desk.write("eve@remote.test", more="In-Reply-To: <both@ours.test>")
    desk.write("stranger@remote.test", more="In-Reply-To: <both@ours.test>")
    assert (desk.came(dora), desk.came(eve)) == ([], ["eve@remote.test"])


def test_an_answer_to_the_return_address_is_in_the_conversation_of_whom_that_mail_was_for(desk: Desk) -> None:
    bounce = Accepted(f"{TOKENS.reverse_path_local(desk.row)}@ours.test", Purpose.BOUNCE, desk.row)
    desk.write("other@remote.test", to=bounce)
    assert desk.came() == ["other@remote.test"]
    assert desk.shown()[0].mailbox is None


def test_who_fails_dmarc_is_not_taken_for_the_client_but_a_signed_message_id_still_ties(desk: Desk) -> None:
    desk.write(dmarc="fail")
    assert desk.came() == []
    desk.write(dmarc="fail", more=f"In-Reply-To: {TOKENS.message_id(desk.row, 'ours.test')}")
    assert [entry.dmarc for entry in desk.shown() if entry.direction == "in"] == ["fail"]


@pytest.mark.parametrize("more", ["Auto-Submitted: auto-replied", "List-Id: <l.remote.test>\nPrecedence: list"])
def test_what_no_person_wrote_is_in_no_conversation(desk: Desk, more: str) -> None:
    desk.write(more=more)
    assert desk.came() == []


def test_another_projects_mail_of_the_same_author_is_not_shown_nor_tied_by_our_tokens(desk: Desk) -> None:
    other = smtp_role.settle_tenant(desk.stores, "other.test")
    there = Accepted("ann@other.test", Purpose.MAILBOX, other.ann)
    signed = TOKENS.message_id(desk.row, "ours.test")
    desk.write(more=f"In-Reply-To: {signed}\nReferences: <offer@ours.test>", to=there)
    assert desk.came() == []
    with pytest.raises(NotFoundError):
        conversations.page(desk.office, other.project, desk.client)


def test_a_page_goes_on_where_the_last_one_ended_whatever_came_meanwhile(desk: Desk) -> None:
    for number in range(3):
        desk.write(words=f"number {number}")
        desk.mailed(f"<m{number}@ours.test>", "carl@remote.test")
    whole = [entry.id for entry in desk.shown()]
    found, cursor = list[str](), None
    while True:
        page = conversations.page(desk.office, desk.tenant.project, desk.client, cursor, 2)
        found += [entry.id for entry in page.items]
        desk.write(words="later")
        if (cursor := page.next) is None:
            break
    assert found == whole
    assert len(found) == 7
    with pytest.raises(InvalidError):
        conversations.page(desk.office, desk.tenant.project, desk.client, "1")


def test_a_campaign_is_shown_as_the_client_read_it(stores: Stores, tmp_path: Path) -> None:
    made = rows.make_campaign(stores, ["dora@remote.test"])
    rows.launch(stores, made)
    rows.expand(stores, made)
    office = Office(stores, VAULT, tmp_path / "imports", "ours.test", (), threads=False)
    with office.read() as core:
        (client,) = clients.page(core, made.project_id, None, 0, 2)
    (entry,) = conversations.page(office, made.project_id, client.id).items
    assert (entry.subject, entry.text, entry.campaign, entry.state) == ("Hello dora", "Hello dora", "first", "queued")


# --- answering --------------------------------------------------------------------------------------------------


def test_an_answer_continues_the_thread_goes_to_all_and_is_filed_read_in_sent(desk: Desk) -> None:
    desk.write(more="References: <offer@ours.test>")
    draft = Draft("Braces {{ stay }}", cc=["dora@remote.test"], bcc=["eve@remote.test", "DORA@remote.test"])
    told = desk.answer(draft)
    assert (told.mailbox, told.to, told.repeated) == ("ann@ours.test", "carl@remote.test", False)
    assert desk.queued() == ["carl@remote.test", "dora@remote.test", "eve@remote.test"]
    (copy,) = desk.in_sent()
    assert (copy["From"], copy["To"], copy["Cc"]) == ("Ann <ann@ours.test>", "carl@remote.test", "dora@remote.test")
    assert (copy["Bcc"], copy["Subject"]) == ("eve@remote.test", "Re: offer")
    assert (copy["In-Reply-To"], copy["References"]) == ("<1@remote.test>", "<offer@ours.test> <1@remote.test>")
    assert copy.get_content().strip() == "Braces {{ stay }}"
    with desk.office.read() as core:
        sent = outgoing.submissions(core, [told.message])[told.message]
    assert b"eve@" not in desk.office.spool.get(sent.blob, sent.file)
    shown = desk.shown()[0]
    assert (shown.id, shown.kind, shown.text, shown.state) == (told.id, "answer", "Braces {{ stay }}", "queued")


def test_what_the_client_writes_back_to_an_answer_is_in_his_conversation_whoever_else_got_it(desk: Desk) -> None:
    desk.write()
    desk.answer(Draft("Hello", cc=["dora@remote.test"]))
    (copy,) = desk.in_sent()
    desk.write("carl@elsewhere.test", more=f"In-Reply-To: {copy['Message-ID']}")
    assert desk.came() == ["carl@elsewhere.test", "carl@remote.test"]


def test_a_repeat_with_the_same_key_sends_nothing_and_another_answer_needs_another_key(desk: Desk) -> None:
    desk.write()
    first = desk.answer(Draft("Hello"), "k1")
    again = desk.answer(Draft("Hello"), "k1")
    assert (again.id, again.repeated) == (first.id, True)
    assert (len(desk.queued()), len(desk.in_sent())) == (1, 1)
    with pytest.raises(ConflictError, match="Idempotency-Key"):
        desk.answer(Draft("Good bye"), "k1")


def test_an_answer_is_signed_by_the_domain_of_its_mailbox(stores: Stores, tmp_path: Path) -> None:
    made = rows.make_campaign(stores, ["dora@remote.test"])
    (tmp_path / "imports").mkdir()
    office = Office(stores, VAULT, tmp_path / "imports", "shop.test", (), threads=False)
    domain_id = _domain(office, made.project_id)
    office.write(lambda tx: mailboxes.create(tx, made.project_id, domain_id, "news@shop.test", "x", None, office.now()))
    with office.read() as core:
        (client,) = clients.page(core, made.project_id, None, 0, 2)
    told = answers.answer(office, made.project_id, client.id, Draft("Hi", mailbox="news@shop.test"))
    context = Context(
        "sender", 0, 1, "test", Settings(), stores, office.spool, VAULT, EventLog("sender"), tmp_path, tmp_path, {},
        "https://shop.test", lambda: None,
    )  # fmt: skip
    recipe = Recipes(context).of([told.message])[told.message]
    assert isinstance(recipe, Recipe)
    assert recipe.signer is not None
    signatures = recipe.signer.sign(recipe.content, office.now())
    assert signatures.count(b"d=shop.test") == 2


def _domain(office: Office, project: int) -> int:
    with office.read() as core:
        found = domains.get(core, project, "shop.test")
    assert found is not None
    return found.id


def _rate(desk: Desk, rating: int) -> None:
    desk.office.write(
        lambda tx: consequences.by_hand(tx, desk.tenant.project, desk.client, rating, "me", desk.office.now())
    )


def _withdraw(desk: Desk) -> None:
    desk.office.write(
        lambda tx: consequences.withdraw(
            tx, desk.tenant.project, desk.client, 0, "unsubscribed", None, desk.office.now()
        )
    )


def _not_sending(desk: Desk) -> None:
    desk.office.write(lambda tx: domains.set_states(tx, desk.tenant.domain, {"sending": False}))


def _standing(desk: Desk, state: str) -> None:
    desk.office.write(
        lambda tx: tx.execute(schema.connections.update().values(state=state))  # as before any approval
    )


def _blocked_dora(desk: Desk) -> None:
    dora = clients.Newcomer("dora@remote.test", "dora@remote.test", "remote.test", {})
    desk.office.write(lambda tx: clients.register(tx, desk.tenant.project, [dora], 1, "automatic", desk.office.now()))


REFUSED: list[tuple[str, Callable[[Desk], object], Draft, str]] = [
    ("blocked", lambda desk: _rate(desk, 1), Draft("x"), "carl@remote.test: 550 5.1.1"),
    ("unsubscribed", _withdraw, Draft("x"), "carl@remote.test: 550 5.7.1 Email receiver unsub"),
    ("blind copy", _blocked_dora, Draft("x", bcc=["dora@remote.test"]), "dora@remote.test: 550 5.1.1"),
    ("domain", _not_sending, Draft("x"), "may not send from this project"),
    ("moderated", lambda desk: _standing(desk, connections.MODERATED), Draft("x"), "request is under moderation"),
    ("rejected", lambda desk: _standing(desk, connections.REJECTED), Draft("x"), "request is rejected"),
    ("empty", lambda _: None, Draft(" "), "neither HTML nor text"),
    ("header", lambda _: None, Draft("x", subject="a\r\nBcc: b@c.test"), "Subject: character U"),
    ("no address", lambda _: None, Draft("x", cc=["nobody"]), "cc: "),
    ("mailbox", lambda _: None, Draft("x", mailbox="eve@else.test"), "no mailbox"),
    ("entry", lambda _: None, Draft("x", entry="in-77"), "no entry"),
]


@pytest.mark.parametrize(("before", "draft", "words"), [one[1:] for one in REFUSED], ids=[one[0] for one in REFUSED])
def test_what_may_not_go_is_refused_by_name_and_nothing_is_sent(
    desk: Desk, before: Callable[[Desk], object], draft: Draft, words: str
) -> None:
    desk.write()
    before(desk)
    with pytest.raises(RefusedError, match=words):
        desk.answer(draft)
    assert (desk.queued(), desk.in_sent()) == ([], [])


# --- the list ---------------------------------------------------------------------------------------------------


def _listed(desk: Desk, cursor: str | None = None, limit: int = 50) -> list[tuple[str, str]]:
    found = conversation_list.page(desk.office, desk.tenant.project, cursor, limit)
    rest = _listed(desk, found.next, limit) if found.next else []
    return [(one.address, one.standing) for one in found.items] + rest


def test_who_waits_stands_first_and_a_page_goes_on_where_the_last_one_ended(desk: Desk) -> None:
    desk.mailed("<eve@ours.test>", "eve@remote.test")
    desk.mailed("<dora@ours.test>", "dora@remote.test")
    desk.write()
    desk.write("eve@remote.test")
    desk.write("dora@remote.test")
    project, last = desk.tenant.project, desk.shown()[0].id
    conversation_list.read(desk.office, project, desk.client, last)
    assert conversation_list.waiting(desk.office, project) == 3
    eve = next(one for one in conversation_list.page(desk.office, project).items if one.address == "eve@remote.test")
    assert (eve.subject, eve.preview, eve.author) == ("Re: offer", "Yes, please.", "eve@remote.test")
    conversation_list.done(desk.office, project, eve.client, "in-999")
    conversation_list.read(desk.office, project, eve.client, "in-999")
    wanted = [("dora@remote.test", "unread"), ("carl@remote.test", "unanswered"), ("eve@remote.test", "done")]
    assert _listed(desk) == _listed(desk, limit=1) == wanted
    desk.write("eve@remote.test")
    assert _listed(desk)[0] == ("eve@remote.test", "unread")
    assert conversation_list.waiting(desk.office, project) == 3


def test_an_answer_settles_what_it_answers_and_not_what_came_since(desk: Desk) -> None:
    desk.write()
    first = desk.shown()[0].id
    desk.write()
    desk.answer(Draft("Hello", entry=first))
    assert _listed(desk) == [("carl@remote.test", "unread")]
    desk.answer(Draft("Hello"))
    assert _listed(desk) == [("carl@remote.test", "done")]


def test_another_projects_list_is_its_own_and_its_clients_are_not_settled_from_here(desk: Desk) -> None:
    other = smtp_role.settle_tenant(desk.stores, "other.test")
    desk.write()
    assert conversation_list.page(desk.office, other.project).items == []
    with pytest.raises(NotFoundError):
        conversation_list.done(desk.office, other.project, desk.client, desk.shown()[0].id)
    for cursor in ("x", "3.1", "1", "1.1.1"):
        with pytest.raises(InvalidError):
            conversation_list.page(desk.office, desk.tenant.project, cursor)


# --- crash cases ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["file", "settle"], ids=["before the copy", "behind the copy"])
def test_killed_between_queue_and_copy_the_clock_files_it_once_and_sends_nothing_more(
    desk: Desk, location: str, where: str
) -> None:
    desk.write()
    bcc = ["eve@remote.test"]
    dies(
        "answer", f"store.answers:{where}", location, desk.folder,
        project=desk.tenant.project, client=desk.client, bcc=bcc, key="k1",
    )  # fmt: skip
    assert len(desk.in_sent()) == (0 if where == "file" else 1)
    assert answers.file_left(desk.office) == 1
    assert answers.file_left(desk.office) == 0
    assert [one["Bcc"] for one in desk.in_sent()] == bcc
    assert _listed(desk) == [("carl@remote.test", "done")]
    assert desk.answer(Draft("Hello", bcc=bcc), "k1").repeated
    assert len(desk.queued()) == 2


def test_a_copy_that_cannot_be_filed_is_told_of_and_holds_up_no_other_and_is_filed_when_it_can(
    desk: Desk, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    def failed() -> float:
        return REGISTRY.get_sample_value("mailloft_answer_copies_failed_total") or 0.0

    desk.write()
    for words in ("Hello. " * 50_000, "Bye."):
        desk.answer(Draft(words))
    # As a crash behind the queue leaves them, and the bytes of the first are out of reach.
    desk.office.write(lambda tx: tx.execute(schema.answers.update().values(filed=False)))
    desk.office.write_mail(lambda tx: tx.execute(schema.filed_answers.delete()))
    with desk.office.read() as core:
        file = next(one.file for one in kept.unfiled(core, 10) if one.file)
    spooled = next(desk.office.uploads.parent.rglob(file))
    hidden = spooled.rename(spooled.with_suffix(".away"))
    before, copies = failed(), len(desk.in_sent())
    assert (answers.file_left(desk.office), failed() - before, len(desk.in_sent()) - copies) == (1, 1.0, 1)
    assert b'"event":"copy of an answer not filed yet"' in capfdbinary.readouterr().err
    hidden.rename(spooled)
    assert (answers.file_left(desk.office), len(desk.in_sent()) - copies) == (1, 2)


def test_an_answer_whose_mailbox_is_gone_is_settled_all_the_same(desk: Desk) -> None:
    desk.write()
    told = desk.answer(Draft("Hello"))
    desk.office.write(lambda tx: tx.execute(schema.answers.update().values(filed=False, mailbox_id=999)))
    assert [answers.file_left(desk.office) for _ in range(2)] == [1, 0]
    assert told.mailbox == "ann@ours.test"


def test_a_mail_that_is_sorted_again_is_in_the_conversation_once(desk: Desk) -> None:
    desk.write()
    entry = desk.shown()[0]
    conversation_list.done(desk.office, desk.tenant.project, desk.client, entry.id)
    with desk.stores.mail.database.write() as tx:
        (waiting,) = arrivals.load(tx, [int(entry.id.removeprefix("in-"))])
        tx.execute(schema.arrivals.update().values(state="new", parses=0))
    assert waiting
    while desk.sorter.step():
        pass
    assert desk.shown()[0].id == entry.id
    assert desk.came() == ["carl@remote.test"]
    assert _listed(desk) == [("carl@remote.test", "done")]
