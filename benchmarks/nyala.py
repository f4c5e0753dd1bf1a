"""The nyala of the real photographs beside the project, and how their animals are halved."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

SHARED = Path(__file__).parents[2] / "shared"
TABLE = SHARED / "data" / "nyala" / "annotations.csv"


def tested_half(identities: Iterable[str]) -> set[str]:
    """The half of the animals that figures are given of, in every benchmark; recipes choose on the other."""
    animals = sorted(set(identities))
    return set(np.random.default_rng(0).permutation(animals)[: len(animals) // 2].tolist())
