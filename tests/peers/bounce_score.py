"""What `classify_mail` makes of the labelled corpus beside the checkout, counted: for the test and the bench.

The corpus is split by the hash of the file's name: `tune` may be read while rules are written, `blind` is only counted,
so a rule that fits a sample alone shows. Nothing of the corpus is in the repository.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from mail.outcome import Outcome
from policy.classification import Classified, classify_mail

CORPUS: Final = Path(__file__).parents[3] / "shared" / "corpora" / "bounces"
PARTS: Final = ("tune", "blind")
NEVER_REVIVE: Final = ("autoreply", "challenge", "mdn", "delay", "delivery", "authreport")


@dataclass
class Score:
    """Counts over all recipients that the labels name, and over kinds."""

    found: int = 0
    missed: int = 0
    extra: list[str] = field(default_factory=list)
    effects_right: int = 0
    effects: int = 0
    false_blocks: list[str] = field(default_factory=list)
    reasons: Counter[bool] = field(default_factory=Counter)
    hard: Counter[bool] = field(default_factory=Counter)
    kinds: Counter[tuple[str, str]] = field(default_factory=Counter)
    counted_delays: list[str] = field(default_factory=list)

    def add(self, label: dict[str, Any], mail: Classified) -> None:
        self.kinds[label["kind"], mail.kind.value] += 1
        if label["kind"] == "delay":
            self.counted_delays += [label["file"] for one in mail.recipients if counts(one)]
        left = list(mail.recipients)
        for expected in label["expected"]:
            match = next((one for one in left if fits(one, expected)), None)
            if match is not None:
                left.remove(match)
            self.match(label["file"], expected, match)
        allowed = {name.lower() for name in label.get("may") or ()}
        for one in left:
            if one.recipient and one.recipient.lower() not in allowed:
                self.extra.append(f"{label['file']}: {one.recipient}")
                self.false_blocks += [label["file"]] if one.effect.value == "block" else []

    def match(self, file: str, expected: dict[str, Any], one: Outcome | None) -> None:
        if expected["recipient"] is not None:
            self.found += one is not None
            self.missed += one is None
        if one is not None and expected["reason"]:
            self.reasons[one.reason.value in (expected["reason"], *expected["reason_ok"])] += 1
            if not expected["hard_any"]:
                self.hard[one.hard == expected["hardbounce"]] += 1
        # A recipient that was not found has no effect: right only where it should have none.
        effect = one.effect.value if one else "none"
        right = effect in (expected["effect"], *expected["effect_ok"])
        self.effects += 1
        self.effects_right += right
        if effect == "block" and not right:
            self.false_blocks.append(file)

    @property
    def precision(self) -> float:
        return self.found / (self.found + len(self.extra))

    @property
    def recall(self) -> float:
        return self.found / (self.found + self.missed)

    @property
    def effect_accuracy(self) -> float:
        return self.effects_right / self.effects

    @property
    def reason_accuracy(self) -> float:
        return self.reasons[True] / self.reasons.total()

    @property
    def hard_accuracy(self) -> float:
        return self.hard[True] / self.hard.total()


def counts(one: Outcome) -> bool:
    return one.effect.value != "none"


def fits(one: Outcome, expected: dict[str, Any]) -> bool:
    names = {name.lower() for name in (expected["recipient"], *expected["alt"]) if name}
    return (one.recipient.lower() in names) if one.recipient else expected["recipient"] is None


def labels() -> Iterator[dict[str, Any]]:
    with (CORPUS / "labels.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def part_of(file: str) -> str:
    return "tune" if hashlib.sha256(f"second:{file}".encode()).digest()[0] % 2 else "blind"


def score_of(part: str) -> Score:
    found = Score()
    for label in labels():
        if part_of(label["file"]) == part:
            found.add(label, classify_mail((CORPUS / label["file"]).read_bytes()))
    return found
