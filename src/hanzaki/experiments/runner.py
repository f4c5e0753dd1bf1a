"""Runs an experiment, and writes what came of it: a table, figures, and a page beside the paper's own numbers."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from hanzaki.errors import BadMedium, SettingError
from hanzaki.evaluation.report.page import Figure, Section, Table, render_page
from hanzaki.experiments.bench import Bench, Progress, slug
from hanzaki.experiments.comparison import backbones, left_out, multi_species, peers
from hanzaki.experiments.database import annotations_in_database
from hanzaki.experiments.definition import Experiment, Kind, Paper, Scale, read_experiment
from hanzaki.experiments.labels import origin, tasks
from hanzaki.experiments.newspecies import finetuning, joint
from hanzaki.experiments.outcome import Outcome
from hanzaki.experiments.recognition import lights, unknown

_KINDS: dict[Kind, Callable[[Experiment, Scale, Bench], Outcome]] = {
    "multi_species": multi_species,
    "left_out": left_out,
    "joint": joint,
    "finetuning": finetuning,
    "annotations": annotations_in_database,
    "backbones": backbones,
    "peers": peers,
    "lights": lights,
    "unknown": unknown,
    "origin": origin,
    "tasks": tasks,
}


@dataclass(frozen=True)
class Ran:
    """An experiment that was run.

    Attributes:
        experiment: which.
        scale: how large.
        outcome: what came of it.
        folder: with ``index.html``, ``table.csv``, ``records.csv`` and the figures.
        seconds: that this took; what an earlier run had done is not done again.
        bad: pictures that could not be read.
    """

    experiment: Experiment
    scale: str
    outcome: Outcome
    folder: Path
    seconds: float
    bad: tuple[BadMedium, ...]


def run_experiment(
    which: str | Path,
    folder: Path | str,
    *,
    scale: str = "desk",
    tables: Sequence[Path | str] = (),
    models: Sequence[Path | str] = (),
    changes: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    say: Callable[[str], None] | None = None,
) -> Ran:
    """Run an experiment, or go on with one that was cut off.

    Args:
        which: the name of one that comes with hanzaki, or a YAML file.
        folder: where everything is kept, for all experiments alike: models that two of them ask for are made once.
        scale: ``desk`` or ``paper``.
        tables: annotation tables, in place of the experiment's animals.
        models: further models to compare with, where the experiment compares models.
        changes: values of the training's config by dotted key.
        progress: told how far a piece of work is.
        say: told which piece of work begins.

    Raises:
        SettingError: if there is no such experiment or scale, or it has no animals.
        TableError: if a table cannot be read.
        LeakError: if a table cannot be split without a leak.
        ModelError: if a model cannot be used, or torch is not installed.
    """
    started = time.perf_counter()
    experiment = read_experiment(which)
    settings = _adapted(experiment.at(scale), tables, models, changes or {})
    bench = Bench(Path(folder) / "bench", progress, say)
    outcome = _KINDS[experiment.kind](experiment, settings, bench)
    into = Path(folder) / f"{experiment.name}-{scale}"
    seconds = time.perf_counter() - started
    ran = Ran(experiment, scale, outcome, into, seconds, tuple(bench.bad.values()))
    _write(ran, settings)
    return ran


def _adapted(
    scale: Scale, tables: Sequence[Path | str], models: Sequence[Path | str], changes: Mapping[str, Any]
) -> Scale:
    """The scale with what the user said; the user's animals stand in place of all others."""
    said: dict[str, Any] = {"changes": scale.changes | dict(changes)}
    if tables:
        said |= {"tables": [str(Path(table).absolute()) for table in tables], "hides": None, "stream": None}
        said |= {"target": None}
    if models:
        if not scale.models:
            raise SettingError("this experiment compares no models: leave --model out")
        said["models"] = [*scale.models, *map(str, models)]
    return scale.model_copy(update=said)


def _write(ran: Ran, settings: Scale) -> None:
    ran.folder.mkdir(parents=True, exist_ok=True)
    outcome = ran.outcome
    with (ran.folder / "table.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([outcome.headers, *outcome.rows])
    outcome.records.to_csv(ran.folder / "records.csv", index=False)
    for caption, svg in outcome.figures.items():
        (ran.folder / f"{slug(caption)[:60]}.svg").write_text(svg, encoding="utf-8")
    (ran.folder / "index.html").write_text(_page(ran, settings), encoding="utf-8")


def _page(ran: Ran, settings: Scale) -> str:
    experiment, outcome = ran.experiment, ran.outcome
    cells = [[str(cell) for cell in row] for row in outcome.rows]
    sections = [
        Section(experiment.question, ["Shares have 95% intervals by individual.", *outcome.answers],
                table=Table(list(outcome.headers), cells, outcome.text)),
        *[
            Section(f"Figure {number}", figure=Figure(svg, caption))
            for number, (caption, svg) in enumerate(outcome.figures.items(), 1)
        ],
        _paper_section(experiment.paper),
        Section("How it was run", [*outcome.notes, f"Scale: {ran.scale}.", _told(settings)],
                files=[("table.csv", "the table above"), ("records.csv", "its numbers, for other programs")]),
    ]  # fmt: skip
    if ran.bad:
        sections.append(Section("Pictures that could not be used", [str(bad) for bad in ran.bad]))
    return render_page(experiment.title, sections)


def _paper_section(paper: Paper) -> Section:
    table = None
    if paper.rows:
        rows = [
            [name, *("-" if value is None else str(value) for value in row)] for name, row in paper.rows.items()
        ]
        table = Table([paper.by, *paper.columns], rows)
    return Section("What the paper found", [paper.found, f"Source: {paper.source}."], table=table)


def _told(settings: Scale) -> str:
    values = settings.model_dump(exclude_defaults=True, exclude={"tables"})
    tables = [Path(table).parent.name or Path(table).name for table in settings.tables]
    told = [
        *([f"tables: {', '.join(tables)}"] if tables else []),
        *(f"{key}: {value}" for key, value in values.items()),
    ]
    return "; ".join(told) + "."


def listed() -> pd.DataFrame:
    """The experiments that come with hanzaki, and what each asks."""
    from hanzaki.experiments.definition import shipped_experiments

    experiments = [read_experiment(name) for name in shipped_experiments()]
    return pd.DataFrame(
        [{"experiment": one.name, "question": one.question, "paper": one.paper.source} for one in experiments]
    )
