"""Why a campaign stands still, a breaker tripped or a row was not sent: each sentence of ours has its Russian, no other
stands in the table."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from admin.acts.explain import UNTOLD
from admin.breaking import PREFIX
from admin.pages import render
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


def _sentences() -> set[str]:
    moved = set(_moved()) - {"PREFIX + reason"}
    return {*moved, *(PREFIX + one for one in _breakers()), *_gate(), *_suppressed(), UNTOLD}


def test_every_way_to_fail_the_gate_is_asked_here() -> None:
    files = [ast.parse(Path(one.__file__).read_text("utf-8")) for one in (launch_gate, sender_standing)]
    nodes = (node for tree in files for node in ast.walk(tree))
    made = [one for one in nodes if isinstance(one, ast.Call) and ast.unparse(one.func) == "Failing"]
    assert len(set(_gate())) == len(made) + 1  # its SMTP request stops a sender in two ways


@pytest.mark.parametrize("sentence", sorted(_sentences()))
def test_every_sentence_has_its_russian(sentence: str) -> None:
    words = told("ru", sentence)
    assert re.search(r"[а-я]", words)
    left = re.sub(r"a@b\.test|b\.test|gmail|SMTP|SPF|DKIM", "", words)
    assert not re.search(r"[A-Za-z]", left), words
    assert told("en", sentence) == sentence


def test_no_line_is_left_over_and_every_value_has_its_place() -> None:
    said = _sentences()
    for english, russian in load("ru", "reasons").items():
        pattern = ".*?".join(map(re.escape, english.split("{}")))
        assert english == "default" or any(re.search(pattern, one) for one in said), english
        assert set(re.findall(r"\{(\d)\}", russian)) == {str(at) for at in range(english.count("{}"))}, english


def test_joined_sentences_are_told_one_by_one_and_a_strangers_words_as_they_are() -> None:
    joined = "; ".join(one.detail for one in failing(ILL))
    assert told("ru", joined) == "; ".join(told("ru", one.detail) for one in failing(ILL))
    for words in ("550 5.1.1 no such user; bye", "sent by hand", "", "{0}"):
        assert told("ru", words) == words
