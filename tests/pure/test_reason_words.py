"""Why a campaign stands still, a breaker tripped or a row was not sent: each sentence of ours has its Russian, no other
stands in the table."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from errno import ECONNREFUSED, ECONNRESET, EHOSTUNREACH, ENETUNREACH
from itertools import product
from pathlib import Path

import pytest

from admin.acts.explain import UNTOLD
from admin.breaking import PREFIX
from admin.pages import render
from admin.pages.catalogue import LANGUAGES
from admin.pages.reason_words import told
from admin.pages.sentences import load
from policy import launch_gate, sender_standing
from policy.breaker import Numbers, Thresholds, judge
from policy.launch_gate import LaunchFacts, failing
from policy.sender_standing import SenderFacts
from store.breakers import SCOPES

ROOT = Path(render.__file__).parents[2]
MOVES = {"move", "_move"}  # what writes a campaign's reason
WRITTEN = {"words", "reason", "None"}  # handed on: of the gate, of a breaker, of `_move`'s caller; none
STOPS = ("under moderation", "rejected")
WELL = LaunchFacts(True, True, SenderFacts("a@b.test", True, "b.test", True, True), {8: 2}, 0)
ILL = LaunchFacts(False, False, SenderFacts("a@b.test", False, "b.test", False, False, STOPS[0]), {1: 2}, 1)
# A failure's details as the library for DNS tells them, and other values that are no name.
DETAILS = (
    "LifetimeTimeout: The resolution lifetime expired after 5.1 seconds: Server Do53:192.0.2.1@53 answered The DNS "
    "operation timed out.; Server Do53:192.0.2.2@53 answered The DNS operation timed out."
)
VALUES = {
    "hosts.words": [DETAILS],
    "silent": ["", f": b.test: {DETAILS}"],
    "error.strerror or error": [os.strerror(one) for one in (ECONNREFUSED, ECONNRESET, ENETUNREACH, EHOSTUNREACH)],
    "words": ["there is no TLS", "REQUIRETLS is not offered"],
}
LIMITS = Thresholds(24, 1, 1, 0.1, 0.2, 1, 0.1, 0.2)


def _constants(file: Path) -> dict[str, str]:
    """Texts that the module names."""
    named = {}
    for node in ast.parse(file.read_text("utf-8")).body:
        match node:
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(value=str(text))):
                named[name] = text
    return named


def _moved() -> Iterator[str]:
    """The last argument of each call that moves a campaign, by its value or as it is written."""
    for file in (*(ROOT / "admin").rglob("*.py"), *(ROOT / "store").glob("*.py"), *(ROOT / "mta").rglob("*.py")):
        named = _constants(file)
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id="campaigns"), attr=name) | ast.Name(id=name), args=[*_, last]
                ) if name in MOVES and len(node.args) in (4, 5):
                    match last:
                        case ast.Constant(value=str(text)):
                            yield text
                        case ast.Name(id=known) if known in named:
                            yield named[known]
                        case _ if ast.unparse(last) not in WRITTEN:
                            yield ast.unparse(last)


def _breakers() -> Iterator[str]:
    for scope in SCOPES:
        for numbers in (Numbers(10, 5, 0), Numbers(10, 0, 5)):
            for provider, others in (("gmail", Numbers(90)), ("default", Numbers())):
                judged = judge({provider: numbers, "others": others}, LIMITS, young=False)
                assert judged is not None
                yield f"{scope} 7: {judged.words}"


def _gate() -> Iterator[str]:
    for stop in STOPS:
        yield from (one.detail for one in failing(replace(ILL, sender=replace(ILL.sender, stopped=stop))))
    yield from (one.detail for one in failing(replace(WELL, ratings={})))


def _suppressed() -> Iterator[str]:
    tree = ast.parse((ROOT / "policy" / "suppression.py").read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Return) and node.value is not None:
            yield from (str(one.value) for one in ast.walk(node.value) if isinstance(one, ast.Constant) and one.value)
    yield "the campaign was cancelled"


def _unreached() -> Iterator[str]:
    """What we say where no host spoke, or in its place: the places of values hold each that they may."""
    for file in ("mta/outbound/route.py", "net/smtp_session.py", "net/smtp_connection.py", "net/smtp_client.py"):
        for node in ast.walk(ast.parse((ROOT / file).read_text("utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id="Unreachable" | "ConnectError"), args=[ast.JoinedStr() as words, *_]):
                    yield from (one for one in _filled(words) if one.startswith(("the name", "no host", "connect")))
                case ast.Call(func=ast.Name(id="Reply"), args=[code, status, words]):
                    spoken = _filled(words) if isinstance(words, ast.JoinedStr) else [ast.literal_eval(words)]
                    yield from (f"{ast.literal_eval(code)} {ast.literal_eval(status)} {one}" for one in spoken)


def _filled(words: ast.JoinedStr) -> Iterator[str]:
    places = [
        VALUES.get(ast.unparse(one.value), ["b.test"])
        if isinstance(one, ast.FormattedValue)
        else [ast.literal_eval(one)]
        for one in words.values
    ]
    yield from map("".join, product(*places))


def _sentences() -> set[str]:
    moved = set(_moved()) - {"PREFIX + reason"}
    return {*moved, *(PREFIX + one for one in _breakers()), *_gate(), *_suppressed(), *_unreached(), UNTOLD}


def test_every_way_to_fail_the_gate_is_asked_here() -> None:
    files = [ast.parse(Path(one.__file__).read_text("utf-8")) for one in (launch_gate, sender_standing)]
    nodes = (node for tree in files for node in ast.walk(tree))
    made = [one for one in nodes if isinstance(one, ast.Call) and ast.unparse(one.func) == "Failing"]
    assert len(set(_gate())) == len(made) + 1  # its SMTP request stops a sender in two ways


@pytest.mark.parametrize("sentence", sorted(_sentences()))
def test_every_sentence_has_its_russian(sentence: str) -> None:
    words = told("ru", sentence)
    assert re.search(r"[а-я]", words)
    left = re.sub(r"a@b\.test|b\.test|gmail|SMTPUTF8|SMTP|SPF|DKIM|MX|CR|LF|NUL|REQUIRETLS|TLS", "", words)
    assert not re.search(r"[A-Za-z]", left), words
    assert told("en", sentence) == sentence or DETAILS in sentence


@pytest.mark.parametrize("sentence", [one for one in _sentences() if DETAILS in one])
@pytest.mark.parametrize("language", LANGUAGES)
def test_what_the_name_servers_did_is_told_shortly(language: str, sentence: str) -> None:
    words = told(language, sentence)
    assert "b.test" in words
    assert len(words) < 80
    assert told(language, f"{sentence[:200]}") == words, "also where the row has cut it"


def test_no_line_is_left_over_and_every_value_has_its_place() -> None:
    said = _sentences()
    for english, counterpart in (*load("ru", "reasons").items(), *load("en", "reasons").items()):
        pattern = ".*?".join(map(re.escape, re.split(r"\{(?:\.\.\.)?\}", english)))
        assert english == "default" or any(re.search(pattern, one) for one in said), english
        places = set(re.findall(r"\{(\d)\}", counterpart))
        left_out = {"1"} if "{...}" in english and english.count("{}") == 2 else set()
        assert places == {str(at) for at in range(english.count("{}"))} - left_out, english


def test_joined_sentences_are_told_one_by_one_and_a_strangers_words_as_they_are() -> None:
    joined = "; ".join(one.detail for one in failing(ILL))
    assert told("ru", joined) == "; ".join(told("ru", one.detail) for one in failing(ILL))
    for words in ("550 5.1.1 no such user; bye", "sent by hand", "", "{0}"):
        assert told("ru", words) == words
