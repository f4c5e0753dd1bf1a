"""Experiments that put several models to the same species: who finds more."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean

import pandas as pd

from hanzaki.evaluation.report.figures import grouped_bars
from hanzaki.experiments.bench import Bench
from hanzaki.experiments.definition import Experiment, Scale
from hanzaki.experiments.outcome import Outcome, Share, gain, record, share
from hanzaki.experiments.species import SpeciesData, all_but, embedder, prepare_species

Answers = Mapping[str, Mapping[str, pd.DataFrame]]


def multi_species(experiment: Experiment, scale: Scale, bench: Bench) -> Outcome:
    """One network of all species against one network for each (MiewID, section 5.1, Table 2)."""
    species = prepare_species(experiment, scale, bench)
    together = bench.model(embedder("all species", species, scale))
    alone = {one.name: bench.model(embedder(f"only {one.name}", [one], scale)) for one in species}
    answers = {
        "multi-species": {one.name: bench.found(together, one.test) for one in species},
        "single species": {one.name: bench.found(alone[one.name], one.test) for one in species},
    }
    return compared(answers, species, expected="multi-species")


def left_out(experiment: Experiment, scale: Scale, bench: Bench) -> Outcome:
    """Each species found by a network that never saw it (MiewID, section 5.2, Table 2 and Figure 2)."""
    species = prepare_species(experiment, scale, bench)
    together = bench.model(embedder("all species", species, scale))
    answers = {
        "all species": {one.name: bench.found(together, one.test) for one in species},
        "species left out": {
            one.name: bench.found(bench.model(all_but(one, species, scale)), one.test) for one in species
        },
    }
    return compared(answers, species, expected="all species")


def backbones(experiment: Experiment, scale: Scale, bench: Bench) -> Outcome:
    """The same training of several architectures (MiewID, section 5.6, Figure 4)."""
    species = prepare_species(experiment, scale, bench)
    answers = {}
    for name, changes in scale.variants.items():
        model = bench.model(embedder(f"all species, {name}", species, scale, changes))
        answers[name] = {one.name: bench.found(model, one.test) for one in species}
    return compared(answers, species, expected=next(iter(scale.variants)))


def peers(experiment: Experiment, scale: Scale, bench: Bench) -> Outcome:
    """A network that never saw the species, against others that did not either (MiewID, section 5.3, Table 3)."""
    species = prepare_species(experiment, scale, bench)
    ours = "ours, species left out"
    answers = {
        ours: {one.name: bench.found(bench.model(all_but(one, species, scale)), one.test) for one in species},
        **{name: {one.name: bench.found(name, one.test) for one in species} for name in scale.models},
    }
    return compared(answers, species, expected=ours)


def compared(answers: Answers, species: list[SpeciesData], expected: str) -> Outcome:
    """Species by species, what each model found; the last column says by how much the first beats the second.

    Args:
        answers: found queries, by model and species.
        species: the rows of the table.
        expected: the model that the paper found to be the better one.
    """
    names = list(answers)
    rows: list[list[object]] = []
    records = []
    bars: dict[str, list[tuple[float, float, float]]] = {name: [] for name in names}
    for one in species:
        found = {name: share(answers[name][one.name]) for name in names}
        queries = answers[names[0]][one.name]
        row = [one.name, len(queries), queries["identity"].nunique(), *found.values()]
        rows.append([*row, *_gains({name: answers[name][one.name] for name in names}, expected)])
        for name in names:
            bars[name].append(found[name].triple)
            records.append(record(found[name], species=one.name, model=name, queries=len(queries)))
    pooled = {name: pd.concat([answers[name][one.name] for one in species], ignore_index=True) for name in names}
    means = [fmean(bar[0] for bar in bars[name]) for name in names]
    rows.append(
        ["mean of the species", "", "", *[f"{100 * mean:.1f}" for mean in means], *[""] * (len(names) - 1)]
    )
    others = [name for name in names if name != expected]
    return Outcome(
        headers=[
            "species", "queries", "animals", *[f"{name}, top-1 %" for name in names],
            *(["difference"] if len(others) == 1 else [f"less {name}" for name in others]),
        ],
        rows=rows,
        records=pd.DataFrame(records),
        figures={
            "Found at the first place, by species, with 95% intervals by individual": grouped_bars(
                [one.name for one in species], bars, ylabel="top-1"
            )
        },
        answers=[_verdict(expected, name, pooled, answers, species) for name in others],
        notes=[note for one in species for note in one.notes],
    )  # fmt: skip


def _gains(found: Mapping[str, pd.DataFrame], expected: str) -> list[Share]:
    return [gain(found[expected], found[name]) for name in found if name != expected]


def _verdict(
    expected: str, other: str, pooled: Mapping[str, pd.DataFrame], answers: Answers, species: list[SpeciesData]
) -> str:
    """Whether the paper's better model is better here, in a sentence."""
    overall = gain(pooled[expected], pooled[other])
    better = sum(gain(answers[expected][one.name], answers[other][one.name]).value > 0 for one in species)
    holds = "holds" if overall.low > 0 else "does not hold" if overall.high < 0 else "cannot be told"
    return (
        f"{holds.capitalize()} at this size: over all queries, {expected} less {other} is {overall} points of"
        f" top-1, and it is the better one for {better} of {len(species)} species."
    )
