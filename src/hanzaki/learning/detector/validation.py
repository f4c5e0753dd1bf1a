"""Judging a detector by pictures kept aside, through the very code that finds animals in the field."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from hanzaki.ahead import ahead, batches
from hanzaki.errors import SettingError
from hanzaki.evaluation.detection import MEASURES, Judged, best_threshold, boxes_of, match, measures
from hanzaki.learning.detector.data import Scene, corners_of
from hanzaki.learning.detector.scenes import ReadScenes
from hanzaki.settings import settings
from hanzaki.vision.detector import Detection, PreparedPhoto, select, stacked
from hanzaki.vision.model import DetectorConfig

_BATCH = 16
_LEAST_SCORE = 0.01  # of what is matched: below it precision is nothing, and there is a lot of it


class SceneValidation:
    """Measures a network on scenes that it does not learn from.

    Args:
        scenes: kept aside.
        look: of the network's input.

    Attributes:
        pictures: reads the scenes.
    """

    def __init__(self, scenes: Sequence[Scene], look: DetectorConfig) -> None:
        self.scenes, self.look = scenes, look
        self.pictures = ReadScenes(scenes, look)

    def measure(self, network: nn.Module, device: torch.device) -> dict[str, float]:
        """``map map50``, and ``precision recall threshold`` where F1 is highest.

        Args:
            network: in evaluation mode.
            device: that it is on.

        Raises:
            SettingError: if no scene can be read.
        """
        _, judged = self.find(network, device)
        values = np.nan_to_num(measures(judged.matches, judged.threshold)).tolist()
        return dict(zip(MEASURES, values, strict=True)) | {"threshold": judged.threshold}

    def find(self, network: nn.Module, device: torch.device) -> tuple[list[Scene], Judged]:
        """The scenes that can be read, and what a network finds in them, at the threshold that serves it best.

        Raises:
            SettingError: if no scene can be read.
        """
        found: dict[int, list[Detection]] = {}
        read = ahead(
            lambda number: (number, self.pictures.photo(number)), range(len(self.scenes)), settings().threads
        )
        for some in batches(((number, photo) for number, photo in read if photo is not None), _BATCH):
            found |= self._found(network, device, some)
        if not found:
            raise SettingError(f"no picture can be read; the first: {next(iter(self.pictures.bad.values()))}")
        scenes = [self.scenes[number] for number in found]
        judged = judge(scenes, list(found.values()), self.look.labels)
        matches = judged.matches
        able = len(matches.score) and matches.there.any()
        return scenes, replace(judged, threshold=best_threshold(matches) if able else self.look.threshold)

    def _found(
        self, network: nn.Module, device: torch.device, photos: Sequence[tuple[int, PreparedPhoto]]
    ) -> dict[int, list[Detection]]:
        found = {}
        for positions, pixels in stacked([photo for _, photo in photos]):
            with torch.inference_mode():
                outputs = network(torch.from_numpy(pixels).to(device))
            boxes, scores = (output.float().cpu().numpy() for output in outputs)
            for position, corners, said in zip(positions, boxes, scores, strict=True):
                number, photo = photos[position]
                found[number] = select(
                    photo.placement.to_image(corners.astype(np.float64)),
                    said,
                    labels=self.look.labels,
                    threshold=_LEAST_SCORE,
                    overlap=self.look.overlap,
                    size=photo.placement.image,
                )
        return found


def judge(scenes: Sequence[Scene], found: Sequence[Sequence[Detection]], labels: Sequence[str]) -> Judged:
    """What was found in scenes beside what is in them, all of it whatever its score.

    Args:
        scenes: with their boxes.
        found: in each of them.
        labels: of both.
    """
    numbers = {label: number for number, label in enumerate(labels)}
    there = boxes_of(
        [
            [(label, corners_of(box), 1.0) for box, label in zip(scene.boxes, scene.labels, strict=True)]
            for scene in scenes
        ]
    )
    seen = boxes_of([[(numbers[one.label], corners_of(one.box), one.score) for one in some] for some in found])
    return Judged(there, seen, match(there, seen, len(scenes), len(labels)), tuple(labels), 0.0)
