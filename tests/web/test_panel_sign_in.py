"""Signing in to the panel (P4): cookie, token, second factor, sessions that end, guesses that slow who guesses."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pyotp
import pytest

from peers.appliance import Appliance
from peers.panel import Browser, operator_at, shown_password
from peers.tenants import Tenant

LOGIN = "keeper@people.test"


@pytest.fixture(scope="module")
def at(web: Appliance, ours: Tenant) -> Iterator[Browser]:
    browser = operator_at(web)
    yield browser
    browser.close()


@pytest.fixture
def keeper(web: Appliance, at: Browser) -> Iterator[tuple[Browser, str]]:
    """Another operator would be shared; this one owns the sample project, new for each test. With the password."""
    login = f"{time.monotonic_ns()}-{LOGIN}"
    at.get("/p/1/people")
    password = shown_password(at.post("/p/1/people", {"login": login, "role": "owner"}))
    browser = Browser(web)
    assert browser.sign_in(login, password).status_code == 303
    yield browser, password
    browser.close()


def test_the_cookie_is_for_this_host_alone_and_changes_with_the_sign_in(web: Appliance) -> None:
    browser = Browser(web)
    before = browser.get("/sign-in").headers["set-cookie"]
    after = browser.sign_in(**web.ready["operator"]).headers.get_list("set-cookie")[0]
    for cookie in (before, after):
        assert cookie.startswith("__Host-mailloft=")
        assert {"HttpOnly", "Path=/", "Secure", "SameSite=lax"} <= set(cookie.split("; "))
        assert "Domain" not in cookie
    assert before.split(";")[0] != after.split(";")[0]
    browser.close()


def test_security_21_no_page_allows_inline_script_or_style_or_frames(at: Browser) -> None:
    for path in ("/p/1", "/me", "/nowhere", "/sign-in"):
        answer = at.get(path)
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert not re.search(r"<script>|<style|\son\w+=|\sstyle=", answer.text), path


def test_security_21_a_form_without_the_token_or_with_anothers_does_nothing(web: Appliance, at: Browser) -> None:
    other = operator_at(web)
    at.get("/operator/projects")
    for token in ("", "0" * 64, other.token):
        answer = at.http.post("/operator/projects", data={"csrf": token, "name": "forged"})
        assert answer.status_code == 403
    assert "forged" not in at.get("/operator/projects").text
    assert other.token != at.token
    other.close()


def test_security_21_the_token_may_come_as_a_header(at: Browser) -> None:
    at.get("/me")
    answer = at.http.post("/me/tastes", data={"language": "ru"}, headers={"X-CSRF-Token": at.token})
    assert answer.status_code == 303
    assert '<html lang="ru"' in at.get("/me").text
    at.post("/me/tastes", {"language": ""})


def test_security_19_a_wrong_login_and_a_wrong_password_look_alike(web: Appliance) -> None:
    browser = Browser(web, "127.0.7.1")
    answers = [browser.sign_in(login, "wrong") for login in ("operator", "nobody@people.test")]
    texts = {re.sub(r'value="[^"]*"', "", answer.text) for answer in answers}
    assert [answer.status_code for answer in answers] == [401, 401]
    assert len(texts) == 1
    browser.close()


def test_security_20_who_guesses_is_slowed_and_the_owner_signs_in_from_elsewhere(web: Appliance) -> None:
    guesser = Browser(web, "127.0.8.1")
    statuses = [guesser.sign_in("operator", f"guess {number}").status_code for number in range(10)]
    assert statuses[-1] == 429
    assert guesser.sign_in(**web.ready["operator"]).status_code == 429
    owner = Browser(web, "127.0.9.1")
    assert owner.sign_in(**web.ready["operator"]).status_code == 303
    for browser in (guesser, owner):
        browser.close()


def test_security_20_a_browser_that_the_owner_used_before_is_spared_in_the_guessers_network(web: Appliance) -> None:
    owner = Browser(web, "127.0.10.1")
    owner.sign_in(**web.ready["operator"])
    guesser = Browser(web, "127.0.10.2")
    statuses = [guesser.sign_in("operator", f"guess {number}").status_code for number in range(10)]
    assert statuses[-1] == 429
    assert owner.sign_in(**web.ready["operator"]).status_code == 303
    for browser in (guesser, owner):
        browser.close()


def test_a_session_that_ended_opens_nothing(web: Appliance, keeper: tuple[Browser, str]) -> None:
    browser, _ = keeper
    cookie = browser.http.cookies["__Host-mailloft"]
    browser.get("/me")
    assert browser.post("/sign-out").status_code == 303
    again = Browser(web)
    again.http.cookies.set("__Host-mailloft", cookie)
    assert again.http.get("/me").headers["location"] == "/sign-in"
    again.close()


def test_a_new_password_ends_the_other_sessions(web: Appliance, keeper: tuple[Browser, str]) -> None:
    browser, password = keeper
    other = Browser(web)
    other.sign_in(browser.login, password)
    browser.get("/me")
    wrong = browser.post("/me/password", {"password": "no", "new_password": "long enough now"})
    assert wrong.status_code == 422
    assert 'aria-invalid="true"' in wrong.text
    done = browser.post("/me/password", {"password": password, "new_password": "long enough now"})
    assert done.status_code == 303
    assert browser.get("/me").url.path == "/me"
    assert other.http.get("/me").headers["location"] == "/sign-in"
    other.close()


def test_with_a_second_factor_a_password_alone_opens_nothing(web: Appliance, keeper: tuple[Browser, str]) -> None:
    browser, password = keeper
    page = browser.get("/me/second-factor").text
    secret = re.search(r'id="secret">([A-Z2-7]+)<', page)
    sealed = re.search(r'name="sealed" value="([^"]+)"', page)
    assert secret
    assert sealed
    totp = pyotp.TOTP(secret[1])
    assert browser.post("/me/second-factor", {"sealed": sealed[1], "code": "000000"}).status_code == 422
    used = totp.now()
    kept = browser.post("/me/second-factor", {"sealed": sealed[1], "code": used})
    codes = re.findall(r"<li><code>([a-z0-9]{10})</code>", kept.text)
    assert len(codes) == 10

    again = Browser(web)
    half = again.sign_in(browser.login, password)
    assert half.headers["location"] == "/sign-in/code"
    assert again.http.get("/p/1").headers["location"] == "/sign-in"
    again.get("/sign-in/code")
    assert again.post("/sign-in/code", {"code": used}).status_code == 401, "a code that was used is good no more"
    fresh = totp.at(time.time() + 30)
    assert again.post("/sign-in/code", {"code": fresh}).headers["location"] == "/"
    assert again.get("/p/1").url.path == "/p/1"

    for times, wanted in ((1, 303), (2, 401)):
        lost = Browser(web)
        lost.sign_in(browser.login, password)
        lost.get("/sign-in/code")
        assert lost.post("/sign-in/code", {"code": codes[0]}).status_code == wanted, times
        lost.close()
    again.close()


def test_what_was_done_stands_in_the_audit_trail(web: Appliance, at: Browser) -> None:
    at.get("/p/1/lists")
    name = f"audited {time.monotonic_ns()}"
    assert at.post("/p/1/lists", {"name": name}).status_code == 303
    shown = at.get("/p/1/audit").text
    line = shown[: shown.index(name)].rpartition("<tr>")[2]
    assert "operator" in line
    assert "list made" in line
    assert name in at.get("/operator/audit").text


HOSTILE = """<script>alert(1)</script>"'><img src=x onerror=alert(1)>"""


def test_security_21_hostile_names_are_shown_as_text_everywhere(at: Browser) -> None:
    at.get("/p/1/lists")
    assert at.post("/p/1/lists", {"name": HOSTILE}).status_code == 303
    for path in ("/p/1/lists", "/p/1/audit", "/p/1/campaigns/new"):
        text = at.get(path).text
        assert "&lt;script&gt;alert(1)" in text, path
        assert "<script>alert" not in text, path
        assert "<img" not in text, path
    for path in (f"/p/1/clients?address={HOSTILE}", f"/p/1/trace?what={HOSTILE}", f"/p/1/queue?site={HOSTILE}"):
        assert "<script>alert" not in at.get(path).text, path


def test_security_21_a_sentence_after_an_act_is_one_of_ours(at: Browser) -> None:
    assert 'role="status"' not in at.get("/me?said=<b>x</b>").text
    assert 'role="status"' in at.get("/me?said=tastes").text
