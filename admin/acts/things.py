"""How the audit trail names a thing that has a number: `campaign 3 "Spring"`, whoever did something to it.

The noun is one of store/things.py and the name a JSON string, so that admin/pages can read it back and say it in the
reader's language.
"""

from __future__ import annotations

import json
import re
from typing import Final, NamedTuple

from admin.office import Office
from store.things import NOUNS, name_of

_LONGEST: Final = 200  # of a name; the trail cuts its subjects
_THING: Final = re.compile(r'([a-z]+) ([0-9]{1,18}) ("(?:[^"\\]|\\.)*")(.*)', re.DOTALL)


class Thing(NamedTuple):
    """`rest`: what is said of it besides."""

    noun: str
    number: str
    name: str
    rest: str


def thing(noun: str, number: int, name: str) -> str:
    return f"{noun} {number} {json.dumps(name[:_LONGEST], ensure_ascii=False)}"


def found(office: Office, project: int | None, noun: str, number: int) -> str | None:
    """The thing of that number, in a project (None: in any); None where there is none."""
    with office.read() as connection:
        name = name_of(connection, noun, number, project)
    return None if name is None else thing(noun, number, name)


def read(subject: str) -> Thing | None:
    """None where it is no thing with a number: a path, a name, what an older release wrote."""
    parts = _THING.fullmatch(subject)
    if parts is None or parts[1] not in NOUNS:
        return None
    try:
        return Thing(parts[1], parts[2], json.loads(parts[3]), parts[4])
    except ValueError:  # somebody's own words that look like it
        return None
