"""Pictures of animals into descriptions that can be compared: vectors or keypoints."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from hanzaki.ahead import ahead, batches
from hanzaki.errors import BadMedium, ModelError
from hanzaki.keypoints import Keypoints
from hanzaki.vision.crop import Pixels
from hanzaki.vision.runtime import RuntimeName

#: What is compared: float32 (D,) of a network, or local features.
Description = npt.NDArray[np.float32] | Keypoints

#: The word by which the way without any trained model is called.
SIFT = "sift"

_BATCH = 32

Item = TypeVar("Item")


class Describer(Protocol):
    """Turns pictures of animals into descriptions, in two steps."""

    @property
    def name(self) -> str:
        """What identifies its descriptions: method, weights and preprocessing, by content."""
        ...

    @property
    def kind(self) -> str:
        """``embedding`` or ``keypoints``."""
        ...

    @property
    def area_fraction(self) -> float:
        """Share of the animal's box that it wants to see."""
        ...

    def prepare(self, crop: Pixels) -> Any:
        """The part that is done in many threads at once: uint8 (h, w, 3) to whatever ``describe`` takes."""
        ...

    def describe(self, prepared: Sequence[Any]) -> Sequence[Description]:
        """The part that is done for a batch together."""
        ...


def load_describer(which: str | Path, runtime: RuntimeName = "openvino", threads: int = 1) -> Describer:
    """The describer of a name: ``sift``, a shipped model's name, or the path of a model folder.

    Raises:
        ModelError: if it is neither.
    """
    if str(which) == SIFT:
        from hanzaki.vision.rootsift import RootSift

        return RootSift()
    from hanzaki.vision.embedder import Embedder
    from hanzaki.vision.learned_points import LearnedPoints
    from hanzaki.vision.marks import Marks
    from hanzaki.vision.model import (
        LearnedPointsConfig,
        PointsConfig,
        find_model,
        load_any_model,
        load_learned_points_model,
        load_model,
        load_points_model,
    )

    try:
        folder = find_model(which)
    except ModelError as error:
        raise ModelError(f"{error}; there is also 'sift', which needs none") from error
    config = load_any_model(folder).config
    if isinstance(config, PointsConfig):
        return Marks(load_points_model(folder), runtime, threads)
    if isinstance(config, LearnedPointsConfig):
        return LearnedPoints(load_learned_points_model(folder), runtime, threads)
    return Embedder(load_model(folder), runtime, threads)


def describe_all(
    describer: Describer, items: Sequence[Item], crop_of: Callable[[Item], Pixels], threads: int
) -> Iterator[tuple[Item, Description | BadMedium]]:
    """Describe many animals, in their order; one that cannot be read comes out as the reason why.

    Args:
        describer: how.
        items: anything that stands for an animal in a picture.
        crop_of: gives an item's pixels, uint8 (h, w, 3); called in threads; may raise ``BadMedium``.
        threads: how many.
    """

    def prepare(item: Item) -> tuple[Item, Any]:
        try:
            return item, describer.prepare(crop_of(item))
        except BadMedium as bad:
            return item, bad

    prepared = ahead(prepare, items, threads)
    for batch in batches(prepared, _BATCH):
        good = [value for _, value in batch if not isinstance(value, BadMedium)]
        descriptions = iter(describer.describe(good))
        for item, value in batch:
            yield item, value if isinstance(value, BadMedium) else next(descriptions)


def to_bytes(description: Description) -> bytes:
    """A description as it is stored: float32, little endian, or the keypoints' own form."""
    if isinstance(description, Keypoints):
        return description.to_bytes()
    return np.ascontiguousarray(description, dtype="<f4").tobytes()


def from_bytes(kind: str, data: bytes) -> Description:
    """The inverse of :func:`to_bytes`."""
    return Keypoints.from_bytes(data) if kind == "keypoints" else np.frombuffer(data, dtype="<f4")
