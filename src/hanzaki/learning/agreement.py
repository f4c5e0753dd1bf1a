"""Whether ONNX gives what torch gives: nothing is published on faith."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import softmax
from torch import nn

from hanzaki.errors import ModelError
from hanzaki.learning.explaining import explained
from hanzaki.vision.classifier import LOGITS, MAPS
from hanzaki.vision.crop import Pixels, resize
from hanzaki.vision.detector import prepared
from hanzaki.vision.embedder import EMBEDDING, PLACES, normalised
from hanzaki.vision.layouts import output_names, read_layout
from hanzaki.vision.model import ClassifierConfig, CropConfig, DetectorConfig, ModelConfig, PointsConfig

AGREEMENT = 0.9999  # least cosine between what torch and ONNX make of a picture
LOOSENESS = 1e-3  # most that a box differs between them, as a share of the input, and its scores

_BATCH = 4
_BEST = 100  # boxes of a picture that are compared

_Outputs = dict[str, npt.NDArray[np.float64]]


def check_onnx(
    network: nn.Module, onnx: Path, config: ModelConfig | PointsConfig, pictures: Sequence[Pixels] = ()
) -> float:
    """Compare what torch and ONNX Runtime make of pictures, both in float32.

    Where the graph tells what its places give to the embedding, that is compared as well, and that they sum to it.

    Args:
        network: in evaluation mode.
        onnx: the same network.
        config: how pictures are prepared.
        pictures: uint8 (H, W, 3) each; made up if there are none.

    Returns:
        the least cosine between the two, of all pictures.

    Raises:
        ModelError: if it is under :data:`AGREEMENT`, places are further apart than :data:`LOOSENESS` of the
            greatest number among them, the embeddings' length is not the config's, or ONNX Runtime is not
            installed.
    """
    cosines = []
    for here, there in _both(network, onnx, config, pictures, EMBEDDING, PLACES):
        size, vectors = here[EMBEDDING], there[EMBEDDING]
        if not size.shape == vectors.shape == (len(size), config.embedding_size):
            raise ModelError(f"{config.name} gives {vectors.shape}, its config says {config.embedding_size}")
        cosines.append(torch.cosine_similarity(torch.from_numpy(size), torch.from_numpy(vectors)))
        if PLACES in there:
            _require_same(config, here[PLACES], there[PLACES], PLACES)
            _require_same(config, vectors, there[PLACES].sum(axis=(2, 3)), "the sum of places")
    least = float(torch.cat(cosines).min())
    if not least >= AGREEMENT:  # not "<", which lets NaN pass
        raise ModelError(f"ONNX and torch do not agree on {config.name}: cosine {least:.6f}, wanted {AGREEMENT}")
    return least


def check_classifier(
    network: nn.Module, onnx: Path, config: ClassifierConfig, pictures: Sequence[Pixels] = ()
) -> float:
    """Compare how probable torch and ONNX Runtime find each label of pictures, both in float32.

    Where the graph gives Grad-CAM, that is compared as well.

    Args:
        network: in evaluation mode.
        onnx: the same network.
        config: how pictures are prepared, the labels and the temperature.
        pictures: uint8 (H, W, 3) each; made up if there are none.

    Returns:
        the most that a probability differs, of all labels and pictures.

    Raises:
        ModelError: if it is over :data:`LOOSENESS`, maps are further apart than that share of their greatest
            number, the logits are not as many as the config's labels, or ONNX Runtime is not installed.
    """
    worst = 0.0
    for here, there in _both(network, onnx, config, pictures, LOGITS, MAPS):
        logits, others = here[LOGITS], there[LOGITS]
        if not logits.shape == others.shape == (len(logits), len(config.labels)):
            raise ModelError(f"{config.name} gives {others.shape}, its config names {len(config.labels)} labels")
        probable = [softmax(rows / config.temperature, axis=1) for rows in (logits, others)]
        worst = max(worst, _apart(*probable))
        if MAPS in there:
            _require_same(config, here[MAPS], there[MAPS], MAPS)
    if not worst <= LOOSENESS:
        raise ModelError(f"ONNX and torch do not agree on {config.name}: {worst:.2g} apart, allowed {LOOSENESS}")
    return worst


def _both(
    network: nn.Module,
    onnx: Path,
    config: ModelConfig | PointsConfig | ClassifierConfig,
    pictures: Sequence[Pixels],
    *names: str,
) -> Iterator[tuple[_Outputs, _Outputs]]:
    """What torch and ONNX Runtime make of pictures, a batch at a time: outputs by name, float64 each.

    Of the names, the second is of the output that says why; a graph may have been written without.
    """
    session = _session(onnx)
    given = [output.name for output in session.get_outputs()]
    telling = explained(network, config.input_shape) if names[-1] in given else None
    images = torch.from_numpy(np.stack([_input(picture, config) for picture in pictures or _made_up()]))
    for batch in torch.split(images, _BATCH):
        with torch.inference_mode():
            outputs = (network(batch),) if telling is None else telling(batch)
        here = {name: output.double().numpy() for name, output in zip(names, outputs, strict=False)}
        run = session.run(None, {"image": batch.numpy()})
        there = {name: output.astype(np.float64) for name, output in zip(names, run, strict=False)}
        yield here, there if telling is not None else {names[0]: there[names[0]]}


def _apart(here: npt.NDArray[np.float64], there: npt.NDArray[np.float64]) -> float:
    """The greatest difference; infinite where one of them holds what is no number."""
    difference = float(np.abs(here - there).max())
    return difference if np.isfinite(difference) else float("inf")


def _require_same(
    config: ModelConfig | PointsConfig | ClassifierConfig,
    here: npt.NDArray[np.float64],
    there: npt.NDArray[np.float64],
    what: str,
) -> None:
    same_shape = here.shape == there.shape
    share = _apart(here, there) / max(float(np.abs(here).max()), 1e-12) if same_shape else float("inf")
    if not share <= LOOSENESS:
        raise ModelError(f"ONNX and torch do not agree on {what} of {config.name}: {share:.2g} apart")


def check_detector(
    network: nn.Module, onnx: Path, config: DetectorConfig, pictures: Sequence[Pixels] = ()
) -> float:
    """Compare what torch and ONNX Runtime find in pictures, both in float32.

    Each of the best boxes is looked for among all of the other's, since networks that put candidates into an order
    may change places of two that are as good. A network that takes inputs of any size is shown several.

    Args:
        network: in evaluation mode.
        onnx: the same network.
        config: how pictures are prepared, and the layout of what is given.
        pictures: uint8 (H, W, 3) each; made up if there are none.

    Returns:
        the most that a corner differs, as a share of the input's size, or a score.

    Raises:
        ModelError: if it is over :data:`LOOSENESS`, the outputs are not of the config's layout, or ONNX Runtime is
            not installed.
    """
    session = _session(onnx)
    scale = np.array(config.input_size * 2, np.float32)
    worst = 0.0
    shown = list(pictures or _made_up())
    if config.multiple is not None:
        shown += [part for one in shown for part in (one[: len(one) // 2], one[:, : one.shape[1] // 2])]
    for picture in shown:
        image = prepared(picture, config).pixels[None]
        with torch.inference_mode():
            here = [output.numpy() for output in network(torch.from_numpy(image))]
        rows = []
        for outputs in (here, session.run(None, {"image": image})):
            try:
                boxes, scores = read_layout(dict(zip(output_names(config), outputs, strict=True)), config)
            except ValueError as error:
                raise ModelError(f"{config.name}: {error}") from error
            rows.append(np.concatenate([boxes[0] / scale, scores[0]], axis=1))
        best = rows[0][np.argsort(-rows[0][:, 4:].max(axis=1))[:_BEST]]
        worst = max(worst, float(np.abs(best[:, None] - rows[1]).max(axis=2).min(axis=1).max()))
    if not worst <= LOOSENESS:
        raise ModelError(f"ONNX and torch do not agree on {config.name}: {worst:.2g} apart, allowed {LOOSENESS}")
    return worst


def _session(onnx: Path) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise ModelError("checking a model needs ONNX Runtime: pip install 'hanzaki[onnxruntime]'") from error
    return onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])


def _input(picture: Pixels, config: ModelConfig | PointsConfig | ClassifierConfig) -> npt.NDArray[np.float32]:
    """A picture as a network sees it: float32 of the config's shape."""
    if isinstance(config, CropConfig):
        return normalised(picture, config)
    _, height, width = config.input_shape
    small = resize(picture, (width, height), "squash")
    return np.asarray(small.mean(axis=2, dtype=np.float32)[None], np.float32)


def _made_up() -> list[Pixels]:
    """Soft random blotches, once resized: white noise would be all the same to a network."""
    return list(np.random.default_rng(0).integers(0, 256, (3, 12, 12, 3), dtype=np.uint8))
