"""Experiments on a new species of which few animals are known."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from hanzaki.evaluation.report.figures import curves
from hanzaki.experiments.bench import Bench
from hanzaki.experiments.definition import Experiment, Scale
from hanzaki.experiments.outcome import Outcome, Share, gain, record, share
from hanzaki.experiments.species import SpeciesData, all_but, embedder, first_individuals, prepare_species

Ways = dict[str, Callable[[SpeciesData, int], pd.DataFrame | None]]


def joint(experiment: Experiment, scale: Scale, bench: Bench) -> Outcome:
    """Few animals of a new species learnt with all the others, or alone (MiewID, section 5.4, Table 4)."""
    species = prepare_species(experiment, scale, bench)

    def together(one: SpeciesData, count: int) -> pd.DataFrame:
        if not count:
            return bench.found(bench.model(all_but(one, species, scale)), one.test)
        known = [first_individuals(one, count, bench) if other is one else other for other in species]
        return bench.found(bench.model(embedder(f"all, {count} of {one.name}", known, scale)), one.test)

    ways: Ways = {"joint training": together, "species only": _alone(scale, bench)}
    return _by_count(ways, species, scale, bench)


def finetuning(experiment: Experiment, scale: Scale, bench: Bench) -> Outcome:
    """A network that never saw the species, trained on with few of its animals (MiewID, section 5.5, Table 5)."""
    species = prepare_species(experiment, scale, bench)

    def tuned(one: SpeciesData, count: int) -> pd.DataFrame:
        start = bench.model(all_but(one, species, scale))
        if not count:
            return bench.found(start, one.test)
        known = first_individuals(one, count, bench)
        recipe = embedder(f"tuned on {count} of {one.name}", [known], scale, {"network.start": str(start)})
        return bench.found(bench.model(recipe), one.test)

    ways: Ways = {"fine-tuning": tuned, "species only": _alone(scale, bench)}
    return _by_count(ways, species, scale, bench)


def _alone(scale: Scale, bench: Bench) -> Callable[[SpeciesData, int], pd.DataFrame | None]:
    def alone(one: SpeciesData, count: int) -> pd.DataFrame | None:
        if not count:
            return None  # of no animals nothing can be learnt
        known = first_individuals(one, count, bench)
        return bench.found(bench.model(embedder(f"only {count} of {one.name}", [known], scale)), one.test)

    return alone


def _by_count(ways: Ways, species: list[SpeciesData], scale: Scale, bench: Bench) -> Outcome:
    first, second = ways
    rows: list[list[object]] = []
    records = []
    figures, gains = {}, []
    for one in [one for one in species if scale.target in (None, one.name)]:
        lines: dict[str, list[tuple[float, float, float, float]]] = {name: [] for name in ways}
        for count in scale.counts:
            known = first_individuals(one, count, bench).train if count else None
            found = {name: way(one, count) for name, way in ways.items()}
            shares = {name: None if answer is None else share(answer) for name, answer in found.items()}
            for name, value in shares.items():
                if value is not None:
                    lines[name].append((count, *value.triple))
                    records.append(record(value, species=one.name, individuals=count, model=name))
            one_way, other_way = found[first], found[second]
            better = None if one_way is None or other_way is None else gain(one_way, other_way)
            if better is not None:
                gains.append((one.name, count, better))
            photographs = len(pd.read_csv(known)) if known else 0
            rows.append(
                [one.name, count, photographs, *[value or "-" for value in shares.values()], better or "-"]
            )
        caption = f"{one.name}: found at the first place, against the individuals learnt from"
        figures[caption] = curves(lines, xlabel="individuals learnt from", ylabel="top-1")
    headers = ["species", "individuals", "photographs", *[f"{name}, top-1 %" for name in ways]]
    return Outcome(
        headers=[*headers, "difference"],
        rows=rows,
        records=pd.DataFrame(records),
        figures=figures,
        answers=_verdicts(gains, first, second),
        notes=[note for one in species for note in one.notes],
    )


def _verdicts(gains: list[tuple[str, int, Share]], first: str, second: str) -> list[str]:
    surely = [f"{count} of {name}" for name, count, value in gains if value.low > 0]
    never = [f"{count} of {name}" for name, count, value in gains if value.high < 0]
    return [
        f"{first.capitalize()} beats {second} at {len(surely)} of {len(gains)} sizes beyond doubt"
        + (f" ({', '.join(surely)})" if surely else "")
        + (f", and loses at {', '.join(never)}" if never else "")
        + "."
    ]
