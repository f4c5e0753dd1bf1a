"""Which keypoints of two pictures belong together, as a network sees it: LightGlue and its kin.

The network is the user's own ONNX file in a model folder; see :class:`hanzaki.vision.model.PointMatcherConfig`.
(Lindenberger et al., "LightGlue", ICCV 2023.)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hanzaki.errors import ModelError, printable
from hanzaki.keypoints import Keypoints
from hanzaki.vision.graphs import load_graph
from hanzaki.vision.marks import vectors_of
from hanzaki.vision.model import ModelFolder, PointMatcherConfig
from hanzaki.vision.runtime import RuntimeName

Floats = npt.NDArray[np.float32]
Pairs = tuple[npt.NDArray[np.intp], Floats]


class PointMatcher:
    """Matches keypoints of :class:`hanzaki.vision.learned_points.LearnedPoints` by a model folder's network.

    Args:
        model: the folder.
        runtime: what runs it.
        threads: how many pairs to match at a time.

    Raises:
        ModelError: if the network cannot be loaded, or takes other inputs than its config names.
    """

    def __init__(
        self, model: ModelFolder[PointMatcherConfig], runtime: RuntimeName = "openvino", threads: int = 1
    ) -> None:
        self.model = model
        self._graph = load_graph(model.onnx, runtime, threads)
        if set(self._graph.inputs) != set(model.config.inputs):
            raise ModelError(
                f"{printable(model.folder)}: the network takes {', '.join(self._graph.inputs)}; name them in"
                " config.json: inputs"
            )

    @property
    def name(self) -> str:
        """What identifies its answers."""
        return self.model.fingerprint

    def __call__(self, pairs: Sequence[tuple[Keypoints, Keypoints]]) -> list[Pairs]:
        """Match the keypoints of each two pictures.

        Args:
            pairs: keypoints of two pictures each, of the network that the matcher was trained with.

        Returns:
            for each, positions of P points in either, intp (P, 2), and how sure each pair is, float32 (P,).

        Raises:
            ModelError: if the keypoints are another network's, or the network gives something else than pairs.
        """
        full = [position for position, pair in enumerate(pairs) if all(map(len, pair))]
        found = self._graph.run([self._fed(*pairs[position]) for position in full])
        answers: list[Pairs] = [(np.zeros((0, 2), np.intp), np.zeros(0, np.float32))] * len(pairs)
        for position, outputs in zip(full, found, strict=True):
            answers[position] = self._read(outputs, *pairs[position])
        return answers

    def _fed(self, one: Keypoints, other: Keypoints) -> dict[str, Floats]:
        config = self.model.config
        values = [_places(side, config)[None] for side in (one, other)]
        values += [vectors_of(side.descriptors)[None] for side in (one, other)]
        if any(value.shape[2] != config.embedding_size for value in values[2:]):
            raise ModelError(
                f"{printable(self.model.folder)} matches points of {config.embedding_size} numbers, not of"
                f" {values[2].shape[2]} and {values[3].shape[2]}: describe with the network that it knows"
            )
        return dict(zip(config.inputs, values, strict=True))

    def _read(self, outputs: dict[str, Floats], one: Keypoints, other: Keypoints) -> Pairs:
        config = self.model.config
        if missing := [name for name in config.outputs if name not in outputs]:
            raise ModelError(
                f"{printable(self.model.folder)}: the network has no output {missing[0]!r} but"
                f" {', '.join(outputs)}; name them in config.json: outputs"
            )
        pairs, sure = (outputs[name] for name in config.outputs)
        sure = sure.reshape(-1)
        if pairs.shape != (len(sure), 2):
            raise ModelError(f"{printable(self.model.folder)}: pairs are {pairs.shape}, of {len(sure)} scores")
        # padding of some exports: -1 where a point has no partner
        kept = (sure >= config.threshold) & (pairs >= 0).all(axis=1) & (pairs < (len(one), len(other))).all(axis=1)
        return pairs[kept].astype(np.intp), sure[kept]


def _places(keypoints: Keypoints, config: PointMatcherConfig) -> Floats:
    """Places as the network takes them, float32 (N, 2)."""
    extent = np.array(keypoints.extent, np.float32)
    if config.coordinates == "unit":
        return np.asarray(keypoints.points / extent, np.float32)
    return np.asarray((keypoints.points - extent / 2) / (extent.max() / 2), np.float32)
