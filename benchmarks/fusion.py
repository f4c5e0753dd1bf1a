"""Who is it, or is it somebody new: ``python -m benchmarks.fusion FOLDER [SET...] [--cost | --others] [--start]``.

Every encounter is asked twice, once with its animal in the gallery and once with all of it left out, against all
encounters but itself, one side at a time. What judges an animal was fitted to other animals. Scores are kept in
the folder and not made again; an hour on two idle cores, and needs the real photographs beside the project. Real
sets of many near-copies are thinned by lot (``_tables``), so that it stays an hour.
"""

from __future__ import annotations

import argparse
import json
import pickle
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.apart import run_apart
from benchmarks.nyala import SHARED
from hanzaki.evaluation.identification import Identified, cross_fitted, judge_identification
from hanzaki.evaluation.protocols import describe_table
from hanzaki.evaluation.resampling import Interval, Resampling
from hanzaki.exchange.identity_csv import read_identity_csv
from hanzaki.matching.choice import NEW, PRIOR_NEW, Case, Fusion, Posterior
from hanzaki.matching.evidence import steadied
from hanzaki.matching.index import build_index
from hanzaki.matching.pooling import USUAL, Pooling, best_of_individuals, pool
from hanzaki.virtual import write_photographs
from hanzaki.vision.describing import load_describer

RESAMPLING = Resampling(resamples=500)
SIZES = (1_000, 10_000, 100_000)
SHORTLIST = 100

Floats = npt.NDArray[np.float64]
Matrices = Mapping[str, Mapping[str, npt.NDArray[np.float32]]]


@dataclass(frozen=True)
class Set:
    """What is measured.

    Attributes:
        evidence: what it is described by: shipped models, or the folder of one trained on the other half of nyala.
        animals: what they are, in words.
        units: what is asked at a time: ``photograph``, or all of an ``encounter``.
        later: days from which on a photograph asks and is no part of the gallery; None = all ask and are.
    """

    evidence: Mapping[str, str]
    animals: str
    units: tuple[str, ...] = ("photograph", "encounter")
    later: str | None = None


SETS = {
    "nyala": Set({"small": "bench/few/small/model", "marks": "marks"}, "nyalas"),
    "nyala-other": Set({"small": "bench/exchanged/small/model", "marks": "marks"}, "nyalas"),
    "cattle": Set({"hides": "hides", "marks": "marks"}, "cattle", later="2025-04-10"),
    "zebra": Set({"hides": "hides", "marks": "marks"}, "zebras", units=("photograph",)),
    "virtual": Set({"hides": "hides", "marks": "marks"}, "virtual giant salamanders"),
}


NYALA = {"nyala": "bench/few/test.csv", "nyala-other": "bench/exchanged/test.csv"}


@dataclass(frozen=True, eq=False)
class Question:
    """One query with its scores: pairs by kind of evidence, the gallery's individuals, and the truth."""

    pairs: Mapping[str, Floats]
    codes: npt.NDArray[np.intp]
    count: int
    truth: int
    animal: str
    day: str

    def case(self, names: Sequence[str], pooling: Pooling = USUAL) -> Case:
        """What the fusion is asked, with some kinds of evidence."""
        scores = {name: pool(self.pairs[name], self.codes, self.count, pooling) for name in names}
        return Case(scores, self.truth, self.animal)

    def plain(self, names: Sequence[str]) -> Posterior:
        """What is usually done: the best pair of each individual, as z-scores, with the mean of several kinds.

        No posterior: the score of the best stands where its probability would, pressed into 0 to 1.
        """
        best = [np.nanmax(best_of_individuals(self.pairs[name], self.codes, self.count), axis=0) for name in names]
        mean = np.mean([(row - row.mean()) / max(float(row.std()), 1e-6) for row in best], axis=0)
        shares = 1 / (1 + np.exp(-mean / 4))
        return Posterior(shares, 1 - float(shares.max()))


def questions(frame: pd.DataFrame, matrices: Matrices, unit: str) -> Iterator[Question]:
    """Every photograph or encounter, with its animal in the gallery (if it is met again) and without."""
    identities = frame["identity"].to_numpy()
    names = np.unique(identities.astype(str))
    numbers = np.searchsorted(names, identities.astype(str))
    first = next(iter(matrices.values()))
    asked = np.flatnonzero(~np.isnan(first["out"]).all(axis=1))
    keys = asked.astype(str) if unit == "photograph" else encounters_of(frame)[asked]
    for _, group in pd.Series(asked).groupby(keys, sort=True):
        rows = group.to_numpy()
        animal = identities[rows[0]]
        for mode in ("in", "out"):
            columns = np.flatnonzero(np.isfinite(first[mode][rows]).any(axis=0))
            if mode == "in" and animal not in identities[columns]:
                continue
            present, codes = np.unique(numbers[columns], return_inverse=True)
            pairs = {}
            for name, both in matrices.items():
                scores = both[mode][np.ix_(rows, columns)]
                scores = steadied(scores) if name == "marks" else np.where(np.isfinite(scores), scores, np.nan)
                pairs[name] = scores.astype(np.float64)
            truth = int(np.searchsorted(present, numbers[rows[0]])) if mode == "in" else NEW
            yield Question(pairs, codes, len(present), truth, str(animal), str(frame["date"].iloc[rows[0]]))


def encounters_of(frame: pd.DataFrame) -> npt.NDArray[np.str_]:
    """The encounter of each row; where none is named, the photograph."""
    named = frame["encounter"].fillna("photograph " + frame["image_id"].astype(str))
    return (frame["identity"].astype(str) + "|" + named.astype(str)).to_numpy(str)


def share_new(asked: Sequence[Question]) -> float:
    """How many of the cases are of new animals: the prior that is true of them.

    It is above one half, since an animal that is met once can be asked about as new only.
    """
    return sum(each.truth == NEW for each in asked) / len(asked)


def judged(posteriors: Sequence[Posterior], asked: Sequence[Question]) -> Identified:
    """Posteriors beside the truth."""
    return judge_identification(
        posteriors, [each.truth for each in asked], [each.animal for each in asked], resampling=RESAMPLING
    )


def run(folder: Path, chosen: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """Every set, asked by photograph and by encounter: each part alone, both added, and ours."""
    rows = []
    every: list[tuple[list[Posterior], list[Question]]] = []
    for name in chosen:
        frame, matrices = scores_of(folder, name)
        kinds = list(matrices)
        for unit in SETS[name].units:
            asked = list(questions(frame, matrices, unit))
            for label, some in {**{kind: [kind] for kind in kinds}, "mean of z-scores": kinds}.items():
                plain = judged([each.plain(some) for each in asked], asked)
                rows.append(_row(name, unit, label, plain, calibrated=False))
            for label, some in {**{f"{kind}, ours": [kind] for kind in kinds}, "fused, ours": kinds}.items():
                posteriors = cross_fitted([each.case(some) for each in asked], prior_new=share_new(asked))
                rows.append(_row(name, unit, label, judged(posteriors, asked)))
            if SETS[name].later is not None:
                middle = sorted(each.day for each in asked)[len(asked) // 2]
                posteriors = cross_fitted(
                    [each.case(kinds) for each in asked],
                    prior_new=share_new(asked),
                    periods=[each.day < middle for each in asked],
                )
                rows.append(_row(name, unit, "fused, ours, by other days", judged(posteriors, asked)))
            every.append((posteriors, asked))
    posteriors, asked = ([one for part in parts for one in part] for parts in zip(*every, strict=True))
    rows.append(_row("all", "either", "fused, ours", judged(posteriors, asked)))
    return HEADERS, rows


def run_start(folder: Path, chosen: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """Every set with numbers that were fitted to the others: what a catalogue has before its own decisions."""
    asked = {
        (name, unit): list(questions(*scores_of(folder, name), unit))
        for name in chosen
        for unit in SETS[name].units
    }
    rows = []
    for (name, unit), own in asked.items():
        others = [one for (other, _), many in asked.items() if _species(other) != _species(name) for one in many]
        fusion = Fusion.fit([by_kind(each) for each in others])
        scores = [
            {kind: pooled for kind, pooled in by_kind(each).scores.items() if kind in fusion.evidence}
            for each in own
        ]
        posteriors = [fusion.posterior(each, share_new(own)) for each in scores]
        rows.append(_row(name, unit, f"{' and '.join(fusion.evidence)}, by others", judged(posteriors, own)))
    return HEADERS, rows


def _species(name: str) -> str:
    return name.partition("-")[0]


HEADERS = [
    "set",
    "by",
    "way",
    "cases",
    "top-1 %",
    "AUROC",
    "right at 1 %",
    "at 5 %",
    "ECE",
    "ECE by chance",
]


def _row(name: str, unit: str, label: str, found: Identified, *, calibrated: bool = True) -> list[str]:
    rates = [_percent(interval) for interval in found.correct.values()]
    area, error = found.auroc, found.calibration.measures["ece"]
    return [
        name,
        unit,
        label,
        f"{found.known} + {found.new}",
        _percent(found.first),
        f"{area.value:.3f} ({area.low:.3f}-{area.high:.3f})",
        *rates,
        *([f"{error.value:.3f}", f"{found.error_by_chance:.3f}"] if calibrated else ["", ""]),
    ]


def _percent(interval: Interval) -> str:
    value, low, high = (100 * number for number in interval)
    return f"{value:.1f} ({low:.1f}-{high:.1f})"


def scores_of(folder: Path, name: str) -> tuple[pd.DataFrame, Matrices]:
    """A set's annotations, and by evidence the scores of all pairs with the animal in (``in``) and left out."""
    matrices = {}
    for kind, model in SETS[name].evidence.items():
        kept, described = folder / f"{name}.{kind}.npz", folder / f"{name}.{kind}.pkl"
        if not described.exists():
            found = describe_table(read_identity_csv(_table(folder, name)), load_describer(model))
            described.write_bytes(pickle.dumps((found.frame, list(found.descriptions))))
        frame, descriptions = pickle.loads(described.read_bytes())  # of our own making
        if not kept.exists():
            np.savez_compressed(kept, **_compared(frame, descriptions, SETS[name].later))
        with np.load(kept) as arrays:
            matrices[kind] = {mode: arrays[mode] for mode in ("in", "out")}
    return frame, matrices


def _compared(frame: pd.DataFrame, descriptions: Sequence[Any], later: str | None) -> dict[str, Any]:
    identities, encounters = frame["identity"].to_numpy(), encounters_of(frame)
    sides = frame["orientation"].fillna("").to_numpy()
    asks = np.ones(len(frame), bool) if later is None else (frame["date"].astype(str) >= later).to_numpy()
    held = asks if later is None else ~asks
    scores = {mode: np.full((len(frame), len(frame)), np.nan, np.float32) for mode in ("in", "out")}
    for side in np.unique(sides):
        rows, columns = np.flatnonzero(asks & (sides == side)), np.flatnonzero(held & (sides == side))
        index = build_index(
            [descriptions[place] for place in columns],
            identities[columns].tolist(),
            [side or None] * len(columns),
        )
        for mode, groups in (("in", encounters), ("out", identities)):
            own = [np.flatnonzero(groups[columns] == groups[row]) for row in rows]
            blocks = index.search([descriptions[row] for row in rows], own)
            scores[mode][np.ix_(rows, columns)] = np.concatenate(list(blocks))
    return scores


def _table(folder: Path, name: str) -> Path:
    """The table of a set; of cattle two photographs of each encounter, of zebra five of each animal, by lot."""
    if name in NYALA:  # by benchmarks.finetuning: the embedding of each half never saw its animals
        return Path(NYALA[name])
    if name == "virtual":
        table = folder / "stream" / "annotations.csv"
        if not table.exists():
            write_photographs(folder / "stream", 30, surveys=3, photographs=2, seed=7, newcomers=8)
        return table
    table, most = folder / f"{name}.csv", {"cattle": ("encounter", 2), "zebra": ("identity", 5)}
    column, count = most[name]
    if not table.exists():
        source = SHARED / "data" / name / "annotations.csv"
        frame = pd.read_csv(source, dtype=str).sample(frac=1, random_state=0)
        frame["path"] = [str(source.parent.absolute() / path) for path in frame["path"]]
        frame[frame.groupby(column).cumcount() < count].sort_index().to_csv(table, index=False)
    return table


def write_start(folder: Path, chosen: Sequence[str]) -> None:
    """A fusion to start with, and what ``hides`` is worth for its card: ``starting.json``, ``hides.json``.

    Both are fitted to all the sets together that have such evidence, and written into the folder.
    """
    cases: list[Case] = []
    of_hides: list[Case] = []
    about: dict[str, Any] = {}
    for name in chosen:
        frame, matrices = scores_of(folder, name)
        for unit in SETS[name].units:
            asked = list(questions(frame, matrices, unit))
            cases += [by_kind(question) for question in asked]
            of_hides += [question.case(["hides"]) for question in asked if "hides" in question.pairs]
        about[name] = {"annotations": len(frame), "individuals": int(frame["identity"].nunique())}
    fusion = Fusion.fit(cases)
    fitted_on = {
        "sets": about,
        "evidence": KINDS,
        "prior_new": PRIOR_NEW,
        "written_by": "benchmarks.fusion --start",
    }
    (folder / "starting.json").write_text(
        json.dumps(replace(fusion, fitted_on=fitted_on).as_json(), indent=2) + "\n", "utf-8"
    )
    if of_hides:
        own = {name: values for name, values in about.items() if "hides" in SETS[name].evidence}
        weighed = Fusion.fit(of_hides).evidence["hides"]
        card = {"weight": weighed.weight, **weighed.likelihood.as_json(), "fitted_on": own}
        (folder / "hides.json").write_text(json.dumps(card, indent=2) + "\n", "utf-8")


KINDS = {"small": "embedding", "marks": "keypoints"}  # `hides` names nobody: what it scores teaches nothing


def by_kind(question: Question) -> Case:
    """What a fusion that knows kinds is asked, by the evidence that is worth something."""
    names = [name for name in question.pairs if name in KINDS]
    case = question.case(names)
    return Case({KINDS[name]: case.scores[name] for name in names}, case.truth, case.individual)


class _Repeated(Sequence[Any]):
    """A few descriptions, over and over: a gallery of any size in the memory of a few."""

    def __init__(self, few: Sequence[Any], size: int) -> None:
        self._few, self._size = few, size

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, place: Any) -> Any:
        if not 0 <= place < self._size:
            raise IndexError(place)
        return self._few[place % len(self._few)]


def run_cost() -> tuple[list[str], list[list[str]]]:
    """What one photograph costs against synthetic galleries, four photographs an individual."""
    rows = []
    for size in SIZES:
        taken = run_apart(_asked, size)
        build, whole, listed = taken.value
        cells = [
            f"{size:,}",
            f"{build:.1f}",
            f"{1000 * whole:.0f}",
            f"{1000 * listed:.0f}",
            f"{taken.peak_mb:.0f}",
        ]
        rows.append(cells)
    return [
        "annotations",
        "s to build",
        "ms, embedding alone",
        f"ms, local on the best {SHORTLIST}",
        "peak MB",
    ], rows


def _asked(size: int) -> tuple[float, float, float]:
    from hanzaki.keypoints import Keypoints
    from hanzaki.matching.evidence import Asked, Gallery, GlobalEvidence, LocalEvidence, pooled_scores

    rng = np.random.default_rng(0)

    def keypoints() -> Keypoints:
        return Keypoints(
            points=rng.random((400, 2), np.float32) * 400,
            sizes=rng.gamma(2, 4, 400).astype(np.float32),
            angles=rng.random(400, np.float32) * 360,
            weights=rng.random(400, np.float32),
            descriptors=rng.gamma(0.6, 60, (400, 128)).clip(0, 255).astype(np.uint8),
            extent=(400, 400),
        )

    few = [keypoints() for _ in range(400)]
    vectors = rng.normal(size=(size, 512)).astype(np.float32)
    points = _Repeated(few, size)
    names = [str(place // 4) for place in range(size)]
    gallery = Gallery(range(size), names, descriptions={"vectors": vectors, "points": points})
    asked = [
        Asked([0], descriptions={"vectors": rng.normal(size=(1, 512)).astype(np.float32), "points": [keypoints()]})
        for _ in range(4)
    ]
    started = time.perf_counter()
    kinds = [GlobalEvidence(gallery, "vectors"), LocalEvidence(gallery, "points")]
    pooled_scores(kinds[:1], asked[0], gallery)
    built = time.perf_counter()
    for query in asked[1:]:
        pooled_scores(kinds[:1], query, gallery)
    searched = time.perf_counter()
    for query in asked[1:]:
        pooled_scores(kinds, query, gallery, SHORTLIST)
    both = time.perf_counter()
    whole = (searched - built) / 3
    return built - started, whole, (both - searched) / 3 - whole


def main() -> None:
    """Print the tables that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where scores are kept")
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"one of: {', '.join(SETS)}")
    parser.add_argument("--cost", action="store_true", help="time and memory by the size of the gallery, alone")
    parser.add_argument(
        "--start", action="store_true", help="also write a fusion to start with, fitted to the sets"
    )
    parser.add_argument(
        "--others", action="store_true", help="judge each set by numbers fitted to the other species' sets"
    )
    asked = parser.parse_args()
    if unknown := set(asked.sets) - set(SETS):
        parser.error(f"no such set: {', '.join(sorted(unknown))}")
    asked.folder.mkdir(parents=True, exist_ok=True)
    sets = asked.sets or list(SETS)
    headers, rows = (
        run_cost() if asked.cost else run_start(asked.folder, sets) if asked.others else run(asked.folder, sets)
    )
    print("| " + " | ".join(headers) + " |")
    print("|" + "---|" * len(headers))
    for row in rows:
        print("| " + " | ".join(row) + " |", flush=True)
    if asked.start:
        write_start(asked.folder, sets)


if __name__ == "__main__":
    main()
