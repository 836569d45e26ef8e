"""The base subject is what RFC 5256 §2.1 leaves of a Subject, and no Subject costs much to look at."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail.base_subject import LIMIT, base_subject


@pytest.mark.parametrize(
    ("subject", "base", "answers"),
    [
        ("", "", False),
        ("hello", "hello", False),
        ("Re: hello", "hello", True),
        ("RE : hello", "hello", True),
        ("fw: Fwd:hello", "hello", True),
        ("Re[2]: hello", "hello", True),
        ("Re [2] : hello", "hello", True),
        ("[list] Re: [list] hello", "hello", True),
        ("[list] hello", "hello", False),
        ("[list]", "[list]", False),
        ("[a] [b]", "[b]", False),
        ("Re: [list]", "[list]", True),
        ("hello (fwd) (FWD) ", "hello", True),
        ("hello  \t there ", "hello there", False),
        ("[fwd: hello]", "hello", True),
        ("Re: [Fwd: [list] hello (fwd)]", "hello", True),
        ("[fwd: hello", "[fwd: hello", False),
        ("reply: hello", "reply: hello", False),
        ("[a[b]] hello", "[a[b]] hello", False),
        ("re:", "", True),
    ],
)
def test_what_is_left_of_a_subject(subject: str, base: str, answers: bool) -> None:
    assert base_subject(subject) == (base, answers)


@settings(max_examples=200)
@given(st.text(alphabet="[]:() afdrew", max_size=40))
def test_a_base_subject_is_its_own_base(subject: str) -> None:
    base, _ = base_subject(subject)
    assert base_subject(base)[0] == base


def test_hostile_subjects_take_no_time() -> None:
    began = time.process_time()
    for hostile in (
        "[a]" * LIMIT,
        "[" * 9 * LIMIT,
        "re" * LIMIT,
        " " * 99999 + "x",
        "(fwd) x" * LIMIT,
        "[fwd:" * LIMIT,
    ):
        base_subject(hostile + "]")
    assert time.process_time() - began < 2
