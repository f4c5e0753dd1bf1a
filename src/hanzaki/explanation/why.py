"""The three answers to "why?", each as one drawing: a label, two embeddings that are alike, matched keypoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hanzaki.explanation.drawing import Legend, Lines, draw
from hanzaki.explanation.gradcam import heat
from hanzaki.explanation.matches import Matches
from hanzaki.explanation.panels import Panel
from hanzaki.explanation.placing import Floats, in_photograph, spread_over
from hanzaki.explanation.similarity import Decomposition
from hanzaki.vision.classifier import Explained
from hanzaki.vision.crop import Pixels
from hanzaki.vision.model import ClassifierConfig, CropConfig

#: Lines that are drawn at most: more of them hide the animals.
MOST_LINES = 40

_RINGS = 3  # pairs of places that are numbered
_OTHERS = 3  # labels that are named beside the one that is drawn


def why_label(panel: Panel, explained: Explained, config: ClassifierConfig, label: int | None = None) -> Pixels:
    """Grad-CAM of a label over a picture.

    Args:
        panel: the picture, with the box that the classifier was given.
        explained: what the classifier said of it.
        config: of the classifier.
        label: which of its labels; by default the likeliest.

    Returns:
        uint8 (H, W, 3).
    """
    chosen = int(explained.probabilities.argmax()) if label is None else label
    hot = replace(panel, heat=heat(explained, chosen, panel.sight(config.crop_fraction), config))
    order = [int(row) for row in np.argsort(-explained.probabilities, kind="stable") if row != chosen]
    others = ", ".join(f"{config.labels[row]} {explained.probabilities[row]:.1%}" for row in order[:_OTHERS])
    name = config.labels[chosen]
    silent = "" if explained.maps[chosen].any() else "; no place speaks for it"
    return draw(
        [hot],
        f"{config.label}: {name}, {explained.probabilities[chosen]:.1%}",
        f"by {config.name}; else {others}{silent}",
        Legend(f"evidence for {name} (Grad-CAM)", "none", "most"),
    )


def why_alike(left: Panel, right: Panel, decomposition: Decomposition, config: CropConfig) -> Pixels:
    """Where the similarity of two pictures' embeddings comes from, on one scale over both.

    Args:
        left: the first picture, with the box that the embedder was given.
        right: the second.
        decomposition: of their cosine.
        config: of the embedder.

    Returns:
        uint8 (H, W, 3).
    """
    grids = decomposition.left, decomposition.right
    most = max(float(grid.max()) for grid in grids)
    strongest = decomposition.strongest(_RINGS)
    places = [pair.left for pair in strongest], [pair.right for pair in strongest]
    panels = [
        _alike(panel, grid, most, rings, config)
        for panel, grid, rings in zip((left, right), grids, places, strict=True)
    ]
    cosine = decomposition.similarity
    against = min(float(np.minimum(grid, 0).sum()) for grid in grids)
    note = f"by {config.name}: the cosine of the two embeddings is the sum over the places of either picture."
    rings = " Rings of one number mark the pairs of places that give most." if strongest else ""
    spoken = (
        f" Places that speak against it, with {against:.2f} in all, stay without colour."
        if against < -0.005
        else ""
    )
    share = f"{most / cosine:.0%} of it" if cosine > 0 else f"{most:.3f}"
    legend = Legend("what a place gives to the similarity", "nothing", share)
    return draw(panels, f"similarity {cosine:.3f}", note + rings + spoken, legend)


def why_matched(
    left: Panel,
    right: Panel,
    matches: Matches,
    extents: tuple[tuple[int, int], tuple[int, int]],
    model: str,
    area_fraction: float = 1.0,
    most: int = MOST_LINES,
) -> Pixels:
    """The verified keypoint pairs of two pictures, as lines.

    Args:
        left: the first picture, with the box that the describer was given.
        right: the second.
        matches: of the two, in pixels of what was cut out.
        extents: width and height of what was cut out of each.
        model: what described them, for people.
        area_fraction: share of the boxes that was cut out.
        most: lines that are drawn, the strongest.

    Returns:
        uint8 (H, W, 3).
    """
    count = min(most, len(matches))
    ends = [
        panel.sight(area_fraction).to_photograph(points[:count], extent)
        for panel, points, extent in zip((left, right), (matches.left, matches.right), extents, strict=True)
    ]
    strongest = float(matches.weights.max(initial=0))
    strength = matches.weights[:count] / strongest if strongest > 0 else matches.weights[:count]
    number = f"{len(matches)} verified pair{'' if len(matches) == 1 else 's'} of keypoints"
    drawn = f". The {count} strongest are drawn" if count < len(matches) else ""
    note = (
        f"by {model}; they agree with one movement of the animal, and weigh {matches.evidence:.2f} together{drawn}"
    )
    if not count:
        return draw([left, right], number, f"by {model}: nothing in the two pictures agrees with one movement")
    legend = Legend("weight of a pair", "0", f"{strongest:.2f}", over_photograph=False)
    return draw([left, right], number, note, legend, Lines(ends[0], ends[1], strength))


def _alike(
    panel: Panel, grid: Floats, most: float, places: Sequence[tuple[float, float]], config: CropConfig
) -> Panel:
    """A picture with what its places give, as shares of the most; what speaks against it stays without colour."""
    sight = panel.sight(config.crop_fraction)
    speaking = np.maximum(grid, 0) / most if most > 0 else np.zeros_like(grid)
    rings = in_photograph(np.reshape(places, (-1, 2)), sight, config)
    return replace(
        panel,
        heat=spread_over(np.asarray(speaking, np.float32), sight, config),
        rings=[(float(x), float(y)) for x, y in rings],
    )
