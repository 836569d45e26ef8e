"""Each name and sentence of the doctor has its Russian, no other stands in the table."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from admin.doctor.examination import CHECKS
from admin.doctor.finding import Finding, Verdict
from admin.pages import doctor_words, render
from admin.pages.sentences import load

ROOT = Path(render.__file__).parents[2]
ASKED = {"told", "mend", "what", "wrong"}  # names of what becomes a part of a finding
NAMES_ALONE = {"{}"}  # a value and no word of ours


def _texts(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(text)) if text:
            yield text
        case ast.JoinedStr(values=pieces):
            yield "".join(str(one.value) if isinstance(one, ast.Constant) else "{}" for one in pieces)
        case ast.IfExp(body=first, orelse=second):
            yield from _texts(first)
            yield from _texts(second)


def _sentences() -> Iterator[str]:
    for file in (*(ROOT / "admin" / "doctor").glob("*.py"), ROOT / "net" / "source_names.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id="Finding" | "_age"), args=given):
                    parts = given
                case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in ASKED:
                    parts = [value]
                case ast.Return(value=ast.expr() as value) if file.name == "source_names.py":
                    parts = [value]
                case _:
                    continue
            for part in parts:
                yield from _texts(part)


def test_every_sentence_has_its_russian_and_none_is_left_over() -> None:
    said = set(_sentences()) | {name for name, _ in CHECKS}
    assert said - NAMES_ALONE == set(load("ru", "doctor"))


def test_every_value_has_its_place() -> None:
    for english, russian in load("ru", "doctor").items():
        places = {str(at) for at in range(english.count("{}"))}
        assert set(re.findall(r"\{(\d)\}", russian)) == places, english


@pytest.mark.parametrize(
    ("english", "russian"),
    [
        (("ports", "mx, port 25", "answers, with TLS", ""), ("порты", "mx, порт 25", "отвечает, с TLS", "")),
        (
            ("queue", "senders", "1 of 2 live", "Start them, or read their logs."),
            ("очередь", "отправляющие процессы", "работают 1 из 2", "Запустите их или посмотрите их журналы."),
        ),
        (("disk", "/spool", "28% free (75.1 GB)", ""), ("диск", "/spool", "свободно 28% (75.1 ГБ)", "")),
    ],
)
def test_a_finding_is_told_in_russian_with_its_values(english: tuple[str, ...], russian: tuple[str, ...]) -> None:
    check, what, told, mend = english
    found = Finding(check, what, Verdict.WRONG, told, mend)
    said = doctor_words.finding("ru", found)
    assert (said.check, said.what, said.told, said.mend) == russian
    assert doctor_words.finding("en", found) == found
