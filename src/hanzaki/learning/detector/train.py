"""Training a detector: from a config and drawn boxes to a model folder, by the loop that trains embedders too."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import timm.optim
import torch
from torch import Tensor, nn

from hanzaki.errors import SettingError
from hanzaki.evaluation.report.detections import write_detection_report
from hanzaki.exchange.table import read_table
from hanzaki.learning.card import Card
from hanzaki.learning.claim import claim_run
from hanzaki.learning.data import readable
from hanzaki.learning.detector.config import DetectorTraining
from hanzaki.learning.detector.data import drawn_with, kept_aside, scenes_of
from hanzaki.learning.detector.network import DetectionNetwork
from hanzaki.learning.detector.scenes import ReadScenes
from hanzaki.learning.detector.start import starting_detector
from hanzaki.learning.detector.validation import SceneValidation
from hanzaki.learning.publish import write_model_folder
from hanzaki.learning.sampling import Shuffled
from hanzaki.learning.start import base_name
from hanzaki.learning.train import CHECKED, MODEL, Progress, Record, Trained, Training
from hanzaki.media import load_picture
from hanzaki.settings import settings

REPORT = "report"

_TIMM_OPTIM: Any = timm.optim  # its functions carry no types

_ABOUT = "A network that finds animals, or parts of them, in photographs."
_USE = "Finding where in a photograph the animal is, before it is told who it is. A person may correct its boxes."
_LIMITS = (
    "It knows no individual; that is an embedder's work.",
    "A score is no probability, and the threshold was chosen on photographs like those that it learnt from.",
    "It finds what its boxes showed, in the surroundings that they showed it in; measure it on your photographs.",
)


def train_detector(
    config: DetectorTraining,
    folder: Path,
    *,
    progress: Progress | None = None,
    report: Callable[[Record], None] | None = None,
) -> Trained:
    """Train a detector, or go on with a training that was cut off.

    The run's folder is that of an embedder's training (:func:`hanzaki.learning.train.train_embedder`), and a run
    that was killed goes on in the same way. Beside the model it holds ``report``: what the detector finds, misses
    and takes for animals in the pictures that were kept aside to choose epoch and threshold by.

    Args:
        config: all that decides the training.
        folder: of the run; new, or of a run with the same config.
        progress: told how far it is.
        report: told each epoch's record, as ``log.jsonl`` gets it.

    Raises:
        SettingError: if the config asks for what cannot be, or the folder is of another run.
        Diverged: if the loss is no number any more.
        ModelError: if the network that the config starts from cannot be used.
        TableError: if a table cannot be read.
    """
    if not config.data.tables:
        raise SettingError("there is nothing to learn from: name tables with --table, or under data.tables")
    claim_run(folder, config)
    return _DetectorTraining(config, folder, progress, report).run()


class DetectorLesson(nn.Module):
    """The network with what it is trained against: images and boxes to one number."""

    def __init__(self, network: DetectionNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor, boxes: Tensor) -> Tensor:
        """Loss of images (N, 3, H, W) with boxes (N, M, 5)."""
        return self.network.loss(images, boxes)


class _DetectorTraining(Training[DetectorTraining]):
    """The training of a detector."""

    def _begin(self) -> None:
        data, run = self.config.data, self.config.run
        scenes = scenes_of([read_table(table) for table in data.tables], data.negatives, data.labels)
        if scenes.left_out:
            self.notes = (f"left out, since an animal in them has no box: {scenes.left_out} photographs",)
        self.data, aside = kept_aside(scenes, data.validation, data.aside_by, run.seed)
        self.detector, self.look = starting_detector(self.config, scenes.labels)
        self.network, self.lesson = self.detector, DetectorLesson(self.detector)
        self.sampler = Shuffled(len(self.data.scenes), self.config.sampling.batch, run.seed)
        self.pictures = ReadScenes(
            self.data.scenes, self.look, self.config.augmentation, seed=run.seed, cache_mb=run.cache_mb
        )
        self.judge = SceneValidation(aside.scenes, self.look) if aside.scenes else None
        self.validation = self.judge

    def _groups(self) -> list[dict[str, Any]]:
        wanted = self.config.optimiser
        groups: list[dict[str, Any]] = _TIMM_OPTIM.param_groups_layer_decay(
            self.detector.backbone, weight_decay=wanted.weight_decay, layer_decay=wanted.layer_decay
        )
        new = [*self.detector.neck.parameters(), *self.detector.head.parameters()]
        for matrix, decay in ((False, 0.0), (True, wanted.weight_decay)):
            some = [parameter for parameter in new if (parameter.ndim > 1) == matrix]
            groups.append({"params": some, "weight_decay": decay, "lr_scale": wanted.classes_factor})
        return [{key: group[key] for key in ("params", "weight_decay", "lr_scale")} for group in groups]

    def _publish(self) -> None:
        if (self.folder / MODEL).exists():
            return
        network = self._best_network().eval()
        learnt = self.data.described(self.config.data.licence)
        changed: dict[str, Any] = {"training_data": str(learnt)}
        if self.judge is not None:
            changed["threshold"] = self._report(self.judge, network)
        about = self.config.about or _ABOUT
        write_model_folder(
            self.folder / MODEL,
            network,
            self.look.model_copy(update=changed),
            Card(about, _USE, _LIMITS, training=[learnt], base=base_name(self.config.network)),
            pictures=list(islice(readable(self.data.scenes), CHECKED)),
            half=self.config.half,
        )

    def _report(self, validation: SceneValidation, network: nn.Module) -> float:
        """Write what came out of the scenes kept aside, to look at; gives the threshold that serves them best."""
        scenes, judged = validation.find(network, torch.device("cpu"))
        write_detection_report(
            self.folder / REPORT,
            f"What {self.config.name} finds in the photographs kept aside",
            judged,
            lambda number: load_picture(*scenes[number].key, settings().max_megapixels),
            [scene.path.name for scene in scenes],
            drawn_with(scenes),
        )
        return judged.threshold
