"""The animals of an experiment: each species with what may be learnt from, and what is asked about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from hanzaki.annotations import Annotations
from hanzaki.errors import SettingError
from hanzaki.evaluation.lots import lot, shuffled
from hanzaki.evaluation.splits import make_split
from hanzaki.exchange.identity_csv import read_identity_csv
from hanzaki.exchange.table import read_table
from hanzaki.experiments.bench import Bench, Recipe
from hanzaki.experiments.definition import Experiment, Scale
from hanzaki.experiments.tables import keep_table, rows_of, tables_of, write_parts

_SEED = 0


@dataclass(frozen=True)
class SpeciesData:
    """One species, split as MiewID splits it.

    Attributes:
        name: of the species.
        train: annotations that may be learnt from.
        test: annotations that are asked about, one against all.
        notes: what must be known of it.
    """

    name: str
    train: Path
    test: Path
    notes: tuple[str, ...] = ()


def prepare_species(experiment: Experiment, scale: Scale, bench: Bench) -> list[SpeciesData]:
    """Every species of the experiment's tables and of its virtual hides, each split without a leak.

    Raises:
        SettingError: if there is no species at all.
        TableError: if a table cannot be read.
        LeakError: if a split leaks.
    """
    tables, notes = tables_of(experiment, scale, bench)
    species = [one for table in tables for one in _species_of(read_table(table), scale, bench)]
    if not species:
        raise SettingError(f"experiment {experiment.name} has no animals: name a table with --table")
    return [replace(species[0], notes=(*notes, *species[0].notes)), *species[1:]]


def embedder(
    name: str, species: Sequence[SpeciesData], scale: Scale, changes: Mapping[str, Any] | None = None
) -> Recipe:
    """The recipe of a network that learns from species."""
    return Recipe(name, tuple(one.train for one in species), scale.config, scale.changes | dict(changes or {}))


def all_but(one: SpeciesData, species: Sequence[SpeciesData], scale: Scale) -> Recipe:
    """The recipe of the network of all species but one."""
    return embedder(f"all but {one.name}", [other for other in species if other is not one], scale)


def first_individuals(one: SpeciesData, count: int, bench: Bench) -> SpeciesData:
    """The same species with so many individuals to learn from, drawn by lot; more of them hold the fewer."""
    annotations = read_identity_csv(one.train)
    names = [(one.name, str(name)) for name in annotations.frame["identity"]]
    kept = set(shuffled(names, _SEED, "individuals")[:count])
    rows = pd.Series([name in kept for name in names])
    return replace(one, train=keep_table(rows_of(annotations, rows), bench, f"{one.name}-{count}-individuals"))


def _species_of(annotations: Annotations, scale: Scale, bench: Bench) -> list[SpeciesData]:
    species = []
    for name in sorted({str(name) for name in annotations.frame["species"].dropna()}):
        split = make_split(rows_of(annotations, annotations.frame["species"] == name), "miewid", seed=_SEED)
        parts = write_parts(split, bench, name)
        learnt, asked = (
            f"{len(split.parts[side])} photographs of {len(split.individuals(side))} animals"
            for side in ("train", "test")
        )
        unseen = len(split.unseen("test"))
        note = f"{name}: {learnt} may be learnt from; {asked} are asked about, {unseen} of them never seen."
        one = SpeciesData(name, parts["train"], parts["test"], (note,))
        if scale.individuals is not None:
            one = first_individuals(one, scale.individuals, bench)
        species.append(one if scale.each is None else _fewer_of_each(one, scale.each, bench))
    return species


def _fewer_of_each(one: SpeciesData, most: int, bench: Bench) -> SpeciesData:
    """The same species with no more than so many annotations of an individual to learn from, drawn by lot."""
    annotations = read_identity_csv(one.train)
    lots = pd.Series([lot(_SEED, "each", (row.path, str(row.bbox))) for row in annotations])
    place = lots.groupby(annotations.frame["identity"]).rank(method="first")
    return replace(one, train=keep_table(rows_of(annotations, place <= most), bench, f"{one.name}-{most}-each"))
