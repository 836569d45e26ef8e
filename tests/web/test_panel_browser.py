"""The panel in a real browser: sign-in with a second factor, a campaign from CSV to its report, no serious finding of
axe-core, nothing wider than its screen. MAILLOFT_SCREENSHOTS names a folder for a picture of each page."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pyotp
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from peers import need
from peers.appliance import Appliance
from peers.loopback import wait_until
from peers.panel import operator_at, project_of, shown_password
from peers.tenants import Tenant

AXE: Final = Path(__file__).parents[2] / "admin" / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
PICTURES: Final = os.environ.get("MAILLOFT_SCREENSHOTS", "")
CSV: Final = "address;name\n" + "".join(f"reader{number}@nowhere-browser.test;Reader {number}\n" for number in range(5))
WAIT: Final = 30_000.0
PATHS: Final = (
    "", "/domains", "/domains/{domain}", "/mailboxes", "/mailboxes/hello@{domain}", "/aliases", "/senders",
    "/senders/{sender}", "/connections", "/connections/{connection}", "/lists", "/lists/{list}", "/lists/{list}/import",
    "/segments", "/segments/new", "/segments/{segment}", "/segments/{segment}/edit", "/imports",
    "/imports/{imported}", "/clients", "/clients/{client}", "/conversations",
    "/conversations/{client}", "/campaigns", "/campaigns/new",
    "/campaigns/{campaign}/recipients", "/campaigns/{campaign}/message", "/campaigns/{campaign}/sending", "/queue",
    "/queue/lanes", "/trace", "/people", "/keys", "/audit",
)  # fmt: skip
ALONE: Final = (
    "/me", "/me/second-factor", "/operator/overview", "/operator/projects", "/operator/moderation",
    "/operator/addresses", "/operator/lanes", "/operator/explain", "/operator/doctor", "/operator/audit", "/nowhere",
)  # fmt: skip
LOOKS: Final = [(width, scheme) for width in (360, 1440) for scheme in ("light", "dark")]
JUDGED: Final = ((360, "dark"), (1440, "light"))  # the others are for pictures alone


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    program = need.program("chromium", "chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def axe() -> str:
    if not AXE.exists():
        need.lacking("axe-core (npm ci in admin/frontend, which `make env` does)")
    return AXE.read_text("utf-8")


def looking(chromium: Browser, web: Appliance, width: int, scheme: Any) -> BrowserContext:
    return chromium.new_context(
        base_url=web.ready["admin"], ignore_https_errors=True, viewport={"width": width, "height": 900},
        color_scheme=scheme, locale="en-GB",
    )  # fmt: skip


def enter(page: Page, login: str, password: str) -> None:
    page.goto("/sign-in")
    page.get_by_label("Login").fill(login)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_a_person_signs_in_with_a_second_factor_and_sends_a_campaign(
    chromium: Browser, web: Appliance, ours: Tenant
) -> None:
    operator = operator_at(web)
    project = project_of(operator, "ours")
    operator.get(f"/p/{project}/people")
    login = "browsing@people.test"
    password = shown_password(operator.post(f"/p/{project}/people", {"login": login, "role": "owner"}))
    operator.close()
    context = looking(chromium, web, 1440, "light")
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)

    enter(page, login, password)
    secret = _second_factor(page)
    page.get_by_role("button", name="Sign out").click()
    enter(page, login, password)
    page.get_by_label("Code").fill(pyotp.TOTP(secret).at(_next_step()))
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile(rf"/p/{project}$"), timeout=WAIT)

    _import(page, project)
    _campaign(page, project)
    assert wrong == []
    context.close()


def _next_step() -> int:
    """A moment whose code was not used yet: the step behind the present one."""
    return int(time.time()) + 30


def _second_factor(page: Page) -> str:
    page.goto("/me/second-factor")
    secret = page.locator("#secret").inner_text()
    page.get_by_label("Code").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Confirm").click()
    assert page.locator(".codes li").count() == 10
    return secret


def _import(page: Page, project: int) -> None:
    page.goto(f"/p/{project}/lists")
    page.locator("details.add summary").click()
    page.get_by_label("Name").fill("Browser's readers")
    page.locator("form.sheet button").click()
    page.get_by_role("link", name="Import", exact=True).click()
    page.get_by_label("File").set_input_files({"name": "c.csv", "mimeType": "text/csv", "buffer": CSV.encode()})
    page.get_by_role("button", name="Import").click()
    page.locator("#progress .mark", has_text="finished").wait_for(timeout=WAIT)
    assert "5" in page.locator("#progress dd").first.inner_text()


def _campaign(page: Page, project: int) -> None:
    page.goto(f"/p/{project}/campaigns/new")
    page.get_by_label("Name").fill("From the browser")
    page.get_by_label("List", exact=True).select_option("Browser's readers")
    page.locator("#reach", has_text="Recipients: 5 clients").wait_for(timeout=WAIT)
    page.get_by_role("button", name="Save and go on").click()
    page.get_by_label("Subject").fill("Hello {{ name }}")
    page.get_by_label("Markdown").check()
    page.get_by_label("Message", exact=True).fill("Hello **{{ name }}**")
    page.get_by_text("Add a button").click()
    page.get_by_label("Words on it").fill("Read on")
    page.get_by_label("Where it leads").fill("https://ours.test/news")
    page.get_by_role("button", name="Put it at the end").click()
    page.get_by_label("Attach a file").set_input_files({"name": "a.txt", "mimeType": "text/plain", "buffer": b"A"})
    page.get_by_role("button", name="Save and preview").click()
    seen = page.frame_locator("iframe.preview")
    assert seen.locator("strong").inner_text() == "Reader 0"
    assert seen.get_by_role("link", name="Read on").get_attribute("href") == "https://ours.test/news"
    assert "/u/test" in str(seen.get_by_role("link", name="Unsubscribe").get_attribute("href"))
    page.get_by_label("As the client").fill("reader3@nowhere-browser.test")
    page.get_by_role("button", name="Show", exact=True).click()
    assert page.frame_locator("iframe.preview").locator("strong").inner_text() == "Reader 3"
    page.get_by_label("Width").select_option("text")
    assert "Hello Reader 3" in page.locator(".preview-text").inner_text()
    assert page.locator("main li", has_text="a.txt").count() == 1
    page.get_by_label("To an address of yours").fill("hello@ours.test")
    page.get_by_role("button", name="Send the test").click()
    page.locator("#tests li", has_text="hello@ours.test").wait_for(timeout=WAIT)
    page.get_by_role("button", name="Save and go on").click()
    page.locator("#gate .note.good").wait_for(timeout=WAIT)
    _parts(page)
    page.get_by_role("button", name="Launch").click()
    page.locator("dialog p").wait_for()
    page.get_by_role("button", name="Yes, do it").click()
    page.locator("#progress .mark", has_text="running").wait_for(timeout=WAIT)
    wait_until(lambda: page.reload() and page.locator("main table a", has_text="reader0@").count(), "rows are made", 30)
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Yes, do it").click()
    page.locator("#progress .mark", has_text="cancelled").wait_for(timeout=WAIT)


def _parts(page: Page) -> None:
    """A field for each part behind the first; what was saved is shown again in the reader's own zone."""
    page.get_by_text("Pace", exact=True).click()
    page.get_by_label("Number of parts").fill("3")
    assert page.locator(".moments label").count() == 2
    page.get_by_label("each at its time").check()
    for part, moment in (("Part 2", "2031-03-04T10:30"), ("Part 3", "2031-03-05T10:30")):
        page.get_by_label(part).fill(moment)
    page.get_by_role("button", name="Save", exact=True).click()
    page.locator(".note.good", has_text="Saved").wait_for(timeout=WAIT)
    assert page.get_by_label("Part 3").input_value() == "2031-03-05T10:30"
    page.get_by_label("one after the other").check()
    page.get_by_label("Number of parts").fill("1")
    page.locator("#gate .note.good").wait_for(timeout=WAIT)


@pytest.mark.parametrize(("width", "scheme"), LOOKS if PICTURES else JUDGED)
def test_every_page_fits_its_screen_and_axe_finds_nothing_serious(
    width: int, scheme: str, chromium: Browser, web: Appliance, ours: Tenant, axe: str
) -> None:
    context = looking(chromium, web, width, scheme)
    page = context.new_page()
    found = _judged(page, axe, "/sign-in", f"sign-in-{width}-{scheme}")
    enter(page, **web.ready["operator"])
    page.goto("/operator/projects")
    base = page.get_by_role("cell", name="ours").get_by_role("link").get_attribute("href")
    connection = ours.api.get("/connections").json()["items"][0]["id"]
    values = {
        name: getattr(ours, name) for name in ("domain", "sender", "list", "imported", "client", "campaign", "segment")
    }
    paths = [f"{base}{path}".format(**values, connection=connection) for path in PATHS]
    for path in (*paths, *ALONE):
        found += _judged(page, axe, path, f"{path.strip('/').replace('/', '-')}-{width}-{scheme}")
    context.close()
    assert found == []


def _judged(page: Page, axe: str, path: str, name: str) -> list[str]:
    page.goto(path)
    if PICTURES:
        Path(PICTURES).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)
    over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    told = [f"{path}: {over} px wider than the screen"] if over > 0 else []
    page.evaluate(axe)
    results = page.evaluate("axe.run(document, {iframes: false})")
    serious = [one for one in results["violations"] if one["impact"] in ("serious", "critical")]
    return told + [f"{path}: {one['id']} at {one['nodes'][0]['target']}" for one in serious]
