"""Choosing a classifier's epoch: by how likely what is true is to it, on pictures kept aside."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from hanzaki.errors import SettingError
from hanzaki.evaluation.classification import accuracy, confusion_matrix, macro_f1, tallies_of
from hanzaki.learning.classifier.data import LabelledPictures
from hanzaki.learning.classifier.temperature import fitted_temperature, log_loss
from hanzaki.learning.data import Pictures
from hanzaki.vision.model import ClassifierConfig

_BATCH = 32

#: The measure that decides the best epoch.
LIKELIHOOD = "likelihood"


class LabelValidation:
    """Measures a network on pictures that it does not learn from, without augmentation.

    Args:
        data: the pictures kept aside.
        look: of the network's input.
        cache_mb: memory for decoded pictures.
    """

    def __init__(self, data: LabelledPictures, look: ClassifierConfig, cache_mb: float) -> None:
        self.data = data
        self.pictures = Pictures(data.pictures, look, cache_mb=cache_mb)

    def measure(self, network: nn.Module, device: torch.device) -> dict[str, float]:
        """``accuracy macro_f1 log_loss likelihood``.

        Likelihood is the geometric mean of the probabilities that the true labels get, at the temperature that
        serves them best, from 0 to 1. The epoch is chosen by it: accuracy and F1 are the same for many epochs
        where few pictures choose, and the plain log loss blames an epoch for being too sure, which the
        temperature mends.

        Args:
            network: in evaluation mode.
            device: that it is on.

        Raises:
            SettingError: if no picture can be read.
        """
        logits, truth = self.logits(network, device)
        numbers = range(len(self.data.labels))
        tallies = tallies_of(confusion_matrix(truth.tolist(), logits.argmax(axis=1).tolist(), numbers))
        return {
            "accuracy": float(accuracy(tallies)),
            "macro_f1": float(macro_f1(tallies)),
            "log_loss": log_loss(logits, truth),
            LIKELIHOOD: math.exp(-log_loss(logits, truth, fitted_temperature(logits, truth))),
        }

    def logits(
        self, network: nn.Module, device: torch.device
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
        """What a network gives, float64 (n, c), and what is true, int64 (n,), of the pictures that can be read.

        Raises:
            SettingError: if none can be read.
        """
        rows: list[npt.NDArray[np.float64]] = []
        truth: list[int] = []
        count = len(self.data.pictures)
        positions = [np.arange(start, min(start + _BATCH, count)) for start in range(0, count, _BATCH)]
        for images, labels in self.pictures.batches(0, positions):
            if len(labels):
                with torch.inference_mode():
                    rows.append(network(images.to(device)).double().cpu().numpy())
                truth += labels.tolist()
        if not rows:
            raise SettingError(f"no picture can be read; the first: {next(iter(self.pictures.bad.values()))}")
        return np.concatenate(rows), np.array(truth, np.int64)
