"""The fusion that a catalogue begins with, before its own decisions teach it a better one.

How much a score is worth depends on the species, the pictures and the gallery, so that numbers learnt from other
animals are a beginning and no more. Those of each kind of evidence stand in ``starting.json``, with what they were
fitted on; a model that was measured on its own species brings its own on its card.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from hanzaki.matching.choice import Fusion, Weighed
from hanzaki.matching.likelihood import ScoreLikelihood


def starting_fusion(cards: Mapping[str, Mapping[str, Any] | None] | None = None) -> Fusion:
    """The fusion to begin with.

    Args:
        cards: by name of the evidence, what its model's card says that its scores are worth
            (:meth:`ScoreLikelihood.as_json <hanzaki.matching.likelihood.ScoreLikelihood.as_json>`); None where it
            says nothing, and its kind counts.

    Raises:
        ValueError: if a card's calibration cannot be read.
    """
    usual = _usual()
    own = {name: _weighed(name, card) for name, card in (cards or {}).items() if card}
    return Fusion({**usual.evidence, **own}, usual.bias, usual.fitted_on)


def _weighed(name: str, card: Mapping[str, Any]) -> Weighed:
    try:
        return Weighed(float(card.get("weight", 1.0)), ScoreLikelihood.from_json(dict(card)))
    except (ValueError, TypeError) as error:
        raise ValueError(f"the calibration on the card of {name}: {error}") from error


@cache
def _usual() -> Fusion:
    text = files("hanzaki.matching").joinpath("starting.json").read_text("utf-8")
    return Fusion.from_json(json.loads(text))
