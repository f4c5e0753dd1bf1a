"""What each ingredient of local matching gives, on half of nyala's animals: ``python -m benchmarks ablation``.

Takes some ten minutes on two cores, and needs the real photographs beside the project; not part of ``make bench``.
"""

from __future__ import annotations

import time
from dataclasses import replace
from functools import cache

import numpy as np

from benchmarks.nyala import TABLE, tested_half
from hanzaki.annotations import AnnotationRow
from hanzaki.evaluation.metrics import bootstrap_interval, ranking_metrics
from hanzaki.exchange.identity_csv import read_identity_csv
from hanzaki.keypoints import Keypoints
from hanzaki.matching.local import LocalIndex
from hanzaki.matching.points import ANY_WAY, UPRIGHT, LocalParameters
from hanzaki.media import Pixels, decode, read
from hanzaki.vision.crop import crop
from hanzaki.vision.describing import DEFAULT, describe_all, load_describer
from hanzaki.vision.marks import Marks
from hanzaki.vision.rootsift import RootSift

TITLE = "Local matching, ingredient by ingredient: half of nyala's animals, one side at a time"


def _marks() -> Marks:
    describer = load_describer(DEFAULT, threads=2)
    assert isinstance(describer, Marks)
    return describer


HALVES = {False: "", True: " (on the other half of the animals)"}
VARIANTS: dict[str, tuple[RootSift | Marks, LocalParameters]] = {
    "all of it": (RootSift(), UPRIGHT),
    "points described by the shipped network (marks)": (_marks(), UPRIGHT),
    "points kept wherever they lie (spread 10 instead of 0.3)": (RootSift(spread=10), UPRIGHT),
    "spread 0.45": (RootSift(spread=0.45), UPRIGHT),
    "spread 0.2": (RootSift(spread=0.2), UPRIGHT),
    "contrast as it is (no CLAHE)": (RootSift(contrast_limit=0), UPRIGHT),
    "512 pixels instead of 400": (RootSift(longest=512), UPRIGHT),
    "place and direction in the box not asked": (RootSift(), ANY_WAY),
    "no verification": (RootSift(), replace(UPRIGHT, verified_weight=0)),
    "8 rivals instead of 96": (RootSift(), replace(UPRIGHT, rivals=8)),
}


def run() -> tuple[list[str], list[list[str]]]:
    """Every variant on the same animals, the first two on the others too; each beside its first."""
    rows = []
    first: dict[bool, np.ndarray] = {}
    wanted = [(name, False) for name in VARIANTS] + [(name, True) for name in list(VARIANTS)[:2]]
    for name, other in wanted:
        started = time.perf_counter()
        measures, identities = _one_against_all(*VARIANTS[name], other)
        (top1, low, high), (precision, *_) = bootstrap_interval(measures, identities)
        gain, least, most = 100 * bootstrap_interval(measures - first.setdefault(other, measures), identities)[0]
        seconds = time.perf_counter() - started
        rows.append(
            [
                name + HALVES[other],
                f"{100 * top1:.1f} ({100 * low:.1f}-{100 * high:.1f})",
                f"{gain:+.1f} ({least:+.1f} to {most:+.1f})" if measures is not first[other] else "",
                f"{100 * precision:.1f}",
                f"{seconds:.0f}",
            ]
        )
    return ["", "top-1 %", "points more than all of it", "mAP %", "s"], rows


@cache
def _rows(other: bool) -> list[AnnotationRow]:
    rows = list(read_identity_csv(TABLE))
    half = tested_half(row.identity or "" for row in rows)
    return [row for row in rows if (row.identity in half) != other]


@cache
def _keypoints(describer: RootSift | Marks, other: bool) -> list[Keypoints]:
    def crop_of(row: AnnotationRow) -> Pixels:
        path = TABLE.parent / row.path
        return crop(decode(read(path), path, max_megapixels=256), row.bbox)

    described = describe_all(describer, _rows(other), crop_of, threads=2)
    return [keypoints for _, keypoints in described if isinstance(keypoints, Keypoints)]


def _one_against_all(
    describer: RootSift | Marks, parameters: LocalParameters, other: bool
) -> tuple[np.ndarray, list[str]]:
    rows, keypoints = _rows(other), _keypoints(describer, other)
    measures, asked = [], []
    for side in ("left", "right"):
        members = [number for number, row in enumerate(rows) if row.orientation == side]
        names = np.array([rows[number].identity for number in members])
        pictures = [keypoints[number] for number in members]
        index = LocalIndex(pictures, names.tolist(), parameters)
        blocks = index.search(pictures, [np.array([number]) for number in range(len(members))])
        for query, scores in enumerate(row for block in blocks for row in block):
            relevant = names == names[query]
            if relevant.sum() > 1:
                measures.append(ranking_metrics(scores, relevant, (1,)))
                asked.append(names[query])
    return np.array(measures), asked
