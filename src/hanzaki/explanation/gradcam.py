"""Grad-CAM over a photograph: which places of it speak for a label (Selvaraju et al. 2017)."""

from __future__ import annotations

import numpy as np

from hanzaki.explanation.placing import Floats, Sight, spread_over
from hanzaki.vision.classifier import Explained
from hanzaki.vision.model import CropConfig


def heat(explained: Explained, label: int, sight: Sight, config: CropConfig) -> Floats:
    """How much each pixel of a photograph speaks for a label, as a share of the most that any place does.

    Args:
        explained: of :meth:`hanzaki.vision.classifier.Classifier.explain`.
        label: its position among the classifier's labels.
        sight: what of the photograph the classifier saw; ``Sight(size)`` for a crop by itself.
        config: of the classifier, which says how a crop becomes its input.

    Returns:
        float32 (H, W), 0 to 1; all 0 if nothing speaks for the label, and outside of the box.

    Raises:
        ValueError: if there is no such label.
    """
    if not 0 <= label < len(explained.maps):
        raise ValueError(f"label {label} of {len(explained.maps)}")
    spread = spread_over(relative(explained.maps[label]), sight, config)
    return np.asarray(np.clip(spread, 0, 1), np.float32)


def relative(grid: Floats) -> Floats:
    """A map, not negative, as shares of its maximum; zeros stay zeros."""
    most = float(grid.max(initial=0))
    return np.asarray(grid / most if most > 0 else np.zeros_like(grid), np.float32)
