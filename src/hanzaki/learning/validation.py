"""Choosing the best epoch: animals kept aside, each sought among the others as ``hanzaki evaluate`` does it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import nn

from hanzaki.annotations import Annotations
from hanzaki.errors import SettingError
from hanzaki.evaluation.protocols import MEASURES, one_against_all
from hanzaki.evaluation.worth import worth_of_embedding
from hanzaki.learning.data import Picture, Pictures
from hanzaki.vision.model import ModelConfig

_BATCH = 32


class Validation:
    """Measures a network on individuals that it does not learn from.

    Pictures come through the very code of training, without augmentation, which gives the pixels of the field.

    Args:
        tables: of the individuals kept aside.
        look: of the network's input.
        cache_mb: memory for decoded pictures.
    """

    def __init__(self, tables: Sequence[Annotations], look: ModelConfig, cache_mb: float) -> None:
        self.frame = pd.concat([table.frame for table in tables], ignore_index=True)
        self._source = tables[0].source
        rows = [
            Picture(table.folder / row.path, row.bbox, 0, frame=row.frame) for table in tables for row in table
        ]
        self.pictures = Pictures(rows, look, cache_mb=cache_mb)

    def measure(self, network: nn.Module, device: torch.device) -> dict[str, float]:
        """Mean of each measure over all queries, as fractions: ``top1 top5 top10 top20 map``.

        Args:
            network: in evaluation mode.
            device: that it is on.

        Raises:
            SettingError: if nobody kept aside can be asked about.
        """
        vectors, kept = self._described(network, device)
        measures = one_against_all(vectors, self.frame.iloc[kept].reset_index(drop=True))
        asked = ~np.isnan(measures[:, 0])
        if not asked.any():
            raise SettingError(
                "no animal kept aside was seen twice from one side: set data.validation higher, or to 0"
            )
        return dict(zip(MEASURES, measures[asked].mean(axis=0).tolist(), strict=True))

    def worth(self, network: nn.Module, device: torch.device) -> dict[str, Any] | None:
        """What the network's scores are worth; see :func:`hanzaki.evaluation.worth.worth_of_embedding`."""
        vectors, kept = self._described(network, device)
        frame = self.frame.iloc[kept].reset_index(drop=True)
        return worth_of_embedding(vectors, Annotations(frame, self._source))

    def _described(
        self, network: nn.Module, device: torch.device
    ) -> tuple[list[npt.NDArray[np.float32]], list[int]]:
        """The vectors of all pictures that can be read, and which these are.

        Raises:
            SettingError: if none can.
        """
        vectors: list[npt.NDArray[np.float32]] = []
        kept: list[int] = []
        for start in range(0, len(self.frame), _BATCH):
            numbers = range(start, min(start + _BATCH, len(self.frame)))
            read = [
                (number, image) for number in numbers if (image := self.pictures.read_or_note(number)) is not None
            ]
            if read:
                images = torch.from_numpy(np.stack([image for _, image in read])).to(device)
                with torch.inference_mode():
                    vectors.extend(network(images).float().cpu().numpy())
                kept.extend(number for number, _ in read)
        if not kept:
            raise SettingError(f"no picture can be read; the first: {next(iter(self.pictures.bad.values()))}")
        return vectors, kept
