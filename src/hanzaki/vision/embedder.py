"""An embedding model: an animal's picture to a vector in which the same animal is near."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hanzaki.errors import ModelError, printable
from hanzaki.vision.crop import Pixels, resize
from hanzaki.vision.model import ONNX, CropConfig, DetectorConfig, ModelConfig, ModelFolder
from hanzaki.vision.runtime import Runtime, RuntimeName, load_network

Floats = npt.NDArray[np.float32]

#: Names of an embedder's outputs; older graphs lack the second.
EMBEDDING, PLACES = "embedding", "places"


class Embedder:
    """Runs the embedding network of a model folder.

    Args:
        model: the folder.
        runtime: what runs it.
        threads: how many to use.

    Raises:
        ModelError: if the network cannot be loaded.
    """

    def __init__(
        self, model: ModelFolder[ModelConfig], runtime: RuntimeName = "openvino", threads: int = 1
    ) -> None:
        self.model = model
        self._network = load_network(model.onnx, runtime, threads)

    @property
    def name(self) -> str:
        """What identifies the vectors it makes: model and preprocessing, by content."""
        return self.model.fingerprint

    @property
    def area_fraction(self) -> float:
        """Share of an animal's box that it wants to see."""
        return self.model.config.crop_fraction

    @property
    def kind(self) -> str:
        """It makes embeddings."""
        return "embedding"

    def prepare(self, crop: Pixels) -> Floats:
        """A picture as the network sees it: float32 (3, H, W), resized and normalised as the config says."""
        return normalised(crop, self.model.config)

    def describe(self, prepared: Sequence[Floats]) -> list[Floats]:
        """Run the network.

        Args:
            prepared: float32 (3, H, W) each, of :meth:`prepare`.

        Returns:
            float32 (embedding_size,) each, as the network gives them (not of length one).

        Raises:
            ModelError: if the network gives something else than its config says.
        """
        return list(run(self._network, prepared, self.model, self.model.config.embedding_size)) if prepared else []

    def places(self, prepared: Sequence[Floats]) -> list[Floats]:
        """What each place of the network's feature map gives to the embedding.

        Args:
            prepared: float32 (3, H, W) each, of :meth:`prepare`.

        Returns:
            float32 (embedding_size, h, w) each; the sum over h and w is what :meth:`describe` gives.

        Raises:
            ModelError: if the network does not tell.
        """
        if not prepared:
            return []
        return list(run_telling(self._network, prepared, self.model, PLACES, self.model.config.embedding_size)[1])


def run(network: Runtime, prepared: Sequence[Floats], model: ModelFolder[Any], width: int) -> Floats:
    """Run a network that makes one row of numbers of each picture.

    Args:
        network: of the model.
        prepared: float32 (3, H, W) each, at least one.
        model: for what is said when it goes wrong.
        width: numbers in a row, as its config says.

    Returns:
        float32 (N, width).

    Raises:
        ModelError: if the network gives something else than its config says.
    """
    return _checked(network(np.stack(prepared)), len(prepared), width, model)


def run_telling(
    network: Runtime, prepared: Sequence[Floats], model: ModelFolder[Any], why: str, width: int
) -> tuple[Floats, Floats]:
    """Run a network that also tells what each place of the picture gave to its answer.

    Args:
        network: of the model.
        prepared: float32 (3, H, W) each, at least one.
        model: for what is said when it goes wrong.
        why: name of the output that tells.
        width: numbers in a row of the first output, as its config says.

    Returns:
        float32 (N, width), the first output, and float32 (N, width, h, w).

    Raises:
        ModelError: if it does not tell, or gives something else than its config says.
    """
    outputs = network.outputs(np.stack(prepared))
    if why not in outputs:
        raise ModelError(
            f"{printable(model.folder)} cannot be explained: its {ONNX} has no output {why!r}. A class token or a"
            " head of several layers gives none; of another network, `hanzaki models export` or a new training"
            " writes it"
        )
    rows = _checked(next(iter(outputs.values())), len(prepared), width, model)
    places = outputs[why]
    if places.ndim != 4 or places.shape[:2] != rows.shape:
        raise ModelError(
            f"{printable(model.folder)}: its output {why!r} is {places.shape}, not {rows.shape} and places"
        )
    if not np.isfinite(places).all():
        raise ModelError(f"{printable(model.folder)}: its output {why!r} holds values that are not numbers")
    return rows, places


def _checked(rows: Floats, count: int, width: int, model: ModelFolder[Any]) -> Floats:
    if rows.shape != (count, width):
        raise ModelError(f"{model.folder}: the network gives {rows.shape}, its config says {(count, width)}")
    if not np.isfinite(rows).all():
        raise ModelError(f"{model.folder}: the network gives values that are not numbers")
    return rows


def normalised(crop: Pixels, config: CropConfig) -> Floats:
    """A picture as the network sees it: float32 (3, H, W), resized and normalised as the config says."""
    return standardised(resize(crop, config.input_size, config.resize), config)


def standardised(pixels: Pixels, config: CropConfig | DetectorConfig) -> Floats:
    """uint8 (H, W, 3) of the input's size to float32 (3, H, W): ``(rgb / 255 - mean) / std``.

    The one normalisation of hanzaki, as :func:`hanzaki.vision.crop.resize` is the one resize.
    """
    scale = np.float32(1 / 255) / np.asarray(config.std, np.float32)
    shift = np.asarray(config.mean, np.float32) / np.asarray(config.std, np.float32)
    return np.ascontiguousarray((pixels.astype(np.float32) * scale - shift).transpose(2, 0, 1))
