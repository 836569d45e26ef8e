"""The campaign of the benches: a letter of 10 kB in HTML and text with six variables of its client; and its readers.

With the headers, both signatures and quoted-printable it is about 10 kB on the wire, for us and for every peer.
"""

from __future__ import annotations

from random import Random
from typing import Any, Final

COLUMNS: Final = ("first_name", "last_name", "city", "company", "plan", "renewal")
_CITIES: Final = ("Aalborg", "Brno", "Cadiz", "Dorpat", "Evora", "Gent")
_HTML_PARAGRAPHS: Final = 16
_TEXT_PARAGRAPHS: Final = 7
_WORDS: Final = (
    "we",
    "measured",
    "the",
    "harvest",
    "and",
    "carried",
    "it",
    "home",
    "before",
    "rain",
    "so",
    "all",
    "came",
)
_HEAD: Final = "Dear {{first_name}} {{last_name}}, here is what {{company}} in {{city}} may like."
_FOOT: Final = "Your plan is {{plan}}; it renews on {{renewal}}."
_HTML: Final = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Letter {number}</title></head>
<body style="font-family:Georgia,serif;max-width:640px;margin:auto"><h1>Hello {{{{first_name}}}}!</h1>
<p>{head}</p>
{paragraphs}
<p>{foot} <a href="https://shop.example.test/issue/{number}">See it on the web</a></p></body></html>
"""


def letter(number: int, sender: int, audience: str) -> dict[str, Any]:
    """The body of POST /campaigns."""
    html = "\n".join(f"<p>{_paragraph(number, at)}</p>" for at in range(_HTML_PARAGRAPHS))
    text = "\n\n".join(_paragraph(number, at) for at in range(_TEXT_PARAGRAPHS))
    return {
        "name": f"letter {number}", "sender": sender, "list": audience,
        "subject": "{{first_name}}, a letter for {{company}}",
        "html": _HTML.format(number=number, head=_HEAD, foot=_FOOT, paragraphs=html),
        "text": f"{_HEAD}\n\n{text}\n\n{_FOOT}\n", "attachments": [], "pool": "mailings",
    }  # fmt: skip


def _paragraph(number: int, at: int) -> str:
    chance = Random(number * 1000 + at)
    return " ".join(chance.choice(_WORDS) for _ in range(70)).capitalize() + "."


def variables(address: str) -> dict[str, str]:
    """What the client of this address is called and so on; different for each."""
    local = address.partition("@")[0]
    chance = Random(address)
    return dict(
        zip(
            COLUMNS,
            (
                local.title(), f"Smith{chance.randrange(10_000)}", chance.choice(_CITIES), f"{local} & Sons",
                f"plan-{chance.randrange(1000)}", f"2027-0{chance.randrange(1, 10)}-1{chance.randrange(10)}",
            ),
            strict=True,
        )
    )  # fmt: skip


def sheet(addresses: list[str]) -> bytes:
    """The CSV of these readers."""
    rows = (";".join((address, *variables(address).values())) for address in addresses)
    return "\n".join((";".join(("address", *COLUMNS)), *rows, "")).encode()


def addresses(domains: list[str], count: int, prefix: str = "reader") -> list[str]:
    return [f"{prefix}{number}@{domains[number % len(domains)]}" for number in range(count)]
