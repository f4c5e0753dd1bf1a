"""A classifier: an animal's picture to how probable each species, side, sex ... is, and which places say so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import softmax

from hanzaki.vision.crop import Pixels
from hanzaki.vision.embedder import Floats, normalised, run, run_telling
from hanzaki.vision.model import ClassifierConfig, Column, ModelFolder
from hanzaki.vision.runtime import RuntimeName, load_network

#: Names of a classifier's outputs; not every graph has the second.
LOGITS, MAPS = "logits", "maps"


@dataclass(frozen=True, eq=False)
class Explained:
    """What a classifier says of a picture, and which places of it speak for each label.

    Attributes:
        probabilities: float32 (C,), of the labels.
        maps: float32 (C, h, w), Grad-CAM of each label (Selvaraju et al. 2017), 0 or more, over the crop as the
            network saw it.
    """

    probabilities: Floats
    maps: Floats


class Classifier:
    """Runs the classifying network of a model folder, in the two steps of an embedder.

    Args:
        model: the folder.
        runtime: what runs it.
        threads: how many to use.

    Raises:
        ModelError: if the network cannot be loaded.
    """

    def __init__(
        self, model: ModelFolder[ClassifierConfig], runtime: RuntimeName = "openvino", threads: int = 1
    ) -> None:
        self.model = model
        self._network = load_network(model.onnx, runtime, threads)

    @property
    def name(self) -> str:
        """What identifies its answers: network, preprocessing, labels and temperature, by content."""
        return self.model.fingerprint

    @property
    def label(self) -> Column:
        """What it says of an animal: the column that it fills."""
        return self.model.config.label

    @property
    def labels(self) -> list[str]:
        """The names of the classes, in the order of the probabilities."""
        return self.model.config.labels

    @property
    def area_fraction(self) -> float:
        """Share of an animal's box that it wants to see."""
        return self.model.config.crop_fraction

    def prepare(self, crop: Pixels) -> Floats:
        """A picture as the network sees it: float32 (3, H, W), resized and normalised as the config says."""
        return normalised(crop, self.model.config)

    def classify(self, prepared: Sequence[Floats]) -> list[Floats]:
        """Run the network.

        Args:
            prepared: float32 (3, H, W) each, of :meth:`prepare`.

        Returns:
            float32 (C,) each: how probable each of the ``labels`` is; they sum to one.

        Raises:
            ModelError: if the network gives something else than its config says.
        """
        return [self._probabilities(logits) for logits in self.logits(prepared)]

    def logits(self, prepared: Sequence[Floats]) -> list[Floats]:
        """What the network gives before temperature and softmax: float32 (C,) each.

        Args:
            prepared: float32 (3, H, W) each, of :meth:`prepare`.

        Raises:
            ModelError: if the network gives something else than its config says.
        """
        return list(run(self._network, prepared, self.model, len(self.labels))) if prepared else []

    def explain(self, prepared: Sequence[Floats]) -> list[Explained]:
        """Run the network, and ask what speaks for each label.

        Args:
            prepared: float32 (3, H, W) each, of :meth:`prepare`.

        Raises:
            ModelError: if the network does not tell, or gives something else than its config says.
        """
        if not prepared:
            return []
        logits, maps = run_telling(self._network, prepared, self.model, MAPS, len(self.labels))
        return [
            Explained(self._probabilities(row), np.maximum(places, 0))
            for row, places in zip(logits, maps, strict=True)
        ]

    def _probabilities(self, logits: Floats) -> Floats:
        scaled = logits.astype(np.float64) / self.model.config.temperature
        return np.asarray(softmax(scaled), np.float32)
