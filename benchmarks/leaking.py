"""What a leaking split is worth: the same model on the same animals, split at random and honestly.

``python -m benchmarks leaking``; needs the real photographs beside the project, and is not part of ``make bench``.
"""

from __future__ import annotations

from typing import Any

from benchmarks.nyala import SHARED
from hanzaki.evaluation.leaks import counted, find_leaks_between
from hanzaki.evaluation.naming import judge_names
from hanzaki.evaluation.protocols import describe_table
from hanzaki.evaluation.splits import make_split
from hanzaki.exchange.table import read_table
from hanzaki.vision.describing import load_describer

TITLE = "What leaking is worth: named by the nearest photograph of the other side of the split"
MODEL = "hides"
SPLITS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "cattle, photographs at random": ("cattle", "photograph", {}),
    "cattle, encounters (days) apart": ("cattle", "encounter", {}),
    "cattle, April 14 and later named by April 3 and before": (
        "cattle",
        "date",
        {"train_days": "..2025-04-03", "test_days": "2025-04-14.."},
    ),
    "zebra, photographs at random": ("zebra", "photograph", {}),
}


def run() -> tuple[list[str], list[list[str]]]:
    """Every split, named by the same model; only animals that stand on both sides are asked about."""
    rows = []
    describer = load_describer(MODEL, threads=2)
    for title, (data, protocol, options) in SPLITS.items():
        split = make_split(read_table(SHARED / "data" / data / "annotations.csv"), protocol, **options)
        leaks = find_leaks_between(split.parts)
        known, asked = (describe_table(split.parts[part], describer) for part in ("train", "test"))
        closed = judge_names(known, asked, leaks).closed
        assert closed is not None, "animals stand on both sides of each of these splits"
        value, low, high = (100 * number for number in closed.measures["accuracy"])
        rows.append([title, f"{value:.1f} ({low:.1f}-{high:.1f})", str(closed.queries), counted(leaks)])
    return ["", "named rightly %", "photographs", "leaks"], rows
