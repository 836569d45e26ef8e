"""How right `classify_mail` is on the labelled corpus, in its two parts: the one that rules may be tuned on, the other.

`make bench NAME=accuracy`; needs the corpus beside the checkout.
"""

from __future__ import annotations

import sys

from peers.bounce_score import CORPUS, NEVER_REVIVE, PARTS, Score, score_of


def main() -> int:
    if not (CORPUS / "labels.jsonl").exists():
        sys.stdout.write(f"no labelled bounces at {CORPUS}\n")
        return 1
    rows = [("", *PARTS), *_rows([score_of(part) for part in PARTS])]
    for name, *values in rows:
        sys.stdout.write(f"{name:32}" + "".join(f"{value:>12}" for value in values) + "\n")
    return 0


def _rows(scores: list[Score]) -> list[tuple[str, ...]]:
    return [
        ("mails", *(str(sum(score.kinds.values())) for score in scores)),
        ("recipients, precision", *(f"{score.precision:.3f}" for score in scores)),
        ("recipients, recall", *(f"{score.recall:.3f}" for score in scores)),
        ("effect on the rating", *(f"{score.effect_accuracy:.3f}" for score in scores)),
        ("reason accepted", *(f"{score.reason_accuracy:.3f}" for score in scores)),
        ("hard or soft", *(f"{score.hard_accuracy:.3f}" for score in scores)),
        ("false blocks", *(str(len(score.false_blocks)) for score in scores)),
        ("delays that count", *(str(len(score.counted_delays)) for score in scores)),
        ("people taken for machines", *(str(_wrongly(score, machine=True)) for score in scores)),
        ("machines taken for people", *(str(_wrongly(score, machine=False)) for score in scores)),
        ("kinds", *(f"{_kinds(score):.3f}" for score in scores)),
    ]


def _wrongly(score: Score, *, machine: bool) -> int:
    return sum(
        count
        for (label, kind), count in score.kinds.items()
        if (label == "human" and kind != "human" if machine else label in NEVER_REVIVE and kind == "human")
    )


def _kinds(score: Score) -> float:
    return sum(count for (label, kind), count in score.kinds.items() if label == kind) / sum(score.kinds.values())


if __name__ == "__main__":
    raise SystemExit(main())
