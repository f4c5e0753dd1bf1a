"""A page on a classifier: how well it labels, whether its probabilities hold, and what it looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from hanzaki.evaluation.calibration import MEASURES as CALIBRATION_MEASURES
from hanzaki.evaluation.calibration import Calibration
from hanzaki.evaluation.classification import CLASS_MEASURES, Classification
from hanzaki.evaluation.labelling import OF_THE_ANIMAL, Labelled, chance_of
from hanzaki.evaluation.pointing import Pointing
from hanzaki.evaluation.report.charts import percent, with_interval
from hanzaki.evaluation.report.controls import Control, controls_section, pointing_section, unknown_section
from hanzaki.evaluation.report.evidence import Evidence, mistakes_section, right_section
from hanzaki.evaluation.report.figures import confusion, reliability_diagram
from hanzaki.evaluation.report.page import Figure, Headline, Section, Table, render_page
from hanzaki.evaluation.report.report import MOST_BAD, bad_table, count, prepare_report, write_files
from hanzaki.evaluation.resampling import Interval
from hanzaki.evaluation.unknown import Refusals
from hanzaki.media import Pixels
from hanzaki.vision.classifier import Classifier

ANSWERS = "answers.csv"

#: The figures that a page may have, by the name of their file.
_FIGURES = ("confusion.svg", "reliability.svg")

_HARDEST = 12
_MOST_LABELS = 100  # in the table of labels
_NAMED_LABELS = 12  # in a sentence
_MEASURES = {
    "accuracy": "right (accuracy)",
    "kappa": "Cohen's kappa",
    "macro_f1": "macro F1",
    "weighted_f1": "weighted F1",
}
_CALIBRATION = {
    "ece": "expected calibration error (equal widths)",
    "ece_mass": "expected calibration error (equal numbers)",
    "brier": "Brier score",
    "log_loss": "log loss (nats)",
}
_NO_TEMPERATURE = ". This model has no temperature of its own: its softmax is shown as it is."


def write_labelling_report(
    folder: Path,
    title: str,
    labelled: Labelled,
    crop_of: Callable[[int], Pixels],
    classifier: Classifier,
    *,
    controls: Sequence[Control] = (),
    pointing: Pointing | None = None,
    refusals: Sequence[tuple[str, Refusals]] = (),
) -> Path:
    """Write ``index.html``, ``answers.csv`` and a figure a file; an older page there is replaced.

    Args:
        folder: made if need be.
        title: of the page.
        labelled: what the classifier said, and what is true.
        crop_of: gives the crop of a row of ``labelled.frame``; may raise ``BadMedium``.
        classifier: that said it; is asked what it looked at.
        controls: trained beside it.
        pointing: whether its heat lies on the markings.
        refusals: rules that say "unknown", by name, with their errors.

    Returns:
        The page.

    Raises:
        ModelError: if the extra ``learn`` is not installed.
        SettingError: if it cannot be written there.
    """
    prepare_report(folder)
    evidence = Evidence(labelled, crop_of, classifier)
    sections = [
        _asked(labelled, classifier),
        _confused(labelled.classification),
        _sure(labelled),
        *_animals(labelled),
        mistakes_section(labelled, evidence),
        right_section(labelled, evidence),
        *controls_section(labelled, controls),
        *pointing_section(pointing),
        *unknown_section(labelled.strangers, refusals),
        _left_out(labelled),
    ]
    figures = {
        name: section.figure.svg
        for name, section in zip(_FIGURES, (part for part in sections if part.figure), strict=True)
        if section.figure is not None
    }
    files = [(ANSWERS, "every picture with what was said of it, for a spreadsheet")]
    files += [(name, "the figure by itself") for name in figures]
    sections.append(Section("Files beside this page", files=files))
    page = render_page(title, sections, headlines=_headlines(labelled))
    return write_files(folder, page, {ANSWERS: _answers(labelled).to_csv(index=False), **figures}, _FIGURES)


def _answers(labelled: Labelled) -> pd.DataFrame:
    shares = {f"p({label})": labelled.probabilities[:, at] for at, label in enumerate(labelled.labels)}
    return pd.concat([labelled.frame, pd.DataFrame(shares)], axis=1)


def _headlines(labelled: Labelled) -> list[Headline]:
    measures = labelled.classification.measures
    shown = [
        _headline(measures["accuracy"], _MEASURES["accuracy"]),
        Headline(f"{measures['kappa'].value:.3f}", _between(measures["kappa"]), _MEASURES["kappa"]),
        _headline(measures["macro_f1"], _MEASURES["macro_f1"]),
    ]
    if labelled.by_individual is not None:
        shown.append(_headline(labelled.by_individual.measures["accuracy"], "of animals right"))
    return [*shown, _headline(labelled.after.measures["ece"], "calibration error")]


def _headline(interval: Interval, meaning: str) -> Headline:
    value, low, high = interval
    return Headline(percent(value), "" if low != low else f"{percent(low)} to {percent(high)}", meaning)


def _between(interval: Interval) -> str:
    return "" if interval.low != interval.low else f"{interval.low:.3f} to {interval.high:.3f}"


def _asked(labelled: Labelled, classifier: Classifier) -> Section:
    judged = labelled.classification
    names = ", ".join(labelled.labels[:_NAMED_LABELS])
    more = len(labelled.labels) - _NAMED_LABELS
    names += f" and {more} others" if more > 0 else ""
    accuracy, hits = judged.measures["accuracy"], int(np.trace(judged.matrix))
    usual = labelled.frame["truth"].value_counts().index[0]
    paragraphs = [
        f"Of {count(judged.queries, 'picture')} of {count(judged.individuals, 'individual')}, each by itself, the "
        f"classifier told the {labelled.label}: {names}.",
        f"An accuracy of {percent(accuracy.value)} means: it was right in {hits:,} of "
        f"{count(judged.queries, 'case')}. Always saying “{usual}” would have been right in "
        f"{percent(chance_of(labelled))}; Cohen's kappa takes off what agrees by chance, and macro F1 counts "
        "every label alike, however few pictures it has.",
        "Ranges are 95% intervals from drawing the animals again: other animals of the same population would "
        "mostly give numbers within them. One animal alone, or one animal a label, gives no such range.",
    ]
    config = classifier.model.config
    rows = [
        ["model", config.name],
        ["its fingerprint", classifier.name],
        ["what it sees", config.input_text],
        ["program", f"hanzaki {version('hanzaki')}"],
    ]
    return Section("What was asked", paragraphs, table=Table(("", ""), rows, text=2))


def _confused(judged: Classification) -> Section:
    labels = [str(label) for label in judged.labels]
    svg = confusion(judged.matrix, labels)
    true, given = judged.matrix.sum(axis=1), judged.matrix.sum(axis=0)
    rows = [
        [str(label), f"{true[at]:,}", f"{given[at]:,}",
         *(with_interval(judged.classes[label][measure]) for measure in CLASS_MEASURES)]
        for at, label in enumerate(judged.labels[:_MOST_LABELS])
    ]  # fmt: skip
    said = [
        "Each row of the matrix is what is true, each column what was said: the diagonal is right. Precision: of "
        "what was given a label, how much has it. Recall: of what has a label, how much was given it. F1 lies "
        "between the two.",
    ]
    if len(labels) > _MOST_LABELS:
        said.append(f"The table has the first {_MOST_LABELS} of {len(labels):,} labels.")
    caption = (
        "Confusion matrix: pictures by true label and label given; the darker, the greater its share of the row."
    )
    headers = ("label", "pictures", "given", "precision", "recall", "F1")
    return Section("What is taken for what", said, Figure(svg, caption), Table(headers, rows))


def _sure(labelled: Labelled) -> Section:
    before, after = labelled.before, labelled.after
    own = labelled.temperature != 1
    off = 100 * after.measures["ece"].value
    said = [
        f"On average the probability that was said is {off:.1f} percentage points off how often the label was "
        f"right{_at_one(before, labelled.temperature) if own else _NO_TEMPERATURE}",
        "On the dashed line a label that is said with 80% is right in 80 of 100 cases; below the line the "
        "classifier is too sure of itself. A calibration error is never negative, so that chance raises it where "
        "pictures are few.",
    ]
    svg = reliability_diagram(after.reliability, before.reliability if own else None)
    caption = "Reliability: how often labels of each probability were right (95% Wilson intervals), and how many"
    caption += "; dotted: before the temperature was set." if own else "."
    columns = (("before", before), ("after", after)) if own else (("", after),)
    rows = [
        [_CALIBRATION[name], *(_calibrated(name, part.measures[name]) for _, part in columns)]
        for name in CALIBRATION_MEASURES
    ]
    table = Table(("", *(name for name, _ in columns)), rows)
    return Section("Whether a probability means what it says", said, Figure(svg, caption), table)


def _at_one(before: Calibration, temperature: float) -> str:
    return (
        f"; at a temperature of one, before it was set to {temperature:.3g} on other pictures, it was "
        f"{100 * before.measures['ece'].value:.1f} off. The temperature changes no label, only how sure the "
        "classifier says it is."
    )


def _calibrated(name: str, interval: Interval) -> str:
    if name.startswith("ece"):
        return with_interval(interval)
    value = "-" if interval.value != interval.value else f"{interval.value:.3f}"
    return f"{value} ({_between(interval)})" if _between(interval) else value


def _animals(labelled: Labelled) -> Iterator[Section]:
    if labelled.label == "individual" or labelled.frame["identity"].isna().all():
        return  # where the labels are the animals, the table of labels has them all
    said = []
    if labelled.by_individual is not None:
        animals, pictures = labelled.by_individual, labelled.classification.measures["accuracy"]
        said.append(
            f"Put together, an animal's pictures say more than one: by the mean of their probabilities "
            f"{with_interval(animals.measures['accuracy'])} of {count(animals.queries, 'animal')} were labelled "
            f"rightly, of pictures alone {percent(pictures.value)}."
        )
    hardest = _by_animal(labelled)
    missed = [animal for animal in hardest if animal.right < 1]
    said.append(
        f"{len(hardest) - len(missed):,} of {count(len(hardest), 'animal')} were labelled rightly in every picture"
        + (". Those that were least often:" if missed else ".")
    )
    of_the_animal = labelled.label in OF_THE_ANIMAL
    rows = [
        [animal.name, *([animal.truth, animal.said] if of_the_animal else []), f"{animal.pictures:,}",
         percent(animal.right)]
        for animal in missed[:_HARDEST]
    ]  # fmt: skip
    headers = ("animal", *(("truly", "most often said") if of_the_animal else ()), "pictures", "right")
    table = Table(headers, rows, text=len(headers) - 2) if rows else None
    yield Section("Animal by animal", said, table=table)


class _Animal(NamedTuple):
    """How well one individual was labelled: ``right`` is a share of its pictures."""

    right: float
    pictures: int
    name: str
    truth: str
    said: str


def _by_animal(labelled: Labelled) -> list[_Animal]:
    """Each individual that is known, the hardest first; one of which the table says two things stands twice."""
    answers: dict[tuple[str, str, str], list[tuple[str, str]]] = {}
    columns = (labelled.frame[name] for name in ("species", "identity", "truth", "given"))
    for species, identity, truth, given in zip(*columns, strict=True):
        if identity is not None:
            of = truth if labelled.label in OF_THE_ANIMAL else ""
            answers.setdefault((species or "", identity, of), []).append((truth, given))
    animals = [
        _Animal(
            right=sum(true == given for true, given in pairs) / len(pairs),
            pictures=len(pairs),
            name=name,
            truth=truth,
            said=Counter(given for _, given in pairs).most_common(1)[0][0],
        )
        for (_, name, truth), pairs in answers.items()
    ]
    return sorted(animals, key=lambda animal: (animal.right, -animal.pictures, animal.name))


def _left_out(labelled: Labelled) -> Section:
    said = []
    if labelled.untold:
        said.append(f"The table does not tell the {labelled.label} in {count(labelled.untold, 'row')}.")
    if labelled.strangers is not None:
        said.append(f"Of what was never learnt, {count(len(labelled.strangers.frame), 'picture')}: not judged.")
    bad = labelled.bad
    if bad:
        listed = f"; the first {MOST_BAD}:" if len(bad) > MOST_BAD else ":"
        said.append(f"{count(len(bad), 'picture')} could not be used{listed}")
    else:
        said.append("All pictures could be used.")
    return Section("What was left out", said, table=bad_table(bad) if bad else None)
