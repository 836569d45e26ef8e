"""The campaigns of the demo: a newsletter in HTML and text, with a picture made by code, and the CSV of its readers.

Pure: the seed makes the picture. lab/demo.py posts what `issue` returns. Variables are written {{first_name}} and so
on, as the columns of the CSV are named.
"""

from __future__ import annotations

import base64
import csv
import io
import math
import struct
import zlib
from collections.abc import Iterable
from random import Random
from typing import Any, Final

from lab.description import Person

PICTURE: Final = "picture@demo"
_SIZE: Final = (440, 260)

_STORIES: Final = (
    ("The orchard in May", "Rows of apple trees, a late frost and what it did to the blossom. {{city}} had luck."),
    ("Twelve chairs, one table", "How a workshop of three people builds what is sat on for forty years."),
    ("Größe, Maß und Mitte", "Our German readers asked for a column of their own; hier ist sie, {{first_name}}."),
    ("A letter from the coast", "Salt, wind, and a bakery that opens at four. With the recipe, as promised."),
)

_HTML: Final = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>body{{font-family:Georgia,serif;background:#f6f2ea;margin:0}} .sheet{{max-width:640px;margin:auto;
background:#fff;padding:24px}} h1{{font-size:26px}} h2{{font-size:19px;color:#7a3b12}}
.small{{font-size:12px;color:#777}}</style></head>
<body><div class="sheet"><p class="small">{title} — for {{{{first_name}}}} in {{{{city}}}}</p>
<h1>Good morning, {{{{first_name}}}}!</h1><p>
<img src="cid:{picture}" width="220" height="130" alt="A drawing of hills"></p>
{stories}
<p><a href="https://shop.example.test/spring?issue={number}">See the whole issue</a> · <a
href="https://shop.example.test/answers">Write to us</a>, we read everything.</p></div></body></html>
"""


def subject(number: int) -> str:
    """The subject, with a variable and letters outside ASCII; `number` tells the campaigns apart in the books."""
    return f"Nº {number} — {{{{first_name}}}}, größer als gedacht"


def issue(number: int, seed: int, sender: str | int, audience: str | int) -> dict[str, Any]:
    """The body of POST /campaigns for issue `number`, from that sender to that list."""
    title = f"The Long Table, issue {number}"
    stories = "".join(f"<h2>{head}</h2><p>{text} {_filling(head)}</p>" for head, text in _STORIES)
    plain = "\n\n".join(f"{head.upper()}\n{text}\n{_filling(head)}" for head, text in _STORIES)
    return {
        "name": title,
        "sender": sender,
        "list": audience,
        "subject": subject(number),
        "html": _HTML.format(title=title, picture=PICTURE, stories=stories, number=number),
        "text": f"{title}\n\nGood morning, {{{{first_name}}}}!\n\n{plain}\n",
        "attachments": [
            {
                "filename": "hills.png",
                "content_type": "image/png",
                "content": base64.b64encode(picture(seed + number)).decode(),
                "content_id": PICTURE,
            }
        ],
        "pool": "mailings",
    }


def _filling(head: str) -> str:
    """Some sentences that differ from story to story."""
    verbs = ("measured", "carried", "mended", "planted", "counted")
    chance = Random(head)
    return " ".join(
        f"We {chance.choice(verbs)} it {chance.randrange(2, 90)} times before it was right." for _ in range(4)
    )


def picture(seed: int) -> bytes:
    """A PNG of 20 to 40 kB: hills under a grainy sky."""
    width, height = _SIZE
    chance = Random(seed)
    phase = chance.random() * 6
    rows = bytearray()
    for y in range(height):
        rows.append(0)
        for x in range(width):
            hill = 70 + 22 * math.sin(x / 31 + phase) + 9 * math.sin(x / 11)
            grain = chance.randrange(2)
            rows += bytes((110, 140 - grain, 70) if y > hill else (180 + y // 3, 205 + grain, 235))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(rows), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, body) for kind, body in chunks)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


_CITIES: Final = ("Aalborg", "Brno", "Cádiz", "Dorpat", "Évora", "Fürth", "Gent", "Łódź")


def readers(people: Iterable[Person]) -> bytes:
    """The CSV of these people: UTF-8, `;`, a header with `address`."""
    sheet = io.StringIO(newline="")
    rows = csv.writer(sheet, delimiter=";")
    rows.writerow(("address", "first_name", "last_name", "city"))
    for at, person in enumerate(people):
        first, _, last = person.name.partition(" ")
        rows.writerow((person.address, first, last, _CITIES[at % len(_CITIES)]))
    return sheet.getvalue().encode()
