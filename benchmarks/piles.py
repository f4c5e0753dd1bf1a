"""A pile without names, put together: ``python -m benchmarks.piles FOLDER [SET...] [--start]``.

Every encounter of a set is compared with every other as ``hanzaki sort`` does it, names playing no part; then the
pile is put together, and judged by the names. The fusion and the tempering are fitted to the other sets. Scores
are kept in the folder, where ``python -m benchmarks.fusion`` keeps descriptions, and not made again.
"""

from __future__ import annotations

import argparse
import json
import pickle
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.fusion import KINDS, SETS, by_kind, encounters_of, questions, scores_of
from hanzaki.evaluation.clusters import ClusterQuality, judge_clusters
from hanzaki.evaluation.resampling import Resampling
from hanzaki.fieldwork.identity.pairing import listed_odds
from hanzaki.fieldwork.identity.sort import put_together
from hanzaki.matching.choice import Case, Fusion
from hanzaki.matching.evidence import Asked, Gallery, GlobalEvidence, LocalEvidence, pooled_scores
from hanzaki.matching.odds import PairOdds
from hanzaki.matching.starting_pairs import fit_jointly
from hanzaki.matching.tempering import Tempering

NEIGHBOURS = 30
RESAMPLING = Resampling(resamples=500)
PILES = ("nyala", "cattle", "zebra", "virtual")
HEADERS = (
    "set", "encounters", "individuals", "tempering", "found", "drawn (95 %)", "B-cubed F1", "precision", "recall",
    "adjusted Rand", "error in number", "firm: said", "firm: true", "over 95 %", "of them true", "s",
)  # fmt: skip

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Pile:
    """A set as a pile of encounters.

    Attributes:
        individuals: whom each encounter truly is of.
        scores: by kind of evidence, float64 (n, n), of who asks (rows) against who answers.
    """

    individuals: list[str]
    scores: Mapping[str, Floats]

    def odds(self, fusion: Fusion) -> PairOdds:
        """Of each encounter the likeliest partners, as ``Matcher.pair_odds`` gives them."""
        count = len(self.individuals)
        flat = {kind: scores.ravel() for kind, scores in self.scores.items() if kind in fusion.evidence}
        total = np.sum(list(fusion.ratios(flat).values()), axis=0).reshape(count, count)
        there = np.any([~np.isnan(scores) for scores in self.scores.values()], axis=0)
        return listed_odds(np.where(there, total, np.nan), NEIGHBOURS, [None] * count)


def pile_of(folder: Path, name: str) -> Pile:
    """A set's encounters, each compared with all others."""
    kept = folder / f"{name}.pile.npz"
    if not kept.exists():
        frame, _ = scores_of(folder, name)  # which describes what is not described yet
        descriptions = {
            KINDS[model]: pickle.loads((folder / f"{name}.{model}.pkl").read_bytes())[1]  # of our own making
            for model in SETS[name].evidence
            if model in KINDS
        }
        np.savez_compressed(kept, **_compared(frame, descriptions))
    with np.load(kept) as arrays:
        return Pile(arrays["truth"].tolist(), {kind: arrays[kind] for kind in arrays if kind != "truth"})


def _compared(frame: pd.DataFrame, descriptions: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    encounters = encounters_of(frame)
    sides = [side if isinstance(side, str) else None for side in frame["orientation"]]
    gallery = Gallery(
        range(len(frame)), encounters.tolist(), sides, encounters.tolist(), descriptions=descriptions
    )
    ways = {"embedding": GlobalEvidence, "keypoints": LocalEvidence}
    evidence = [ways[kind](gallery, kind) for kind in descriptions]
    names = [str(name) for name in gallery.numbered[0]]
    scores = {kind: np.full((len(names), len(names)), np.nan) for kind in descriptions}
    for place, name in enumerate(names):
        own = np.flatnonzero(encounters == name).tolist()
        asked = Asked(
            own,
            sides=[sides[row] for row in own],
            encounters=[name] * len(own),
            descriptions={kind: [each[row] for row in own] for kind, each in descriptions.items()},
        )
        for kind, pooled in pooled_scores(evidence, asked, gallery).items():
            scores[kind][place] = pooled
    return {"truth": np.array([name.split("|")[0] for name in names]), **scores}


def cases_of(folder: Path, name: str) -> list[Case]:
    """What the fusion is fitted to: a set's photographs and encounters as queries."""
    frame, matrices = scores_of(folder, name)
    return [by_kind(question) for unit in SETS[name].units for question in questions(frame, matrices, unit)]


def run(folder: Path, chosen: Sequence[str]) -> list[list[str]]:
    """Every set, with a tempering of the other sets and, to compare, with none and with its own."""
    piles = {name: pile_of(folder, name) for name in PILES}
    cases = {name: cases_of(folder, name) for name in PILES}
    rows = []
    for name in chosen:
        fusion = Fusion.fit([case for other in PILES if other != name for case in cases[other]])
        odds = {each: pile.odds(fusion) for each, pile in piles.items()}
        others = {each: (odds[each], piles[each].individuals) for each in PILES if each != name}
        temperings = {
            "of the other sets": fit_jointly(others),
            "its own": fit_jointly({name: (odds[name], piles[name].individuals)}),
            "none": Tempering(1.0, 0.0, 0),
        }
        for label, tempering in temperings.items():
            rows.append(_row(name, label, tempering.apply(odds[name]), piles[name].individuals))
            print("| " + " | ".join(rows[-1]) + " |", flush=True)
    return rows


def _row(name: str, label: str, odds: PairOdds, individuals: Sequence[str]) -> list[str]:
    started = time.process_time()
    nobody = pd.DataFrame({"individual_id": [None] * odds.items, "individual": None, "machine": False})
    labels, drawn, _ = put_together(odds, nobody)
    taken = time.process_time() - started
    found = judge_clusters(individuals, labels.tolist(), RESAMPLING)
    mean, low, high = drawn.individuals()
    right = whole_individuals(labels, individuals)
    sure = drawn.standing >= 0.95
    return [
        name,
        str(found.items),
        str(found.individuals),
        label,
        str(found.clusters),
        f"{mean:.0f} ({low:.0f}-{high:.0f})",
        *(
            _interval(found, measure)
            for measure in ("bcubed_f1", "bcubed_precision", "bcubed_recall", "adjusted_rand", "count_error")
        ),
        f"{drawn.standing.mean():.2f}",
        f"{right.mean():.2f}",
        str(int(sure.sum())),
        f"{right[sure].mean():.2f}" if sure.any() else "",
        f"{taken:.1f}",
    ]


def whole_individuals(labels: npt.NDArray[np.int64], individuals: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Of each cluster, in the order of labels, whether it is all of one individual and nothing else."""
    truth = np.unique(np.array(individuals), return_inverse=True)[1]
    size = np.bincount(truth)
    own = [truth[labels == label] for label in np.unique(labels)]
    return np.array([(each == each[0]).all() and len(each) == size[each[0]] for each in own], bool)


def _interval(found: ClusterQuality, measure: str) -> str:
    value, low, high = found.measures[measure]
    return f"{value:.3f} ({low:.3f}-{high:.3f})"


def write_start(folder: Path) -> None:
    """A tempering to start with, fitted to all sets together: ``starting_pairs.json`` in the folder."""
    piles = {name: pile_of(folder, name) for name in PILES}
    fusion = Fusion.fit([case for name in PILES for case in cases_of(folder, name)])
    fitted = fit_jointly({name: (pile.odds(fusion), pile.individuals) for name, pile in piles.items()})
    about = {
        name: {"encounters": len(pile.individuals), "individuals": len(set(pile.individuals))}
        for name, pile in piles.items()
    }
    values = {
        "trust": fitted.trust,
        "shift": fitted.shift,
        "individuals": fitted.individuals,
        "fitted_on": {"animals": [SETS[name].animals for name in PILES], "sets": about},
        "written_by": "benchmarks.piles --start",
    }
    (folder / "starting_pairs.json").write_text(json.dumps(values, indent=2) + "\n", "utf-8")


def main() -> None:
    """Print the table that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where scores are kept")
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"one of: {', '.join(PILES)}")
    parser.add_argument("--start", action="store_true", help="also write a tempering to start with, of all sets")
    asked = parser.parse_args()
    if unknown := set(asked.sets) - set(PILES):
        parser.error(f"no such set: {', '.join(sorted(unknown))}")
    print("| " + " | ".join(HEADERS) + " |")
    print("|" + "---|" * len(HEADERS))
    run(asked.folder, asked.sets or list(PILES))
    if asked.start:
        write_start(asked.folder)


if __name__ == "__main__":
    main()
