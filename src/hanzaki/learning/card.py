"""Model cards: what a model is for and what it is not, what it learnt from, and how well it does."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from huggingface_hub import EvalResult, ModelCardData

from hanzaki.vision.model import ModelFacts

_TASK = "image-feature-extraction"
_DETECTION = "object-detection"
_CLASSIFICATION = "image-classification"

_TAGS = {_TASK: ("re-identification",)}
_TASK_NAMES = {
    _TASK: "Individual re-identification",
    _DETECTION: "Animal detection",
    _CLASSIFICATION: "Animal classification",
}

_INTENDED_USE = (
    "Finding an animal again among photographs of its own species. It ranks the known individuals, and a person"
    " looks and decides."
)
_LIMITS = (
    "It does not find animals in photographs: it wants each one's box, or a photograph that the animal fills.",
    "A score is no probability, and the best candidate of an animal that nobody knows yet is still somebody.",
    "Figures hold for the photographs that they were measured on; measure it on yours with `hanzaki evaluate`.",
)

#: Intended use and limits of a detector.
FINDING = "Finding animals in photographs and videos, so that each one's box can be compared or looked at."
DETECTOR_LIMITS = (
    "It does not tell individuals apart.",
    "A score is no probability, and an animal that it misses is missed in silence.",
    "Figures hold for the photographs that they were measured on.",
)

#: Intended use and limits of a classifier.
TELLING = (
    "Telling of the picture of an animal which of the labels that it learnt fits, and how probable that is. A"
    " person looks, and a person's word counts more."
)
CLASSIFIER_LIMITS = (
    "It knows the labels that it learnt and no others: what is none of them is still called one of them.",
    "It does not find animals in photographs: it wants each one's box, or a photograph that the animal fills.",
    "It may have learnt what surrounds the animals along with the animals; look at what it looks at with `hanzaki"
    " explain`.",
    "A probability means what it says on photographs like those that its temperature was fitted on; measure it on"
    " yours with `hanzaki evaluate`.",
)

# of https://huggingface.co/docs/hub/repositories-licenses those that pictures and weights come under; a card that
# names any other must call it "other", or the hub refuses the card
# fmt: off
_HUB_LICENCES = frozenset({
    "afl-3.0", "agpl-3.0", "apache-2.0", "bsd-2-clause", "bsd-3-clause", "bsl-1.0", "c-uda", "cc", "cc-by-2.0",
    "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nc-nd-3.0",
    "cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "cc-by-nd-4.0", "cc-by-sa-3.0",
    "cc-by-sa-4.0", "cc0-1.0", "cdla-permissive-1.0", "cdla-permissive-2.0", "cdla-sharing-1.0", "ecl-2.0",
    "epl-1.0", "epl-2.0", "etalab-2.0", "eupl-1.1", "gpl-2.0", "gpl-3.0", "isc", "lgpl-2.1", "lgpl-3.0", "mit",
    "mpl-2.0", "odbl", "odc-by", "openrail", "osl-3.0", "pddl", "unknown", "unlicense", "wtfpl", "zlib",
})
# fmt: on


@dataclass(frozen=True)
class TrainingData:
    """One of the data sets that a model learnt from.

    Attributes:
        name: for people.
        licence: of the pictures.
        images, individuals, species: how many; None is not known.
        hub: its ``owner/name`` on the hub, if it lies there.
    """

    name: str
    licence: str = "unknown"
    images: int | None = None
    individuals: int | None = None
    species: int | None = None
    hub: str | None = None

    def __str__(self) -> str:
        known = {"pictures": self.images, "individuals": self.individuals}
        counts = " of ".join(f"{count} {what}" for what, count in known.items() if count is not None)
        return f"{self.name}{f', {counts}' if counts else ''}; licence of the pictures: {self.licence}"


@dataclass(frozen=True)
class Metric:
    """One measured figure.

    Attributes:
        name: of the measure, as ``top1``.
        dataset: what it was measured on.
        value: a fraction.
        low, high: of its 95% interval.
        command: that printed it.
    """

    name: str
    dataset: str
    value: float
    low: float
    high: float
    command: str


@dataclass(frozen=True)
class Card:
    """What a model card says beside what the model's config says.

    Attributes:
        about: what the model is, in a sentence or two.
        intended_use: what it is for.
        limits: what it is not, a sentence each.
        training: what it learnt from; if empty, the config's word stands for it.
        metrics: how well it does.
        source: where its weights came from as they are, as ``repository@revision``.
        base: the model that its training went on from, likewise.
    """

    about: str
    intended_use: str = _INTENDED_USE
    limits: Sequence[str] = _LIMITS
    training: Sequence[TrainingData] = ()
    metrics: Sequence[Metric] = ()
    source: str | None = None
    base: str | None = None

    def markdown(self, config: ModelFacts, *, half: bool = False) -> str:
        """The card as the hub wants it: a YAML header, and Markdown.

        Args:
            config: of the model, which says its name, licence and preprocessing.
            half: whether its weights are kept in 16 bits.
        """
        parts = [
            f"---\n{self._header(config)}\n---\n# {config.name}",
            f"{self.about} {config.output_text}",
            f"## What it is for\n\n{self.intended_use}{_how(config)}",
            "## What it is not\n\n" + _bullets(self.limits) if self.limits else "",
            "## How well it does\n\n" + _metrics_table(self.metrics) if self.metrics else "",
            "## What it learnt from\n\n" + (_training_table(self.training) or f"{config.training_data}"),
            "## Facts\n\n" + _bullets(self._facts(config, half)),
        ]
        return "\n\n".join(part for part in parts if part) + "\n"

    def _header(self, config: ModelFacts) -> str:
        bases = [base for base in (_repository(self.source), _repository(self.base)) if base is not None]
        licence = hub_licence(config.licence)
        data = ModelCardData(
            license=licence["license"],
            license_name=licence.get("license_name"),
            library_name="hanzaki",
            pipeline_tag=_task(config),
            tags=[
                "hanzaki",
                *(("re-identification",) if _task(config) == _TASK else ()),
                "wildlife",
                config.architecture,
            ],
            datasets=[data.hub for data in self.training if data.hub is not None] or None,
            base_model=bases if len(bases) > 1 else next(iter(bases), None),
            model_name=config.name if self.metrics else None,
            eval_results=[_eval_result(metric, config) for metric in self.metrics] or None,
        )
        return data.to_yaml()

    def _facts(self, config: ModelFacts, half: bool) -> Iterable[str]:
        yield f"Network: `{config.architecture}`"
        yield f"Input: {config.input_text}"
        if half:
            yield "Weights: kept in 16 bits; everything is computed in 32"
        yield f"Licence of the weights: {config.licence}"
        if self.source is not None:
            yield f"Converted from {self.source}"
        if self.base is not None:
            yield f"Trained on from {self.base}"


def hub_licence(licence: str) -> dict[str, str]:
    """A licence in a card's header: the hub's own word for it, or ``other`` with its name.

    Args:
        licence: an SPDX name, or anything else.
    """
    name = re.sub(r"[^a-z0-9.+-]+", "-", licence.lower()).strip("-") or "unknown"
    return {"license": name} if name in _HUB_LICENCES else {"license": "other", "license_name": name}


def _repository(source: str | None) -> str | None:
    """The hub's name of where weights came from; None for what does not look like one."""
    name = (source or "").partition("@")[0]
    return name if re.fullmatch(r"[\w.-]+/[\w.-]+", name) else None


def _task(config: ModelFacts) -> str:
    """The hub's word for what a model does."""
    return {"detect": _DETECTION, "classify": _CLASSIFICATION}.get(config.task, _TASK)


def _how(config: ModelFacts) -> str:
    command = {_TASK: "identify 57", _CLASSIFICATION: "classify photographs/"}.get(_task(config))
    return f"\n\n```console\n$ hanzaki {command} --with path/to/this/folder\n```" if command else ""


def _eval_result(metric: Metric, config: ModelFacts) -> EvalResult:
    return EvalResult(
        task_type=_task(config),
        task_name=_TASK_NAMES[_task(config)],
        dataset_type=re.sub(r"\W+", "-", metric.dataset.lower()).strip("-"),
        dataset_name=metric.dataset,
        metric_type=metric.name,
        metric_name=metric.name,
        metric_value=round(float(metric.value), 4),
        metric_args={
            "low": round(float(metric.low), 4),
            "high": round(float(metric.high), 4),
            "command": metric.command,
        },
    )


def _metrics_table(metrics: Iterable[Metric]) -> str:
    rows = ((m.name, m.dataset, f"{m.value:.1%} ({m.low:.1%} to {m.high:.1%})", f"`{m.command}`") for m in metrics)
    return _table(("Measure", "Measured on", "Value (95% interval)", "Printed by"), rows)


def _training_table(training: Sequence[TrainingData]) -> str:
    rows = ((d.name, d.licence, d.images, d.individuals, d.species) for d in training)
    return _table(("Data", "Licence", "Images", "Individuals", "Species"), rows) if training else ""


def _table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [headers, ["---"] * len(headers), *([_cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: object) -> str:
    if value is None:
        return "not known"
    text = f"{value:,}" if isinstance(value, int) else str(value)
    return " ".join(text.split()).replace("|", r"\|")


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
