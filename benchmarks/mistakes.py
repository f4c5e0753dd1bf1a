"""How many wrong names ``hanzaki check`` finds: ``python -m benchmarks.mistakes FOLDER [SET...]``.

One in twenty encounters of a catalogue gets a wrong name by lot, half of them that of another animal and half a
name of their own; ten times over. The catalogues and what their encounters say of each other are kept in the
folder: names play no part in it. Minutes on two idle cores; nyala need the real photographs beside the project,
and ``benchmarks.finetuning``, whose network never saw these animals.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

import hanzaki
from hanzaki.annotations import Annotations
from hanzaki.exchange.identity_csv import read_identity_csv
from hanzaki.fieldwork.fieldcatalogue import FieldCatalogue
from hanzaki.fieldwork.identity.check import flanks_shown
from hanzaki.fieldwork.identity.matcher import Matcher
from hanzaki.fieldwork.identity.method import describe_all_of, load_method
from hanzaki.fieldwork.identity.suspicion import FOLDS, TOLERATED, WRONG, suspect
from hanzaki.matching.constraints import Constraint
from hanzaki.matching.odds import PairOdds
from hanzaki.virtual import write_photographs

TIMES = 10
SHARE = 0.05
_NYALA = 40

#: What compares the animals of each set; sets of one first word are one catalogue.
MODELS: dict[str, tuple[str, ...]] = {
    "virtual": ("marks",),
    "virtual-both": ("hides", "marks"),
    "nyala": ("bench/few/small/model", "marks"),
}


@dataclass(frozen=True, eq=False)
class Known:
    """A catalogue's encounters: who each truly shows, its flanks, and what they say of each other."""

    truth: tuple[str, ...]
    flanks: npt.NDArray[np.bool_]
    odds: PairOdds


@dataclass
class Counts:
    """Of one kind of mistake: how many were made, found and listed, and how many listed are mistakes."""

    planted: int = 0
    found: int = 0
    listed: int = 0
    right: int = 0
    said: float = field(default=0.0)

    def cells(self) -> list[str]:
        """As a table has it."""
        false = 0 if not self.listed else 100 * (self.listed - self.right) / self.listed
        said = 0 if not self.listed else 100 * self.said / self.listed
        return [f"{self.found} of {self.planted}", str(self.listed), f"{false:.0f} %", f"{said:.0f} %"]


def known(folder: Path, name: str) -> Known:
    """A set as a catalogue, compared; from the folder, if it is there."""
    kept = folder / f"{name}.npz"
    if not kept.exists():
        source = name.partition("-")[0]
        place = folder / source
        if not (place / "catalogue.sqlite").exists():
            with hanzaki.init(place) as made:
                made.add(table=_table(folder, source), link=True)
        with FieldCatalogue.open(place) as catalogue:
            method = load_method(MODELS[name])
            describe_all_of(catalogue, method)
            matcher = Matcher(catalogue, method)
            table = matcher.table[matcher.table["individual_id"].notna()]
            first = table.drop_duplicates("encounter")
            odds = matcher.pair_odds(first["encounter"].tolist())
            flanks = flanks_shown(table, first["encounter"].tolist(), any_side=False)
        truth = first["individual"].to_numpy(str)
        np.savez(kept, truth=truth, flanks=flanks, pairs=odds.pairs, log_odds=odds.log_odds, absent=odds.absent)
    with np.load(kept) as arrays:
        truth, pairs = tuple(arrays["truth"].tolist()), arrays["pairs"]
        odds = PairOdds(len(truth), pairs, arrays["log_odds"], float(arrays["absent"]))
        return Known(truth, arrays["flanks"], odds)


def with_mistakes(truth: Sequence[str], dice: np.random.Generator) -> tuple[list[str], set[str], set[str]]:
    """Names of which some are wrong; no animal is part of two mistakes.

    Returns:
        the names, those of them that are of two animals, and the new ones that are of a known animal.
    """
    names = list(truth)
    met = {name: truth.count(name) for name in truth}
    touched: set[str] = set()
    two: set[str] = set()
    again: set[str] = set()
    for item in dice.permutation([item for item, name in enumerate(truth) if met[name] > 1]).tolist():
        if len(two) + len(again) >= max(2, round(SHARE * len(truth))):
            break
        own = truth[item]
        if own in touched:
            continue
        touched.add(own)
        if len(two) > len(again):
            names[item] = f"{own} again"
            again.add(names[item])
        else:
            names[item] = str(dice.choice(sorted(set(truth) - touched)))
            two.add(names[item])
            touched.add(names[item])
    return names, two, again


def said(names: Sequence[str], word: float) -> list[Constraint]:
    """What people would have said, had they named every new animal with ``confirm N new``, in order."""
    first: dict[str, int] = {}
    words: list[Constraint] = []
    for item, name in enumerate(names if word > 1 else ()):
        if name not in first:
            words += [Constraint(item, other, same=False, weight=math.log(word)) for other in first.values()]
            first[name] = item
    return words


def count(given: Known, asked: argparse.Namespace) -> tuple[Counts, Counts]:
    """One individual under two names, and two under one, over all times."""
    ones, twos = Counts(), Counts()
    for time in range(TIMES):
        names, two, again = with_mistakes(given.truth, np.random.default_rng(time))
        shown: dict[str, set[str]] = {}
        for name, animal in zip(names, given.truth, strict=True):
            shown.setdefault(name, set()).add(animal)
        found = suspect(
            given.odds,
            names,
            given.flanks,
            said(names, asked.word),
            wrong=asked.wrong,
            tolerated=asked.tolerate,
            folds=asked.folds,
        )
        pairs = [tuple(map(str, merge.individuals)) for merge in found.ones]
        ones.planted += len(again)
        ones.found += len(again & {name for pair in pairs for name in pair if shown[pair[0]] & shown[pair[1]]})
        ones.listed += len(pairs)
        ones.right += sum(bool(shown[one] & shown[other]) for one, other in pairs)
        ones.said += sum(1 - merge.probability for merge in found.ones)
        split = {str(each.individual) for each in found.twos}
        twos.planted += len(two)
        twos.found += len(two & split)
        twos.listed += len(split)
        twos.right += sum(len(shown[name]) > 1 for name in split)
        twos.said += sum(1 - each.probability for each in found.twos)
    return ones, twos


def run(asked: argparse.Namespace) -> tuple[list[str], list[list[str]]]:
    """A row for each set and kind of mistake."""
    rows = []
    for name in asked.sets or MODELS:
        given = known(asked.folder, name)
        models = " + ".join("small" if "/" in model else model for model in MODELS[name])
        size = f"{name} ({models}), {len(set(given.truth))} animals, {len(given.truth)} encounters"
        for kind, counts in zip(("one as two", "two as one"), count(given, asked), strict=True):
            rows.append([size, kind, *counts.cells()])
    return ["set", "mistake", "found", "listed", "false", "false, as told"], rows


def _table(folder: Path, name: str) -> Annotations:
    if name == "virtual":
        table = folder / "stream" / "annotations.csv"
        if not table.exists():
            write_photographs(folder / "stream", 25, surveys=3, photographs=2, seed=11)
        return read_identity_csv(table)
    table = folder / "nyala.csv"
    frame = pd.read_csv("bench/few/test.csv", dtype=str)
    animals = np.random.default_rng(0).permutation(sorted(frame["identity"].unique()))[:_NYALA]
    frame = frame[frame["identity"].isin(animals)]
    frame.assign(encounter=frame["identity"] + "|" + frame["encounter"]).to_csv(table, index=False)
    return read_identity_csv(table)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where catalogues and scores are kept")
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"one of: {', '.join(MODELS)}")
    parser.add_argument("--wrong", type=float, default=WRONG, help="the share of wrong names that is believed")
    parser.add_argument("--tolerate", type=float, default=TOLERATED, help="of false alarms in the list")
    parser.add_argument(
        "--word", type=float, default=1.0, help="as if people had said every new name; 1 = a table"
    )
    parser.add_argument("--folds", type=int, default=FOLDS, help="1: nobody is judged by others alone")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    headers, rows = run(asked)
    print("| " + " | ".join(headers) + " |")
    print("|" + "---|" * len(headers))
    for row in rows:
        print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
