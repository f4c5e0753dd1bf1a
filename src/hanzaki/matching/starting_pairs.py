"""The tempering that a pile begins with, where a catalogue has too few named animals to learn its own.

How far sums of pairwise log odds can be trusted depends on the species and the pictures. Numbers learnt from other
animals are a beginning and no more; they stand in ``starting_pairs.json``, with what they were fitted on, and are
written by ``python -m benchmarks.piles FOLDER --start``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt

from hanzaki.matching.odds import PairOdds
from hanzaki.matching.tempering import Tempering, fit_tempering


def starting_tempering() -> Tempering:
    """The tempering to begin with."""
    values = _read()
    return Tempering(float(values["trust"]), float(values["shift"]), int(values["individuals"]))


def tempered_on() -> tuple[str, ...]:
    """The animals that it was fitted on, in words."""
    return tuple(_read()["fitted_on"]["animals"])


def fit_jointly(piles: Mapping[str, tuple[PairOdds, Sequence[str]]]) -> Tempering:
    """One tempering of several piles, whose animals have nothing to do with each other.

    Args:
        piles: by name, the log odds of a pile's pairs and whom its items are of.

    Raises:
        ValueError: if lengths differ.
    """
    parts: list[tuple[npt.NDArray[Any], ...]] = [(np.empty(0),) * 3]
    individuals: list[tuple[str, str]] = []
    for name, (odds, own) in piles.items():
        one, other = np.triu_indices(odds.items, 1)  # all are listed, since what is not listed differs by pile
        parts.append((one + len(individuals), other + len(individuals), odds.matrix()[one, other]))
        individuals += [(name, individual) for individual in own]
    first, second, log_odds = (np.concatenate(part) for part in zip(*parts, strict=True))
    return fit_tempering(PairOdds.listed(len(individuals), first, second, log_odds), individuals)


@cache
def _read() -> dict[str, Any]:
    text = files("hanzaki.matching").joinpath("starting_pairs.json").read_text("utf-8")
    return dict(json.loads(text))
