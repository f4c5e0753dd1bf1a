"""A classifier: an animal's picture to how probable each species, side, sex ... is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import softmax

from hanzaki.vision.crop import Pixels
from hanzaki.vision.embedder import Floats, normalised, run
from hanzaki.vision.model import ClassifierConfig, Column, ModelFolder
from hanzaki.vision.runtime import RuntimeName, load_network


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
        if not prepared:
            return []
        logits = run(self._network, prepared, self.model, len(self.labels)).astype(np.float64)
        return list(softmax(logits / self.model.config.temperature, axis=1).astype(np.float32))
