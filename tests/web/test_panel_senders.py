"""The senders' pages list all that keeps a sender from sending, with the way to its mend, in both languages."""

from __future__ import annotations

from peers.panel import Browser, project_of
from peers.tenants import Tenant, made_by

RUSSIAN = {"Accept-Language": "ru"}


def test_a_sender_tells_what_keeps_it_from_sending(browser: Browser, ours: Tenant) -> None:
    base = f"/p/{project_of(browser, ours.name)}"
    made = made_by(ours.api, "/senders", {"address": "news@elsewhere-ours.test"})
    assert [one["name"] for one in made["obstacles"]] == ["sender", "domain"]
    for page in (f"{base}/senders", f"{base}/senders/{made['id']}"):
        shown = browser.get(page).text
        assert "news@elsewhere-ours.test is not authorised: prove that the address is yours." in shown
        assert f'<a href="{base}/domains">domain</a>: elsewhere-ours.test may not send from this project' in shown
        russian = browser.get(page, headers=RUSSIAN).text
        assert "elsewhere-ours.test пока не может отправлять из этого проекта" in russian
    whole = browser.get(f"{base}/senders").text
    assert f'<a href="{base}/connections">SMTP request</a>: shop@ours.test sends nothing by any way' in whole
    assert '<span class="mark good">may send</span>' in whole
