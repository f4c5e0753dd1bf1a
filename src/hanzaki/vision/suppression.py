"""Of boxes that lie on one another only the best is kept: non-maximum suppression."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]


def suppressed(
    boxes: Floats, scores: Floats, classes: npt.NDArray[np.intp], overlap: float
) -> npt.NDArray[np.intp]:
    """Greedy non-maximum suppression, each class by itself.

    OpenCV's own function for several classes (``NMSBoxesBatched``) sets them apart by moving their boxes, by so
    much that boxes left of the image or above it still meet those of another class; hence one call a class here.

    Args:
        boxes: (N, 4), corners x1 y1 x2 y2; may reach over the image, and must not be empty.
        scores: (N,).
        classes: (N,).
        overlap: intersection over union above which the lesser of two boxes goes.

    Returns:
        (K,) which are kept, from the highest score to the lowest; of equal ones the first comes first.
    """
    order = np.argsort(-scores, kind="stable")
    corners = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1).astype(np.float64)[order]
    kept = np.zeros(len(boxes), bool)
    for label in np.unique(classes):
        (own,) = np.nonzero(classes[order] == label)
        ranks = np.arange(len(own), 0, -1)  # for scores, of which OpenCV leaves out those that are zero
        chosen = cv2.dnn.NMSBoxes(corners[own].tolist(), ranks.tolist(), 0.0, overlap)
        kept[own[np.asarray(chosen, np.intp)]] = True
    return np.asarray(order[kept], np.intp)
