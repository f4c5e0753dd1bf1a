"""Training a classifier: from a config and tables to a model folder, by the loop that trains embedders too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from hanzaki.errors import SettingError
from hanzaki.learning.card import CLASSIFIER_LIMITS, TELLING, Card
from hanzaki.learning.claim import claim_run
from hanzaki.learning.classifier.config import ClassifierTraining
from hanzaki.learning.classifier.data import labelled_pictures, sampler_of
from hanzaki.learning.classifier.network import ClassificationNetwork
from hanzaki.learning.classifier.parts import Parts, read_parts, split_tables, write_parts
from hanzaki.learning.classifier.start import starting_classifier
from hanzaki.learning.classifier.temperature import cautious_temperature
from hanzaki.learning.classifier.validation import LIKELIHOOD, LabelValidation
from hanzaki.learning.data import Pictures, readable
from hanzaki.learning.publish import write_model_folder
from hanzaki.learning.schedule import parameter_groups
from hanzaki.learning.start import base_name
from hanzaki.learning.train import CHECKED, MODEL, Progress, Record, Trained, Training

_ABOUT = "A network that tells labels of animals from their pictures."


@dataclass(frozen=True)
class TrainedClassifier(Trained):
    """What came of a classifier's run.

    Attributes:
        results: what ``results.json`` holds.
        page: of the report; None if nothing was kept apart to test with.
    """

    results: Mapping[str, Any] = field(default_factory=dict)
    page: Path | None = None


def train_classifier(
    config: ClassifierTraining,
    folder: Path,
    *,
    controls: bool = False,
    progress: Progress | None = None,
    report: Callable[[Record], None] | None = None,
) -> TrainedClassifier:
    """Train a classifier, or go on with a training that was cut off, and test what came of it.

    The run's folder is that of an embedder's training (:func:`hanzaki.learning.train.train_embedder`), and a run
    that was killed goes on in the same way. Beside the model it holds ``split`` (what was learnt from, chosen and
    tested with, as `hanzaki split` writes it), ``results.json`` and ``report``, the page of the test.

    Args:
        config: all that decides the training.
        folder: of the run; new, or of a run with the same config.
        controls: train twice more, on shuffled labels and on what surrounds the animals, which must come to
            nothing; see :mod:`hanzaki.learning.classifier.controls`.
        progress: told how far it is.
        report: told each epoch's record, as ``log.jsonl`` gets it.

    Raises:
        SettingError: if the config asks for what cannot be, or the folder is of another run.
        LeakError: if one part of the split shows what another does, and that was not allowed.
        Diverged: if the loss is no number any more.
        ModelError: if the network that the config starts from cannot be used.
        TableError: if a table cannot be read.
    """
    from hanzaki.learning.classifier.results import finished  # which trains the controls with what stands here

    if not config.data.tables:
        raise SettingError("there is nothing to learn from: name tables with --table, or under data.tables")
    if controls and (config.run.devices > 1 or (config.split.protocol == "none" and not config.split.tables)):
        raise SettingError("controls need a test (split.protocol) and one device (run.devices=1)")
    parts = _parts(config, folder, progress)
    training = ClassifierLessons(config, folder, parts, progress, report)
    trained = training.run()
    values = {name: getattr(trained, name) for name in ("model", "epoch", "history", "bad", "notes")}
    if not training.fabric.is_global_zero:
        return TrainedClassifier(**values)
    results, page = finished(config, folder, parts, trained, training.card(), controls=controls, progress=progress)
    return TrainedClassifier(**values | {"notes": tuple(results["notes"])}, results=results, page=page)


def _parts(config: ClassifierTraining, folder: Path, progress: Progress | None) -> Parts:
    """The run's parts; the folder is only claimed when they can be had, or another try would need another one."""
    parts = read_parts(config, folder)
    if parts is not None:
        claim_run(folder, config)
        return parts
    split, leaks = split_tables(config, progress)
    claim_run(folder, config)
    return write_parts(config, split, leaks, folder)


class ClassifierLesson(nn.Module):
    """The network with what it is trained against: images and labels to one number.

    Args:
        network: gives the logits.
        smoothing: share of the truth that is spread over all labels.
        weights: float (C,), what a picture of each label counts; 1 on average over the pictures.
    """

    weights: Tensor

    def __init__(self, network: ClassificationNetwork, smoothing: float, weights: Tensor) -> None:
        super().__init__()
        self.network, self.smoothing = network, smoothing
        self.register_buffer("weights", weights, persistent=False)

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """Mean loss of images (N, 3, H, W) with labels (N,)."""
        logits = self.network(images).float()
        # torch's own mean divides by the weights of the batch, which would take their meaning from small batches
        total = cross_entropy(logits, labels, self.weights, reduction="sum", label_smoothing=self.smoothing)
        return total / len(labels)


class ClassifierLessons(Training[ClassifierTraining]):
    """The training of a classifier on parts that were made before.

    Args:
        config: all that decides the training.
        folder: of the run.
        parts: what is learnt from, and what chooses.
        progress: told how far it is.
        report: told each epoch's record.
    """

    chosen_by = LIKELIHOOD

    def __init__(
        self,
        config: ClassifierTraining,
        folder: Path,
        parts: Parts,
        progress: Progress | None = None,
        report: Callable[[Record], None] | None = None,
    ) -> None:
        self.parts = parts
        super().__init__(config, folder, progress, report)

    def _begin(self) -> None:
        config, run, parts = self.config, self.config.run, self.parts
        self.data = labelled_pictures(parts.train, config.data.label, parts.labels)
        self.notes = parts.notes
        self.classifier, self.look = starting_classifier(config, parts.labels)
        weights = torch.ones(len(parts.labels))
        if config.loss.balance == "weights":
            weights = torch.from_numpy(self.data.weights).float()
        self.network = self.classifier
        self.lesson = ClassifierLesson(self.classifier, config.loss.smoothing, weights)
        self.sampler = sampler_of(config, self.data)
        self.pictures = Pictures(
            self.data.pictures, self.look, config.augmentation, seed=run.seed, cache_mb=run.cache_mb
        )
        self.judge = self._validation(parts)
        self.validation = self.judge

    def _validation(self, parts: Parts) -> LabelValidation | None:
        if parts.validation is None:
            return None
        aside = labelled_pictures(parts.validation, self.config.data.label, parts.labels)
        if not aside.pictures:
            raise SettingError(
                "nothing that was kept aside to choose by has a label that is learnt: set split.validation to 0"
            )
        return LabelValidation(aside, self.look, self.config.run.cache_mb / 4)

    def _groups(self) -> list[dict[str, Any]]:
        return parameter_groups(self.classifier.embedding, self.classifier.head, self.config.optimiser)

    def card(self) -> Card:
        """What the model card says, but for the figures."""
        learnt = self.data.described(self.config.data.licence)
        about = self.config.about or _ABOUT
        return Card(about, TELLING, CLASSIFIER_LIMITS, training=[learnt], base=base_name(self.config.network))

    def _publish(self) -> None:
        if (self.folder / MODEL).exists():
            return
        network = self._best_network().eval()
        card = self.card()
        changed = {"temperature": self._temperature(network), "training_data": str(card.training[0])}
        write_model_folder(
            self.folder / MODEL,
            network,
            self.look.model_copy(update=changed),
            card,
            pictures=list(islice(readable(self.data.pictures), CHECKED)),
            half=self.config.half,
        )

    def _temperature(self, network: nn.Module) -> float:
        if self.judge is None:
            return 1.0
        return cautious_temperature(*self.judge.logits(network, torch.device("cpu")))
