"""The parts of a classifier's page that say whether to believe it: controls, markings, strangers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from hanzaki.evaluation.labelling import Labelled, Strangers, chance_of
from hanzaki.evaluation.pointing import Pointing
from hanzaki.evaluation.report.charts import percent, with_interval
from hanzaki.evaluation.report.page import Section, Table
from hanzaki.evaluation.report.report import count
from hanzaki.evaluation.resampling import Interval
from hanzaki.evaluation.unknown import Refusals

_SCORES = {
    "probability": "probability of its label",
    "energy": "energy of its logits",
    "margin": "margin over the second label",
}


class Control(NamedTuple):
    """A classifier that should know nothing, since what tells the label was taken from it.

    Attributes:
        name: what was done, as ``labels shuffled between animals``.
        accuracy: on the same pictures.
        chance: what always saying the most frequent label would give.
        sentence: what it says of the classifier, where whoever made it knows better than the page.
    """

    name: str
    accuracy: Interval
    chance: float
    sentence: str = ""


def controls_section(labelled: Labelled, controls: Sequence[Control]) -> Iterator[Section]:
    """Whether classifiers that should know nothing do; nothing if there are none."""
    if not controls:
        return
    own = Control("this classifier", labelled.classification.measures["accuracy"], chance_of(labelled))
    rows = [[one.name, with_interval(one.accuracy), percent(one.chance)] for one in (own, *controls)]
    said = [
        "Each control was trained like this classifier, but what should tell the label was taken from it. It must "
        "do no better than chance, that is, than always saying the most frequent label.",
        *map(_verdict, controls),
    ]
    yield Section("Controls", said, table=Table(("", "accuracy", "chance"), rows))


def _verdict(control: Control) -> str:
    """What a control says, in a sentence."""
    name, (value, low, _), chance, sentence = control
    name = name[:1].upper() + name[1:]
    if sentence:
        return sentence
    if low != low:
        return f"{name}: {percent(value)} is not enough to tell from chance: there are too few animals."
    if low > chance:
        return (
            f"{name}: {percent(value)} is above chance. What this control still sees gives the label "
            "away, and a part of this classifier's accuracy may be owed to that and not to the animal."
        )
    return f"{name}: {percent(value)} is near chance, as it should be."


def pointing_section(pointing: Pointing | None) -> Iterator[Section]:
    """Whether the heat lies on the markings; nothing if that is not known."""
    if pointing is None:
        return
    measured = pointing.measures
    said = (
        f"In {count(pointing.pictures, 'picture')} of {count(pointing.individuals, 'individual')} it is known "
        "where the markings are. Chance is what a heat gives that lies on the head, and is the same all over it."
    )
    cold = f" Pictures without any heat: {pointing.cold:,}; they count for chance only." if pointing.cold else ""
    rows = [
        ["hottest place lies on the markings", *map(with_interval, (measured["hit"], measured["hit_chance"]))],
        ["share of the heat on the markings", *map(with_interval, (measured["share"], measured["share_chance"]))],
        ["of the heat on the head, share on the markings",
         *map(with_interval, (measured["share_of_head"], measured["share_chance"]))],
        ["share of the heat on the head", with_interval(measured["on_head"]), "-"],
    ]  # fmt: skip
    yield Section("Whether it looks at the markings", [said + cold], table=Table(("", "measured", "chance"), rows))


def unknown_section(strangers: Strangers | None, refusals: Sequence[tuple[str, Refusals]]) -> Iterator[Section]:
    """Whether it can be told what was never learnt; nothing if there is nothing of the kind."""
    if strangers is None and not refusals:
        return
    said: list[str] = []
    rows: list[list[str]] = []
    if strangers is not None:
        kinds = ", ".join(f"{label} ({number:,})" for label, number in strangers.labels.items())
        said.append(
            f"Pictures of what the classifier never learnt: {kinds}. It gave "
            "each one of its labels all the same. The table says how well they are told from the others by how "
            "sure it was (AUROC: the chance that it is surer of a known one; 50% is none)."
        )
        rows = [[_SCORES[score], with_interval(opened.auroc)] for score, opened in strangers.told.items()]
    said += [
        f"The rule “{name}” took {with_interval(rule.taken)} of {count(rule.strangers, 'stranger')} for "
        f"somebody known, and called {with_interval(rule.refused)} of {count(rule.known, 'known picture')} "
        "unknown."
        for name, rule in refusals
    ]
    yield Section("What it never learnt", said, table=Table(("", "AUROC"), rows) if rows else None)
