"""The tables of an experiment: those that are named and here, and those of virtual animals, drawn when wanted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from hanzaki.annotations import Annotations
from hanzaki.errors import SettingError
from hanzaki.evaluation.leaks import LeakError, find_leaks_between
from hanzaki.evaluation.splits import Split
from hanzaki.exchange.identity_csv import write_identity_csv
from hanzaki.experiments.bench import Bench, digest, key_of, slug
from hanzaki.experiments.definition import Experiment, Scale, VirtualHides, VirtualStream
from hanzaki.settings import settings
from hanzaki.virtual import write_hides, write_photographs
from hanzaki.virtual.hides.collection import PER_SPECIES


def tables_of(experiment: Experiment, scale: Scale, bench: Bench) -> tuple[list[Path], list[str]]:
    """The experiment's tables, those of its virtual animals last, and sentences on those that are not here."""
    notes, tables = [], []
    for name in scale.tables:
        path = (experiment.folder / name).resolve()
        if path.exists():
            tables.append(path)
        else:
            notes.append(f"{Path(name).parent.name} is not here and was left out.")
    if scale.hides is not None:
        tables.append(_hides(scale.hides, bench))
    if scale.stream is not None:
        tables.append(_stream(scale.stream, bench))
    return tables, notes


def one_table(experiment: Experiment, scale: Scale, bench: Bench) -> Path:
    """The table of an experiment's animals.

    Raises:
        SettingError: if it has none.
    """
    tables, _ = tables_of(experiment, scale, bench)
    if not tables:
        raise SettingError(f"experiment {experiment.name} has no animals: name a table with --table")
    return tables[0]


def write_parts(split: Split, bench: Bench, name: str) -> dict[str, Path]:
    """A split's parts as files of the bench.

    Raises:
        LeakError: if a photograph, or its like, stands on two sides.
    """
    require_no_leaks(split.parts, bench, name)
    return {side: keep_table(part, bench, f"{name}-{side}") for side, part in split.parts.items()}


def require_no_leaks(parts: Mapping[str, Annotations], bench: Bench, name: str) -> None:
    """See that nothing stands on two sides.

    Raises:
        LeakError: if anything does.
    """
    bench.say(f"looking for leaks: {name}")
    if leaks := find_leaks_between(parts, bench.progress):
        raise LeakError(leaks, f"the split of {name}", regardless="")


def keep_table(annotations: Annotations, bench: Bench, name: str) -> Path:
    """A table as a file of the bench, named by what it holds."""
    folder = bench.folder / "data" / "tables"
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{slug(name)}.part"
    write_identity_csv(annotations, part)
    path = folder / f"{slug(name)}-{digest(part)}.csv"
    part.replace(path)
    return path


def rows_of(annotations: Annotations, rows: pd.Series[Any]) -> Annotations:
    """Some rows of a table."""
    kept = annotations.frame[rows.to_numpy(bool)].reset_index(drop=True)
    return Annotations(kept, source=annotations.source)


def _hides(hides: VirtualHides, bench: Bench) -> Path:
    folder = bench.folder / "data" / f"hides-{hides.seed}-{hides.size}"
    bench.say(f"drawing {hides.species} species of virtual hides")
    write_hides(
        folder,
        hides.species * PER_SPECIES,
        hides.photographs,
        seed=hides.seed,
        size=hides.size,
        threads=settings().threads,
        progress=lambda done, total: bench.progress("photographs", done, total),
    )
    return folder / "annotations.csv"


def _stream(stream: VirtualStream, bench: Bench) -> Path:
    folder = bench.folder / "data" / f"stream-{key_of([stream.model_dump_json()])}"
    if not (folder / "annotations.csv").is_file():
        bench.say(f"photographing {stream.individuals} virtual salamanders")
        write_photographs(
            folder,
            stream.individuals,
            stream.surveys,
            stream.photographs,
            stream.seed,
            stream.size,
            masks=stream.masks,
            newcomers=0,
            hybrids=stream.hybrids,
            progress=lambda done, total: bench.progress("photographs", done, total),
        )
    return folder / "annotations.csv"
