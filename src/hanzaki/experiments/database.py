"""How many photographs of an animal the database must hold before it is found again."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from hanzaki.evaluation.lots import lot
from hanzaki.evaluation.metrics import ranking_metrics
from hanzaki.evaluation.protocols import Described
from hanzaki.evaluation.report.figures import curves
from hanzaki.experiments.bench import Bench, digest
from hanzaki.experiments.definition import Experiment, Scale
from hanzaki.experiments.outcome import Outcome, record, share
from hanzaki.experiments.species import embedder, prepare_species
from hanzaki.matching.index import build_index

_KS = (1, 5)


def annotations_in_database(experiment: Experiment, scale: Scale, bench: Bench) -> Outcome:
    """Found with 1, 2, 3 ... annotations of each individual in the database (MiewID, section 5.4, Figure 3)."""
    species = prepare_species(experiment, scale, bench)
    model = bench.model(embedder("all species", species, scale))
    rows: list[list[object]] = []
    records = []
    lines: dict[str, list[tuple[float, float, float, float]]] = {}
    for one in species:
        described = bench.described(model, one.test)
        for count in scale.counts:
            parts = [model.parent.name, digest(one.test), str(count), str(scale.repeats)]
            found = bench.kept("database", parts, partial(_found, described, count, scale.repeats))
            top1, top5 = share(found), share(found, "top5")
            rows.append([one.name, count, len(found), found["identity"].nunique(), top1, top5])
            lines.setdefault(one.name, []).append((count, *top1.triple))
            records.append(record(top1, species=one.name, annotations=count))
    first, last = scale.counts[0], scale.counts[-1]
    tops = {(entry["species"], entry["annotations"]): entry["top1"] for entry in records}
    gained = [tops[one.name, last] - tops[one.name, first] for one in species]
    middle = scale.counts[len(scale.counts) // 2]
    early = [tops[one.name, middle] - tops[one.name, first] for one in species]
    return Outcome(
        headers=["species", "annotations each", "queries", "animals", "top-1 %", "top-5 %"],
        rows=rows,
        records=pd.DataFrame(records),
        figures={
            "Found at the first place, against annotations of each individual in the database": curves(
                lines, xlabel="annotations of each individual", ylabel="top-1"
            )
        },
        answers=[
            f"From {first} to {last} annotations top-1 rises by {100 * np.mean(gained):.1f} points on average;"
            f" {100 * np.mean(early):.1f} of them come with the first {middle}."
        ],
        notes=[note for one in species for note in one.notes],
    )


def _found(described: Described, count: int, repeats: int) -> pd.DataFrame:
    """Each query's hits against a database of ``count`` annotations of each individual, the mean of some draws.

    Asked are the same animals at every count: those with an annotation beside the query. The others keep at most
    ``count``, so that nobody stands in the database more often than the one sought.
    """
    frame = described.frame
    sides = frame["orientation"].fillna("").astype(str)
    who = (frame["identity"].astype(str) + "\n" + sides).to_numpy()
    results = np.zeros((len(frame), len(_KS)))
    asked = np.zeros(len(frame), bool)
    for side in sorted(set(sides)):
        members = np.flatnonzero((sides == side).to_numpy())
        names = who[members]
        index = build_index(
            [described.descriptions[int(at)] for at in members], names.tolist(), [side] * len(members)
        )
        queries = np.flatnonzero(pd.Series(names).map(pd.Series(names).value_counts()).to_numpy() > 1)
        asked[members[queries]] = True
        for repeat in range(repeats):
            place = _places(names, repeat)
            out = [np.flatnonzero(_left_out(place, names, query, count)) for query in queries]
            blocks = index.search([described.descriptions[int(members[query])] for query in queries], out)
            scored = (scores for block in blocks for scores in block)
            for query, scores in zip(queries, scored, strict=True):
                results[members[query]] += (
                    ranking_metrics(scores, names == names[query], _KS)[: len(_KS)] / repeats
                )
    columns = pd.DataFrame(results, columns=[f"top{k}" for k in _KS])
    return frame[["identity", "species"]].join(columns)[asked].reset_index(drop=True)


def _places(names: np.ndarray, repeat: int) -> np.ndarray:
    """The place of each annotation among its individual's, drawn by lot."""
    lots = pd.Series([lot(repeat, "database", (str(at),)) for at in range(len(names))])
    return lots.groupby(names).rank(method="first").to_numpy() - 1


def _left_out(place: np.ndarray, names: np.ndarray, query: np.intp, count: int) -> np.ndarray:
    """What is not in the database that this query is put to: itself, and what is beyond ``count`` of anybody's."""
    own = (names == names[query]) & (place > place[query])
    out = np.where(own, place - 1, place) >= count
    out[query] = True
    return np.asarray(out)
