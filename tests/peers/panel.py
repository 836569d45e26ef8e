"""A person at the panel, by HTTP as a browser speaks it: cookies kept, the page's own token sent with each form."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from html import unescape
from typing import Any

import httpx

from peers.appliance import Appliance

_TOKEN = re.compile(r'name="csrf" (?:content|value)="([0-9a-f]+)"')
_PASSWORD = re.compile(r'id="password">([^<]+)<')


class Browser:
    """`address`: where its connections come from, for what is counted by network."""

    def __init__(self, web: Appliance, address: str = "127.0.0.1") -> None:
        trusts = ssl.create_default_context(cafile=web.ready["ca"])
        transport = httpx.HTTPTransport(verify=trusts, local_address=address)
        self.http = httpx.Client(base_url=web.ready["admin"], transport=transport, timeout=30)
        self.token = ""
        self.login = ""

    def close(self) -> None:
        self.http.close()

    def get(self, path: str, **more: Any) -> httpx.Response:
        """The page, through redirects; its token is kept for the next form."""
        answer = self.http.get(path, follow_redirects=True, **more)
        if found := _TOKEN.search(answer.text):
            self.token = found[1]
        return answer

    def post(self, path: str, fields: Mapping[str, Any] | None = None, **more: Any) -> httpx.Response:
        """The form with the token of the page before; a redirect is not followed."""
        return self.http.post(path, data={"csrf": self.token, **(fields or {})}, **more)

    def sign_in(self, login: str, password: str) -> httpx.Response:
        self.login = login
        self.get("/sign-in")
        answer = self.post("/sign-in", {"login": login, "password": password})
        if answer.status_code == 303:
            self.get(answer.headers["location"])
        return answer


def operator_at(web: Appliance) -> Browser:
    browser = Browser(web)
    assert browser.sign_in(**web.ready["operator"]).status_code == 303
    return browser


def project_of(operator: Browser, name: str) -> int:
    """The project's number."""
    shown = operator.get("/operator/projects").text
    return int(shown.split(f">{name}</a>")[0].rpartition("/p/")[2].split('"')[0])


def shown_password(answer: httpx.Response) -> str:
    """What a page shows once."""
    found = _PASSWORD.search(answer.text)
    assert found, answer.text
    return unescape(found[1])


def person_at(web: Appliance, operator: Browser, project: int, login: str, role: str) -> Browser:
    """Somebody new of that role, made on the project's page, signed in."""
    operator.get(f"/p/{project}/people")
    made = operator.post(f"/p/{project}/people", {"login": login, "role": role})
    browser = Browser(web)
    assert browser.sign_in(login, shown_password(made)).status_code == 303
    return browser
