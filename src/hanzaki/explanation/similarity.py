"""Where the similarity of two embeddings comes from.

An embedding is the sum of what the places of the feature map give to it. The cosine of two embeddings is then a
sum over pairs of places, one of each picture: exact, with nothing approximated or trained (Stylianou et al.,
"Visualizing deep similarity networks", WACV 2019, for average pooling; it holds for any whose parts are known).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Decomposition:
    """The cosine of two embeddings, taken apart.

    Attributes:
        left: float32 (h, w), what each place of the first picture gives to the cosine, with all of the other.
        right: float32 (h', w'), likewise of the second picture.
        pairs: float32 (h w, h' w'), what each pair of places gives.

    Each of the three sums to :attr:`similarity`; places that speak against it are negative.
    """

    left: Floats
    right: Floats
    pairs: Floats

    @property
    def similarity(self) -> float:
        """The cosine, -1 to 1."""
        return float(self.pairs.sum(dtype=np.float64))

    def strongest(self, count: int) -> list[RegionPair]:
        """The pairs of places that give most, each place in one pair at most.

        Args:
            count: how many at most; only pairs that speak for the similarity are given.
        """
        open_pairs = self.pairs.copy()
        found: list[RegionPair] = []
        while len(found) < count:
            first, second = np.unravel_index(int(open_pairs.argmax()), open_pairs.shape)
            share = float(open_pairs[first, second])
            if share <= 0:
                break
            places = (_middle(int(first), self.left.shape), _middle(int(second), self.right.shape))
            found.append(RegionPair(*places, share))
            open_pairs[first, :] = open_pairs[:, second] = -np.inf
        return found


@dataclass(frozen=True)
class RegionPair:
    """Two places that are alike.

    Attributes:
        left, right: middle of the place in its network's input, x and y, 0 to 1 each.
        share: what the pair gives to the cosine.
    """

    left: tuple[float, float]
    right: tuple[float, float]
    share: float


def decompose(left: Floats, right: Floats) -> Decomposition:
    """Take the cosine of two embeddings apart.

    Args:
        left: float32 (D, h, w), of :meth:`hanzaki.vision.embedder.Embedder.places`.
        right: float32 (D, h', w'), of the same model.

    Raises:
        ValueError: if the two are not places of one model's embeddings, or one of the embeddings is zero.
    """
    if left.ndim != 3 or right.ndim != 3 or len(left) != len(right):
        raise ValueError(f"places of two embeddings of one model are compared, not {left.shape} and {right.shape}")
    flat = [places.reshape(len(places), -1).astype(np.float64) for places in (left, right)]
    lengths = [float(np.linalg.norm(places.sum(axis=1))) for places in flat]
    if min(lengths) <= 0:
        raise ValueError("an embedding of zeros is like nothing")
    pairs = (flat[0] / lengths[0]).T @ (flat[1] / lengths[1])
    return Decomposition(
        left=pairs.sum(axis=1).reshape(left.shape[1:]).astype(np.float32),
        right=pairs.sum(axis=0).reshape(right.shape[1:]).astype(np.float32),
        pairs=pairs.astype(np.float32),
    )


def _middle(position: int, shape: tuple[int, ...]) -> tuple[float, float]:
    row, column = divmod(position, shape[1])
    return (column + 0.5) / shape[1], (row + 0.5) / shape[0]
