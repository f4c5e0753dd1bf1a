"""How long an animal is at an age."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

_SPREAD = 0.15  # of the logarithm of the asymptote: one animal in a thousand outgrows 118 cm


@dataclass(frozen=True)
class Growth:
    """An individual's growth curve after von Bertalanffy (1938): L(t) = L_inf - (L_inf - L_0) exp(-k t).

    The defaults are a plausible choice, not a fit: they make an animal about 30 cm long at 5 years and 60 to 70
    cm between 18 and 29 years, and let animals near 69 cm grow by about 5 mm a year. In the Ichikawa River,
    Hyogo, 337 *Andrias japonicus* caught again after more than five years had grown by 5.4 mm a year in the
    mean and 3.8 in the median, at a mean length of 69 cm (Ecological Society of Japan, 61st annual meeting,
    2014, abstract F0-07).

    Attributes:
        asymptote: L_inf, the length in cm that it approaches.
        rate: k, per year.
        hatchling: L_0, its length in cm when it hatches.
    """

    asymptote: float = 75.0
    rate: float = 0.09
    hatchling: float = 3.0

    def __post_init__(self) -> None:
        if not (0.0 < self.hatchling < self.asymptote and self.rate > 0.0):
            raise ValueError(
                f"{self} does not grow: give a hatchling shorter than the asymptote, and a rate above 0."
            )

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Growth:
        """Draws an individual's curve: its asymptote is log-normal about the default, the rate is everybody's."""
        return cls(asymptote=cls.asymptote * float(np.exp(_SPREAD * rng.standard_normal())))

    def length(self, age: npt.ArrayLike) -> npt.NDArray[Any]:
        """Gives the total length in cm at ages in years; of the shape of `age`."""
        grown = np.exp(-self.rate * np.asarray(age, np.float64))
        return np.asarray(self.asymptote - (self.asymptote - self.hatchling) * grown)
