"""A draft of a campaign: written, attached to, shown, tested; how it goes when it is launched (PRODUCT K2, K3)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer
from sqlalchemy import func, select

from admin.acts import (
    attachments,
    campaign_about,
    campaign_draft,
    campaign_sending,
    campaign_tests,
    campaigns,
    clients,
    connections,
    domains,
    lists,
    mailboxes,
    projects,
    segments,
    senders,
)
from admin.acts import campaign_messages as messages
from admin.acts.campaign_about import About
from admin.acts.campaign_draft import Draft
from admin.cli.campaign_asked import Asked, changed
from admin.office import Office
from admin.refusals import ConflictError, InvalidError, NotFoundError
from mail.attachment import Attachment
from peers.vaults import whole_vault
from policy.timetable import Timetable
from store import campaign_progress, conversations, expansion, outgoing, unsubscribe_view
from store import campaigns as rows
from store.campaigns import Sending
from store.schema import campaign_attachments, campaign_contents, recipients
from store.schema import messages as message_table
from store.stores import Stores

PNG = Attachment("x.png", "image/png", b"\x89PNG", "logo")
MINUTE = timedelta(minutes=1)
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


class Desk:
    """A project with a draft to three clients."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.owner = projects.create(office, "shop", campaigns_allowed=True).id
        domains.create(office, self.owner, "shop.test")
        domains.set_states(office, self.owner, "shop.test", {"owned": True, "sending": True})
        mailboxes.create(office, self.owner, "hello@shop.test", None, None)
        self.sender = senders.create(office, self.owner, "hello@shop.test", "Shop").id
        self.list = lists.create(office, self.owner, "readers").id
        for name in ("ann", "bob", "cid"):
            clients.create(office, self.owner, f"{name}@a.test", [self.list], {"name": name.title()})
        content = messages.compose("Hello {{ name }}", "markdown", "Dear **{{ name }}**", attachments=[PNG])
        draft = Draft("x", self.sender, self.list, "mailings", content)
        self.campaign = campaigns.create(office, self.owner, draft).id

    @property
    def draft(self) -> Draft:
        return campaigns.draft_of(self.office, self.owner, self.campaign)

    def counted(self, table: object) -> int:
        with self.office.read() as core:
            return int(core.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]  # any table

    def test(self, to: str, **more: str) -> list[campaign_tests.TestView]:
        return campaign_tests.send(self.office, self.owner, self.campaign, to, **more)


@pytest.fixture
def desk(stores: Stores, tmp_path: Path) -> Desk:
    return Desk(Office(stores, whole_vault(bytes(32)), tmp_path / "uploads", "mailloft.test", ()))


def test_what_was_written_is_kept_beside_what_is_sent(desk: Desk) -> None:
    said = desk.draft.content
    assert (said.form, messages.source_of(said)) == ("markdown", "Dear **{{ name }}**")
    assert "<strong>{{ name }}</strong>" in said.html


def test_a_preview_is_the_message_of_the_client_that_is_named(desk: Desk) -> None:
    messages.rewrite(
        desk.office, desk.owner, desk.campaign, "Hi {{ name }}", "html", '<img src="cid:logo">{{ name }}', ""
    )
    first = messages.preview(desk.office, desk.owner, desk.campaign)
    assert (first.client, first.subject) == ("ann@a.test", "Hi Ann")
    assert "data:image/png;base64,iVBORw==" in first.html
    assert "/u/test" in first.html
    bob = messages.preview(desk.office, desk.owner, desk.campaign, "BOB@a.test")
    assert bob.subject == "Hi Bob"
    assert bob.text.startswith("Bob")
    assert "Unsubscribe (/u/test)" in bob.text
    with pytest.raises(NotFoundError, match="no client"):
        messages.preview(desk.office, desk.owner, desk.campaign, "eve@a.test")


def test_saving_again_and_again_keeps_one_version(desk: Desk) -> None:
    for number in range(3):
        messages.rewrite(desk.office, desk.owner, desk.campaign, f"S{number}", "html", "<p>x</p>", "")
    assert (desk.counted(campaign_contents), desk.counted(campaign_attachments)) == (1, 1)
    assert desk.draft.content.subject == "S2"


def test_a_button_is_added_and_attachments_have_limits(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    messages.add_button(desk.office, desk.owner, desk.campaign, "Buy", "https://shop.test/")
    assert 'href="https://shop.test/"' in desk.draft.content.html
    with pytest.raises(InvalidError, match="button link"):
        messages.add_button(desk.office, desk.owner, desk.campaign, "Buy", "javascript:x")
    messages.attach(desk.office, desk.owner, desk.campaign, Attachment("a.txt", "text/plain", b"x"))
    assert [one.filename for one in desk.draft.content.attachments] == ["x.png", "a.txt"]
    messages.detach(desk.office, desk.owner, desk.campaign, 0)
    assert [one.filename for one in desk.draft.content.attachments] == ["a.txt"]
    monkeypatch.setattr(attachments, "OCTETS", 4)
    with pytest.raises(InvalidError, match="together"):
        messages.attach(desk.office, desk.owner, desk.campaign, Attachment("b", "text/plain", b"1234"))
    monkeypatch.setattr(attachments, "FILES", 1)
    with pytest.raises(InvalidError, match="at most 1"):
        messages.attach(desk.office, desk.owner, desk.campaign, Attachment("b", "text/plain", b""))


def test_what_cannot_be_read_is_refused_at_its_field(desk: Desk) -> None:
    for form, source, words in (
        ("mjml", "<mjml>", "message: "), ("html", "{{ 1 }}", "html: line 1"), ("rtf", "x", "form: "),
    ):  # fmt: skip
        with pytest.raises(InvalidError, match=words):
            messages.rewrite(desk.office, desk.owner, desk.campaign, "S", form, source, "")


def test_a_test_goes_to_ones_own_addresses_alone_and_counts_nowhere(desk: Desk) -> None:
    (sent,) = desk.test("hello@shop.test", client="bob@a.test")
    assert (sent.address, sent.state) == ("hello@shop.test", "queued")
    assert desk.test("me@person.test", login="Me@person.test")[0].address == "me@person.test"
    with desk.office.read() as core:
        found = core.execute(select(recipients.c.client_id, recipients.c.id)).all()
        kept = core.execute(select(message_table).where(message_table.c.kind == "test")).first()
    assert [row.client_id for row in found] == [None, None]
    assert kept is not None
    content = desk.office.spool.get(kept.bytes, kept.file)
    assert b"Subject: [Test] Hello Bob" in content
    assert b"/u/test>" in content
    assert campaigns.get(desk.office, desk.owner, desk.campaign).counts["queued"] == 0
    for stranger in ("ann@a.test", "eve@else.test"):
        with pytest.raises(InvalidError, match="is not one of yours"):
            desk.test(stranger)
    assert messages.likeness(desk.office, desk.owner, desk.campaign, desk.draft) == "Hello {{ name }}"


def test_a_test_is_no_way_around_what_stops_a_sender(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaign_tests, "AN_HOUR", 1)
    desk.test("hello@shop.test")
    with pytest.raises(ConflictError, match="1 tests an hour"):
        desk.test("hello@shop.test")
    answers = dict.fromkeys(connections.QUESTIONS, "x")
    connections.ask(desk.office, desk.owner, "shop", desk.sender, answers)
    with pytest.raises(ConflictError, match="under moderation"):
        desk.test("hello@shop.test")
    with pytest.raises(ConflictError, match="under moderation") as refused:
        campaigns.launch(desk.office, desk.owner, desk.campaign, None)
    assert [one["name"] for one in refused.value.more["reasons"]] == ["smtp_moderation"]
    domains.set_states(desk.office, desk.owner, "shop.test", {"sending": False})
    told = []
    for asked in (
        lambda: desk.test("hello@shop.test"),
        lambda: campaigns.launch(desk.office, desk.owner, desk.campaign, None),
        lambda: connections.ask(desk.office, desk.owner, "again", desk.sender, answers),
    ):
        with pytest.raises(ConflictError) as refused:
            asked()
        told.append({one["name"]: one["detail"] for one in refused.value.more["reasons"]})
    assert told[0] == told[1]
    assert set(told[0]) == {"smtp_moderation", "domain"}
    assert told[2] == {"domain": told[0]["domain"]}


def test_how_it_goes_is_kept_and_refused_where_it_makes_no_sense(desk: Desk) -> None:
    sending = Sending("Ann of Shop", Timetable(timedelta(seconds=1.5), 3, 10 * MINUTE), history=False)
    campaigns.edit(desk.office, desk.owner, desk.campaign, replace(desk.draft, sending=sending))
    assert desk.draft.sending == sending
    for wrong, words in (
        (replace(sending, from_name="a\nb"), "sender name"),
        (replace(sending, timetable=Timetable(parts=0)), "parts"),
        (replace(sending, timetable=Timetable(interval=timedelta(hours=2))), "interval"),
        (replace(sending, timetable=Timetable(every=timedelta(days=8))), "pause between parts"),
        (Sending(timetable=Timetable(parts=3), part_times=(NOON,)), "times of the parts: 1, but 2"),
        (Sending(timetable=Timetable(parts=2, every=MINUTE), part_times=(NOON,)), "times of the parts: give them or"),
        (Sending(timetable=Timetable(parts=3), part_times=(NOON, NOON)), "times of the parts: each"),
    ):
        with pytest.raises(InvalidError, match=words):
            campaigns.edit(desk.office, desk.owner, desk.campaign, replace(desk.draft, sending=wrong))


def test_at_the_command_line_what_is_not_named_stays(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<p>New</p>")
    kept = replace(desk.draft, sending=Sending("Ann", Timetable(MINUTE, 2), history=False, part_times=(NOON,)))
    for asked, named in (
        (Asked(), {}),
        (Asked(pool="others", list_name=""), {"pool": "others", "list": None}),
        (Asked(everyone=True), {"list": None}),
        (Asked(from_name="", history=True), {"sending": replace(kept.sending, from_name="", history=True)}),
        (Asked(interval=1), {"sending": replace(kept.sending, timetable=Timetable(MINUTE / 60, 2))}),
        (Asked(parts=3), {"sending": Sending("Ann", Timetable(MINUTE, 3), history=False)}),
        (Asked(part_every=60), {"sending": Sending("Ann", Timetable(MINUTE, 2, MINUTE), history=False)}),
        (
            Asked(part_at=[NOON, NOON + MINUTE]),
            {"sending": replace(kept.sending, timetable=Timetable(MINUTE, 3), part_times=(NOON, NOON + MINUTE))},
        ),
    ):
        assert changed(desk.office, desk.owner, kept, asked) == replace(kept, **named)
    said = changed(desk.office, desk.owner, kept, Asked(html=tmp_path / "page.html")).content
    assert (said.subject, said.html, said.attachments) == ("Hello {{ name }}", "<p>New</p>", (PNG,))
    with pytest.raises(typer.BadParameter, match="one of"):
        changed(desk.office, desk.owner, kept, Asked(html=tmp_path / "page.html", mjml=tmp_path / "page.html"))
    with pytest.raises(NotFoundError):
        changed(desk.office, desk.owner, kept, Asked(list_name="nobody's"))


def test_parts_become_rows_when_they_are_due_and_a_pause_puts_them_off(desk: Desk) -> None:
    sending = Sending(timetable=Timetable(parts=3, every=10 * MINUTE))
    campaigns.edit(desk.office, desk.owner, desk.campaign, replace(desk.draft, sending=sending))
    campaigns.launch(desk.office, desk.owner, desk.campaign, None)
    begun = datetime.now(UTC)
    assert [_made(desk, begun + moment) for moment in (0 * MINUTE, 9 * MINUTE, 10 * MINUTE)] == [1, 0, 1]
    campaigns.pause(desk.office, desk.owner, desk.campaign)
    with desk.office.read() as core:
        paused = rows.by_id(core, None, desk.campaign)
    assert paused is not None
    late = begun + timedelta(hours=5)
    desk.office.write(lambda tx: rows.resume(tx, paused, late))
    assert [_made(desk, late + moment) for moment in (0 * MINUTE, 11 * MINUTE)] == [1, 0]
    assert campaigns.get(desk.office, desk.owner, desk.campaign).expanded == 3
    with desk.office.read() as core:
        due = sorted(core.execute(select(recipients.c.due)).scalars())
        assert len(campaign_progress.rows_of(core, desk.campaign, 0, 10)) == 3
    assert [round((moment - begun) / MINUTE) for moment in due] == [0, 10, 300]


def test_parts_go_at_their_own_times_and_a_pause_puts_off_only_the_one_that_it_stood_in(desk: Desk) -> None:
    begun = datetime.now(UTC)
    times = (begun + 10 * MINUTE, begun + 600 * MINUTE)
    sending = campaign_sending.asked("", timedelta(0), 1, timedelta(0), times, history=True)
    assert sending.timetable.parts == 3
    campaigns.edit(desk.office, desk.owner, desk.campaign, replace(desk.draft, sending=sending))
    assert desk.draft.sending == sending
    campaigns.launch(desk.office, desk.owner, desk.campaign, None)
    assert [_made(desk, begun + moment) for moment in (MINUTE, 9 * MINUTE)] == [1, 0]
    told = campaigns.get(desk.office, desk.owner, desk.campaign)
    assert told.next_part == campaigns.PartView(2, times[0])
    assert told.last_due == times[1]
    campaigns.pause(desk.office, desk.owner, desk.campaign)
    with desk.office.read() as core:
        paused = rows.by_id(core, None, desk.campaign)
    assert paused is not None
    late = begun + 300 * MINUTE
    desk.office.write(lambda tx: rows.resume(tx, paused, late))
    assert [_made(desk, late + moment) for moment in (0 * MINUTE, 299 * MINUTE, 300 * MINUTE)] == [1, 0, 1]
    with desk.office.read() as core:
        due = sorted(core.execute(select(recipients.c.due)).scalars())
    assert [round((moment - begun) / MINUTE) for moment in due] == [0, 300, 600]


def test_without_a_list_it_goes_to_the_project_or_to_those_whom_a_segment_means(desk: Desk) -> None:
    clients.create(desk.office, desk.owner, "dan@b.test", [], {"name": "Dan"})
    stranger = projects.create(desk.office, "other", campaigns_allowed=True).id
    clients.create(desk.office, stranger, "eve@b.test", [], {"name": "Eve"})
    rule = {"variables": [{"variable": "name", "test": "contains", "value": "an"}]}
    named = segments.create(desk.office, desk.owner, "an", rule).id
    found = {
        (chosen, segment): campaign_draft.reach(desk.office, desk.owner, chosen, segment, exact=exact).clients
        for chosen in (desk.list, None) for segment in (None, named) for exact in (True, False)
    }  # fmt: skip
    assert found == {(desk.list, None): 3, (desk.list, named): 0, (None, None): 4, (None, named): 1}
    campaigns.edit(desk.office, desk.owner, desk.campaign, replace(desk.draft, list=None, segment=named))
    assert campaigns.gate(desk.office, desk.owner, desk.campaign) == []
    assert messages.preview(desk.office, desk.owner, desk.campaign, "").client
    campaigns.launch(desk.office, desk.owner, desk.campaign, None)
    assert _made(desk, datetime.now(UTC)) == 1
    with desk.office.read() as core:
        (row,) = campaign_progress.rows_of(core, desk.campaign, 0, 10)
        told = unsubscribe_view.of_row(core, row.id)
        (flow,) = core.execute(select(recipients.c.message_id)).all()
        shipped = outgoing.shipped(core, flow.message_id)
    assert row.address == "dan@b.test"
    assert told is not None
    assert shipped is not None
    assert (told.list_id, shipped.list_id) == (0, 0)


@pytest.mark.parametrize("history", [True, False])
def test_a_campaign_without_history_is_in_no_conversation(desk: Desk, history: bool) -> None:
    sending = Sending(history=history)
    campaigns.edit(desk.office, desk.owner, desk.campaign, replace(desk.draft, sending=sending))
    campaigns.launch(desk.office, desk.owner, desk.campaign, None)
    assert _made(desk, datetime.now(UTC)) == 3
    client = clients.by_address(desk.office, desk.owner, "ann@a.test").id
    with desk.office.read() as core:
        assert len(conversations.sent(core, client, 1 << 62, 10)) == history


def _made(desk: Desk, now: datetime) -> int:
    """How many rows the sender makes at that moment."""
    with desk.office.read() as core:
        fresh = rows.by_id(core, None, desk.campaign)
        assert fresh is not None
        part = expansion.snapshot_part(core, fresh, now)
    if part:
        desk.office.write(lambda tx: expansion.expand(tx, fresh, part, now))
    return len(part)


def test_what_was_launched_says_what_from_whom_to_whom(desk: Desk) -> None:
    about = (desk.office, desk.owner, desk.campaign)
    assert campaign_about.about(*about) == About("Hello {{ name }}", "hello@shop.test", "readers", None, "mailings")
    rule = {"variables": [{"variable": "name", "test": "contains", "value": "nn"}]}
    named = segments.create(desk.office, desk.owner, "doubled", rule).id
    campaigns.edit(desk.office, desk.owner, desk.campaign, replace(desk.draft, list=None, segment=named))
    campaigns.launch(desk.office, desk.owner, desk.campaign, None)
    assert campaign_about.about(*about) == About("Hello {{ name }}", "hello@shop.test", None, "doubled", "mailings")
    stranger = projects.create(desk.office, "other", campaigns_allowed=True).id
    with pytest.raises(NotFoundError):
        campaign_about.about(desk.office, stranger, desk.campaign)
