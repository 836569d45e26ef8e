"""Each sentence that says why an act was not done has its Russian, no other stands in the table."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from admin.pages import refused_words, render
from admin.pages.refused_words import told
from admin.pages.sentences import load

ADMIN = Path(render.__file__).parent.parent
REFUSALS = {"InvalidError", "ConflictError", "NotFoundError", "ForbiddenError", "UnknownCallerError", "SignInError"}
# Said elsewhere: by admin/refusals.py and by the framework; and sentences that are another's words whole.
OTHERS = {"too many wrong sign-ins from your network; try again in {} seconds", "Not Found"}
HANDED_ON = {"{}", "{}: {}", "not sent. {}"}


def _sentences() -> Iterator[str]:
    for file in (*(ADMIN / "acts").glob("*.py"), *(ADMIN / "pages").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in REFUSALS:
                match node.args[0]:
                    case ast.Constant(value=str(text)):
                        yield text
                    case ast.JoinedStr(values=pieces):
                        yield "".join(str(one.value) if isinstance(one, ast.Constant) else "{}" for one in pieces)


def test_every_sentence_has_its_russian_and_none_is_left_over() -> None:
    said = set(_sentences()) - HANDED_ON
    assert len(said) > 100
    assert said | OTHERS == set(load("ru", "refusals")), said.symmetric_difference(set(load("ru", "refusals")) - OTHERS)


def test_every_value_has_its_place() -> None:
    for english, russian in load("ru", "refusals").items():
        places = {str(at) for at in range(english.count("{}"))}
        assert set(re.findall(r"\{(\d)\}", russian)) == places, english


@pytest.mark.parametrize(
    ("detail", "words"),
    [
        (
            "domain b.test may not send from this project: it must be owned and its SPF and DKIM must pass",
            "домену b.test в этом проекте отправлять нельзя: он должен быть вашим, SPF и DKIM должны проходить",
        ),
        ("interval: a number", "interval: нужно число"),
        ("campaign 5 is paused; it cannot become running", "рассылка 5 в состоянии paused; её нельзя продолжить"),
        ("domain 'x\ny' is no domain name such as example.org", "домен 'x\ny': это не имя домена вроде example.org"),
        ("a sentence that is in no table", "a sentence that is in no table"),
    ],
)
def test_a_sentence_is_told_in_russian_with_its_values(detail: str, words: str) -> None:
    assert told("ru", detail) == words
    assert told("en", detail) == detail


def test_braces_of_a_stranger_are_only_text() -> None:
    assert told("ru", "message: {0} {{x}}") == "сообщение: {0} {{x}}"
    assert refused_words.told("ru", "this project has no client {}") == "в этом проекте нет клиента {}"
