"""Who is it, after years, with and without regard to time: ``python -m benchmarks.decades FOLDER [--seed N]...``.

Virtual animals grow, and their spots change, for 18 years; every encounter is asked, with the photographs of its
own animal that are less than some years away left out, and those of all others in. What judges an animal (fusion
and drift) was learnt from others. Photographs and scores are kept in the folder and not made again; a quarter of
an hour for each seed.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from hanzaki.evaluation.identification import judge_identification
from hanzaki.evaluation.protocols import describe_table
from hanzaki.evaluation.resampling import Resampling
from hanzaki.exchange.identity_csv import read_identity_csv
from hanzaki.matching.choice import NEW, PRIOR_NEW, Case, Fusion, Posterior
from hanzaki.matching.drift import Drift, fit_drift
from hanzaki.matching.evidence import steadied
from hanzaki.matching.index import build_index
from hanzaki.matching.odds import PairOdds
from hanzaki.matching.pooling import pool
from hanzaki.virtual import Capture, Population, Rates, write_census, yearly
from hanzaki.vision.describing import load_describer

YEARS = 18
GAPS = (0, 5, 10)
FOLDS = 5
MODEL = "marks"

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Photographs:
    """All of a stream's: (n, n) scores, NaN within an encounter; and of each its animal, encounter and year."""

    scores: Floats
    animals: Codes
    encounters: Codes
    years: Floats

    @property
    def of_encounter(self) -> Codes:
        """The animal of each encounter."""
        return self.animals[np.unique(self.encounters, return_index=True)[1]]

    @property
    def when(self) -> Floats:
        """The year of each encounter."""
        return self.years[np.unique(self.encounters, return_index=True)[1]]


@dataclass(frozen=True, eq=False)
class Question:
    """An encounter and whom it is compared with.

    Attributes:
        pairs: (q, n) scores with all photographs, NaN for those left out.
        years: (n,) from the query to each.
        animals: (n,) whom each shows.
        truth: the query's animal.
        known: whether it has photographs there.
    """

    pairs: Floats
    years: Floats
    animals: Codes
    truth: int
    known: bool


@dataclass(frozen=True)
class Judge:
    """What was learnt from other animals."""

    fusion: Fusion
    drift: Drift


Way = Callable[[Question, int, Judge], Posterior]


def alike(asked: Question, count: int, judge: Judge) -> Posterior:
    """All photographs of an individual count alike."""
    return _posterior(judge, _ratios(asked, count, judge), asked, count)


def corrected(asked: Question, count: int, judge: Judge) -> Posterior:
    """All alike, but of who was last photographed long ago low odds speak less against, and all odds less."""
    return _posterior(judge, _corrected(_ratios(asked, count, judge), asked, count, judge), asked, count)


WAYS: dict[str, Way] = {
    "all alike": alike,
    "corrected": corrected,
}


def _ratios(asked: Question, count: int, judge: Judge) -> Floats:
    pooled = pool(asked.pairs, asked.animals, count)
    return judge.fusion.ratios({MODEL: pooled})[MODEL]


def _corrected(ratios: Floats, asked: Question, count: int, judge: Judge) -> Floats:
    """By the years to the photograph of each that is nearest in time."""
    there = ~np.isnan(asked.pairs).all(axis=0)
    nearest = np.full(count, np.inf)
    np.minimum.at(nearest, asked.animals[there], np.abs(asked.years[there]))
    return judge.drift.corrected(ratios, np.where(np.isinf(nearest), np.nan, nearest))


def _posterior(judge: Judge, ratios: Floats, asked: Question, count: int) -> Posterior:
    there = np.zeros(count, bool)
    there[asked.animals[~np.isnan(asked.pairs).all(axis=0)]] = True
    utilities = np.where(there, ratios + np.log((1 - PRIOR_NEW) / there.sum()), -np.inf)
    utilities = np.append(utilities, np.log(PRIOR_NEW) + judge.fusion.bias)
    shares = np.exp(utilities - utilities.max())
    shares /= shares.sum()
    return Posterior(shares[:-1], float(shares[-1]))


def questions(stream: Photographs, gap: float, *, known: bool) -> Iterator[Question]:
    """Every encounter, without its animal's photographs of less than ``gap`` years away, or without any of it."""
    for encounter in range(len(stream.of_encounter)):
        rows = np.flatnonzero(stream.encounters == encounter)
        truth = int(stream.animals[rows[0]])
        years = stream.years - stream.years[rows[0]]
        pairs = stream.scores[rows].copy()
        own = stream.animals == truth
        pairs[:, own if not known else own & (np.abs(years) < gap - 0.5)] = np.nan  # surveys are a year apart
        if known and np.isnan(pairs[:, own]).all():
            continue
        yield Question(pairs, years, stream.animals, truth, known)


def judge_of(stream: Photographs, learnt: npt.NDArray[np.bool_]) -> Judge:
    """Learn from some of the animals.

    Args:
        stream: all photographs.
        learnt: bool (animals,), from which.
    """
    count = len(learnt)
    cases = [
        Case({MODEL: pool(asked.pairs, asked.animals, count)}, asked.truth if known else NEW, asked.truth)
        for known in (True, False)
        for asked in questions(stream, 0, known=known)
        if learnt[asked.truth]
    ]
    fusion = Fusion.fit(cases)
    kept = np.flatnonzero(learnt[stream.of_encounter])
    odds = PairOdds.of_matrix(_between(stream, fusion)[np.ix_(kept, kept)])
    return Judge(fusion, fit_drift(odds, stream.of_encounter[kept].tolist(), stream.when[kept]))


def _between(stream: Photographs, fusion: Fusion) -> Floats:
    """Log likelihood ratios that encounters are of one animal, each asking all others; NaN on the diagonal."""
    count = len(stream.of_encounter)
    rows = []
    for encounter in range(count):
        pairs = stream.scores[stream.encounters == encounter]
        pooled = pool(pairs, stream.encounters, count)
        rows.append(np.where(np.isnan(pooled), np.nan, fusion.ratios({MODEL: pooled})[MODEL]))
    return np.stack(rows)


def stream_of(folder: Path, seed: int) -> Photographs:
    """A stream through the years, photographed and compared."""
    home = folder / f"stream-{seed}"
    if not (home / "annotations.csv").exists():
        population = Population(
            yearly(date(2005, 8, 20), YEARS),
            28,
            rates=Rates(survival=0.97, recruits=0.8, immigrants=0.0),
            capture=Capture(probability=0.35, photographs=1.5),
            seed=seed,
        )
        write_census(home, population)
    frame = pd.read_csv(home / "annotations.csv", dtype=str)
    if not (home / "scores.npz").exists():
        described = describe_table(read_identity_csv(home / "annotations.csv"), load_describer(MODEL))
        if described.frame["path"].tolist() != frame["path"].tolist():
            raise RuntimeError(f"not all of {home} could be described")
        np.savez_compressed(home / "scores.npz", scores=_compared(frame, described.descriptions))
    with np.load(home / "scores.npz") as arrays:
        scores = arrays["scores"].astype(np.float64)
    days = pd.to_datetime(frame["date"])
    return Photographs(
        scores,
        np.unique(frame["identity"], return_inverse=True)[1],
        np.unique(frame["encounter"], return_inverse=True)[1],
        (days.dt.year + (days.dt.day_of_year - 1) / 365.25).to_numpy(np.float64),
    )


def _compared(frame: pd.DataFrame, descriptions: Sequence[object]) -> npt.NDArray[np.float32]:
    encounters = frame["encounter"].to_numpy()
    index = build_index(list(descriptions), frame["identity"].tolist(), frame["orientation"].tolist())
    own = [np.flatnonzero(encounters == each) for each in encounters]
    return steadied(np.concatenate(list(index.search(list(descriptions), own))))


def run(folder: Path, seeds: Sequence[int]) -> tuple[list[str], list[list[str]]]:
    """Each gap, each way: top-1, and whether what is said is true of known and of new animals."""
    streams = [stream_of(folder, seed) for seed in seeds]
    answers: dict[tuple[int, str], list[tuple[Posterior, int, str]]] = {}
    for seed, stream in zip(seeds, streams, strict=True):
        count = int(stream.animals.max()) + 1
        fold = np.random.default_rng(seed).permutation(count) % FOLDS
        judges = [judge_of(stream, fold != each) for each in range(FOLDS)]
        for gap in GAPS:
            for known in (True, False):
                for asked in questions(stream, gap, known=known):
                    for name, way in WAYS.items():
                        found = way(asked, count, judges[fold[asked.truth]])
                        truth = asked.truth if known else NEW
                        answers.setdefault((gap, name), []).append((found, truth, f"{seed}-{asked.truth}"))
        drift = judge_of(stream, np.ones(count, bool)).drift
        print(f"seed {seed}: {len(stream.years)} photographs, {len(stream.when)} encounters of {count} animals")
        print(f"  {drift.slope:.3f} nats a year ({drift.low:.3f} to {drift.high:.3f}), start {drift.start:.2f},")
        print(f"  strangers {drift.strangers:.2f}, so that markings last {drift.lasts:.0f} years")
    rows = [_row(gap, name, found) for (gap, name), found in answers.items()]
    return ["years away, at least", "way", "known + new", "top-1 %", "AUROC", "right at 5 %", "ECE"], rows


def _row(gap: int, name: str, found: Sequence[tuple[Posterior, int, str]]) -> list[str]:
    said = judge_identification(*zip(*found, strict=True), resampling=Resampling(resamples=500))
    area, error = said.auroc, said.calibration.measures["ece"]
    first, right = ([100 * number for number in each] for each in (said.first, list(said.correct.values())[-1]))
    return [
        str(gap),
        name,
        f"{said.known} + {said.new}",
        f"{first[0]:.1f} ({first[1]:.1f}-{first[2]:.1f})",
        f"{area.value:.3f} ({area.low:.3f}-{area.high:.3f})",
        f"{right[0]:.1f} ({right[1]:.1f}-{right[2]:.1f})",
        f"{error.value:.3f}",
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where photographs and scores are kept")
    parser.add_argument("--seed", type=int, action="append", help="of a stream; may be repeated (default: 5)")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    headers, rows = run(asked.folder, asked.seed or [5])
    print("\n| " + " | ".join(headers) + " |")
    print("|" + "---|" * len(headers))
    for row in rows:
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
