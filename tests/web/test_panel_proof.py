"""The panel in a browser, each act checked where it has effect: a domain from mistakes to green while DNS changes; a
connection asked, approved and used by swaks; a campaign from CSV to report with bounces and a revived client.

What strangers and clients wrote - cells, banners, answers, DSNs, names - is read on every page and runs on none.
"""

from __future__ import annotations

import os
import smtplib
import ssl
from collections.abc import Iterator
from imaplib import IMAP4
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from peers import need, swaks
from peers.appliance import Appliance
from peers.far_host import FarHost
from peers.loopback import wait_until
from peers.names import Names, record
from peers.panel import operator_at, shown_password

EVIL: Final = "<img src=x onerror=document.title='run'><script>document.title='run'</script>"
FAR: Final = "127.0.7.41"
OLGA: Final = "olga@far.test"
CSV: Final = f"""address;name
ann@far.test;{EVIL}
bob@far.test;Bob
gone@far.test;Gone
late@far.test;Late
"{EVIL}";x
"""
WAIT: Final = 30_000.0
PICTURES: Final = os.environ.get("MAILLOFT_SCREENSHOTS", "")
DSN: Final = """From: MAILER-DAEMON@far.test
To: {back}
Subject: Undelivered {evil}
Message-ID: <dsn-1@far.test>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

{evil}
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.far.test

Final-Recipient: rfc822; late@far.test
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 No such user {evil}
--b--
"""


@pytest.fixture(scope="module")
def far() -> Iterator[FarHost]:
    made = FarHost(FAR, f"{EVIL} no such user")
    yield made
    made.stop()


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Names]:
    zone = [record("far.test", "MX", "10 mx.far.test."), record("mx.far.test", "A", FAR)]
    made = Names(tmp_path_factory.mktemp("names"), zone)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def shop(far: FarHost, names: Names, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    settings = f'[dns]\nservers = ["{names.listening}"]\n[outbound]\nport = {far.port}\n'
    made = Appliance(tmp_path_factory.mktemp("shop"), settings)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        program = need.program("chromium", "chromium")
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


class Person:
    """Somebody at a browser, who notices whatever ran there."""

    def __init__(self, chromium: Browser, shop: Appliance, login: str, password: str) -> None:
        context = chromium.new_context(base_url=shop.ready["admin"], ignore_https_errors=True, locale="en-GB")
        self.page: Page = context.new_page()
        self.page.set_default_timeout(WAIT)
        self.wrong: list[str] = []
        self.page.on("dialog", lambda dialog: self.wrong.append(dialog.message))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("console", lambda said: self.wrong.append(said.text) if said.type == "error" else None)
        self.page.goto("/sign-in")
        self.page.get_by_label("Login").fill(login)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()

    def go(self, path: str) -> None:
        self.page.goto(path)
        self.unhurt()

    def press(self, name: str, sure: bool = False) -> None:
        self.page.get_by_role("button", name=name, exact=True).first.click()
        if sure:
            self.page.get_by_role("button", name="Yes, do it").click()

    def picture(self, name: str) -> None:
        """Where MAILLOFT_SCREENSHOTS names a folder: what the page looks like in full life."""
        for width in (360, 1440) if PICTURES else ():
            self.page.set_viewport_size({"width": width, "height": 900})
            for scheme in ("light", "dark"):
                self.page.emulate_media(color_scheme=scheme)
                self.page.screenshot(path=Path(PICTURES) / f"proof-{name}-{width}-{scheme}.png", full_page=True)
        if PICTURES:
            self.page.emulate_media(color_scheme="light")

    def unhurt(self) -> None:
        """No element of what strangers wrote is one, no script of theirs ran."""
        assert self.page.title() != "run"
        assert self.page.locator("main img[src=x], main script").count() == 0
        assert self.wrong == []


@pytest.fixture
def base(shop: Appliance) -> str:
    """The path of a project whose plan allows campaigns, and of nobody's yet."""
    with shop.api() as api:
        project = api.post("/projects", json={"name": "shop", "campaigns_allowed": True}).json()["id"]
        assert api.post("/projects", json={"name": "home", "campaigns_allowed": False}).is_success
        # What the appliance itself writes to people comes from the domain of its own name.
        assert api.post("/domains", params={"project": "home"}, json={"name": "mailloft.test"}).is_success
        states = {"owned": True, "sending": True}
        assert api.patch("/domains/mailloft.test", params={"project": "home"}, json=states).is_success
    return f"/p/{project}"


def test_a_project_goes_its_whole_way_in_the_browser_and_nothing_hostile_runs(
    chromium: Browser, shop: Appliance, names: Names, far: FarHost, base: str, tmp_path: Path
) -> None:
    at = operator_at(shop)
    at.get(f"{base}/people")
    olga = Person(chromium, shop, OLGA, shown_password(at.post(f"{base}/people", {"login": OLGA, "role": "owner"})))
    at.close()
    _domain(olga, names, shop, base)
    _mailbox_and_sender(olga, shop, base)
    _connection(olga, chromium, shop, far, base)
    _list(olga, base, tmp_path)
    _campaign(olga, far, base)
    _bounces(olga, shop, far, base)
    _revived(olga, shop, far, base)
    _broken(olga, names, far, base)
    olga.unhurt()


def _domain(olga: Person, names: Names, shop: Appliance, base: str) -> None:
    page = olga.page
    olga.go(f"{base}/domains")
    page.get_by_label("Domain", exact=True).fill("shop.test")
    page.locator("form.sheet button").click()
    page.get_by_role("heading", name="shop.test").wait_for()
    pastes = page.locator("dl.paste").all()
    wanted = [
        record(one.locator("code").nth(0).inner_text(), one.locator("dt").nth(1).inner_text(),
               one.locator("code").nth(1).inner_text())
        for one in pastes
    ]  # fmt: skip
    right = [one for one in wanted if one["type"] in ("TXT", "MX")]
    names.publish([
        record("shop.test", "MX", "10 mail.shop.test.shop.test."), record("shop.test", "TXT", "v=spf1 -all"),
        record("shop.test", "TXT", f"v=spf1 {EVIL} -all"), record("_dmarc.shop.test", "TXT", f"v=DMARC1; p={EVIL}"),
    ])  # fmt: skip
    olga.press("Check now")
    page.get_by_text("There are 2 SPF records").wait_for()
    page.get_by_text("the final dot is missing").wait_for()
    assert page.locator("article.record", has_text=EVIL).count() >= 1
    assert page.locator(".figures .mark.good").count() == 0
    olga.unhurt()
    olga.picture("domain-mistakes")

    own = {"shop.test", "_dmarc.shop.test"}
    names.records = [one for one in names.records if one["host"] not in own]
    names.publish(right)
    olga.press("Check now")
    page.locator(".figures .mark.good").nth(2).wait_for()
    with shop.api() as api:
        told = api.get("/domains/shop.test", params={"project": "shop"}).json()
    assert (told["owned"], told["sending"], told["linked"]) == (True, True, True)


def _mailbox_and_sender(olga: Person, shop: Appliance, base: str) -> None:
    page = olga.page
    for local in ("hello", "robot"):
        olga.go(f"{base}/mailboxes")
        if page.locator("details.add[open]").count() == 0:
            page.locator("details.add summary").click()
        page.get_by_label("Address", exact=True).fill(local)
        page.get_by_label("Domain").select_option("shop.test")
        page.locator("form.sheet button").click()
        password = page.locator("#password").inner_text()
        trusts = ssl.create_default_context(cafile=shop.ready["ca"])
        trusts.check_hostname = False
        with IMAP4("127.0.0.1", shop.ready["imap"]) as imap:
            imap.starttls(trusts)
            assert imap.login(f"{local}@shop.test", password)[0] == "OK"
        olga.go(f"{base}/senders")
        if page.locator("details.add[open]").count() == 0:
            page.locator("details.add summary").click()
        page.get_by_label("Address", exact=True).fill(f"{local}@shop.test")
        page.get_by_label("Display name").fill(f"Shop {EVIL}")
        page.locator("form.sheet button").click()
        page.get_by_text("may send", exact=True).nth(0 if local == "hello" else 1).wait_for()
        olga.unhurt()


def _connection(olga: Person, chromium: Browser, shop: Appliance, far: FarHost, base: str) -> None:
    page = olga.page
    olga.go(f"{base}/connections")
    page.get_by_label("Name").fill(f"Shop {EVIL}")
    page.get_by_label("Sender").select_option("robot@shop.test")
    for area in page.locator("form.sheet textarea").all():
        area.fill(EVIL)
    page.locator("form.sheet button").click()
    page.get_by_text("Login and server data are shown when it is approved").wait_for()
    assert page.get_by_text("smtp-").count() == 0
    here = page.url
    operator = Person(chromium, shop, **shop.ready["operator"])
    operator.go("/operator/moderation")
    operator.picture("moderation")
    operator.press("Approve")
    operator.page.get_by_text("Nothing to decide").wait_for()
    operator.unhurt()
    wait_until(lambda: far.to(OLGA), "the decision is mailed to who asked", 40)
    assert "approved" in far.to(OLGA)[0].mail["Subject"]

    olga.go(here)
    page.get_by_text("Thunderbird", exact=True).click()
    assert "robot@shop.test" in page.locator(".programs details[open] pre").inner_text()
    olga.picture("connection")
    olga.press("Make a new password", sure=True)
    login, password = page.locator("#login").inner_text(), page.locator("#password").inner_text()
    message = f"From: robot@shop.test\r\nTo: ann@far.test\r\nSubject: A receipt {EVIL}\r\n\r\nThanks\r\n".encode()
    told = swaks.send(
        ("127.0.0.1", shop.ready["submissions"]), "robot@shop.test", "ann@far.test", message,
        "--tls-on-connect", "--auth", "PLAIN", "--auth-user", login, "--auth-password", password,
    )  # fmt: skip
    assert told.status == 0, told.transcript
    wait_until(lambda: far.to("ann@far.test"), "what swaks handed in arrives", 40)


def _list(olga: Person, base: str, folder: Path) -> None:
    page = olga.page
    olga.go(f"{base}/lists")
    page.get_by_label("Name").fill(f"Readers {EVIL}")
    page.locator("form.sheet button").click()
    page.get_by_role("link", name="Import", exact=True).click()
    page.get_by_label("File").set_input_files({"name": "c.csv", "mimeType": "text/csv", "buffer": CSV.encode()})
    olga.press("Import")
    page.locator("#progress .mark", has_text="finished").wait_for()
    olga.unhurt()
    with page.expect_download() as waited:
        page.get_by_role("link", name="Download the mistakes").click()
    waited.value.save_as(folder / "mistakes.csv")
    assert "script" in (folder / "mistakes.csv").read_text("utf-8")


def _campaign(olga: Person, far: FarHost, base: str) -> None:
    page = olga.page
    olga.go(f"{base}/campaigns/new")
    page.get_by_label("Name").fill(f"Spring {EVIL}")
    page.get_by_label("Sender").select_option("hello@shop.test")
    olga.press("Save and go on")
    page.get_by_label("Subject").fill(f"Dear {{{{ name }}}} {EVIL}")
    page.get_by_label("Markdown").check()
    page.get_by_label("Message", exact=True).fill("Dear {{ name }}, **spring** is here.")
    page.get_by_text("Add a button").click()
    page.get_by_label("Words on it").fill("See")
    page.get_by_label("Where it leads").fill("https://shop.test/spring")
    olga.press("Put it at the end")
    page.get_by_label("As the client").fill("ann@far.test")
    olga.press("Show")
    frame = page.frame_locator("iframe.preview")
    assert EVIL in frame.locator("p").first.inner_text()
    assert frame.locator("img, script").count() == 0
    olga.unhurt()
    page.get_by_label("To an address of yours").fill(OLGA)
    olga.press("Send the test")
    page.locator("#tests .mark", has_text="delivered").wait_for()
    tested = [one for one in far.to(OLGA) if str(one.mail["Subject"]).startswith("[Test] Dear ")]
    assert len(tested) == 1
    olga.picture("message")
    olga.press("Save and go on")
    page.get_by_label("Name of the sender").fill("Spring team")
    page.locator("#gate .note.good").wait_for()
    olga.press("Launch", sure=True)
    page.locator("#progress .mark", has_text="finished").wait_for()
    olga.unhurt()
    (ann,) = (one.mail for one in far.to("ann@far.test") if "receipt" not in str(one.mail["Subject"]))
    assert str(ann["From"]) == '"Spring team" <hello@shop.test>' or "Spring team" in str(ann["From"])
    html = ann.get_body(("html",))
    assert html is not None
    assert "<strong>spring</strong>" in html.get_content()
    assert "https://shop.test/spring" in html.get_content()
    assert ann["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def _bounces(olga: Person, shop: Appliance, far: FarHost, base: str) -> None:
    """One in the session, which the report has already; one by DSN, later."""
    page = olga.page
    assert page.locator("dl.figures div", has_text="refused").inner_text().split()[1] == "1"
    (late,) = far.to("late@far.test")
    dsn = DSN.format(back=late.reverse_path, evil=EVIL).replace("\n", "\r\n").encode()
    with smtplib.SMTP("127.0.0.1", shop.ready["mx"], "mx.far.test", source_address=(FAR, 0)) as mx:
        mx.sendmail("", [late.reverse_path], dsn)
    figure = page.locator("dl.figures div", has_text="bounced")
    wait_until(lambda: page.reload() and figure.inner_text().split()[1] == "1", "the DSN is in the report", 30)
    assert page.locator("table", has_text=EVIL).count() >= 1
    olga.unhurt()
    olga.picture("report")
    page.get_by_role("link", name="gone@far.test").click()
    assert page.get_by_text(EVIL).count() >= 1
    olga.unhurt()
    olga.picture("row")


def _revived(olga: Person, shop: Appliance, far: FarHost, base: str) -> None:
    """late@ was blocked by the DSN; a mail of the person shows that the address lives."""
    page = olga.page
    _card(olga, base)
    assert page.get_by_text("Why the rating is 1").count() == 1
    olga.unhurt()
    olga.picture("card")
    (late,) = (one.mail["Message-ID"] for one in far.to("late@far.test"))
    header = f"From: late@far.test\r\nTo: hello@shop.test\r\nIn-Reply-To: {late}\r\nSubject: {EVIL}"
    words = f"{header}\r\n\r\n{EVIL}\r\n"
    with smtplib.SMTP("127.0.0.1", shop.ready["mx"], "mx.far.test", source_address=(FAR, 0)) as mx:
        mx.sendmail("late@far.test", ["hello@shop.test"], words.encode())
    wait_until(lambda: page.reload() and page.get_by_text("Why the rating is 10").count(), "the client is revived", 30)
    olga.unhurt()
    olga.go(f"{base}/campaigns/1")
    assert page.locator("dl.figures div", has_text="Replies").inner_text().split()[1] == "1"
    assert page.locator("dl.facts dd").all_inner_texts()[:2] == [f"Dear {{{{ name }}}} {EVIL}", "hello@shop.test"]
    for here in ("", "conversations", "campaigns", "clients", "lists", "senders", "connections", "audit", "queue"):
        olga.go(f"{base}/{here}".rstrip("/"))
        olga.picture(here or "overview")


def _card(olga: Person, base: str) -> None:
    olga.go(f"{base}/clients?address=late@far.test")
    olga.page.get_by_role("link", name="late@far.test").click()
    olga.page.get_by_role("heading", name="late@far.test").wait_for()


def _broken(olga: Person, names: Names, far: FarHost, base: str) -> None:
    """The domain keeps its state for a day, and its owner hears of it at once."""
    names.records = [one for one in names.records if "_domainkey.shop.test" not in one["host"]]
    names.publish([])
    olga.go(f"{base}/domains/shop.test")
    olga.press("Check now")
    olga.page.get_by_text("taken back 24 hours after").wait_for()
    wait_until(lambda: any("DNS record is broken" in str(one.mail["Subject"]) for one in far.to(OLGA)), "mailed", 40)
