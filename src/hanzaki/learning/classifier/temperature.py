"""Temperature scaling: one number that makes a classifier's probabilities mean what they say.

Guo, Pleiss, Sun and Weinberger 2017, "On calibration of modern neural networks", section 4.2: the logits are
divided by T, which is chosen by the negative log likelihood of pictures that were not learnt from. It changes no
label.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

Floats = npt.NDArray[np.float64]

#: Between which a temperature is looked for: where all is told right, the likelihood has no end towards zero.
LOWEST, HIGHEST = 0.05, 20.0


def log_loss(logits: Floats, truth: npt.NDArray[np.integer], temperature: float = 1.0) -> float:
    """Mean negative log likelihood of what is true, in nats.

    Args:
        logits: (n, c), at least one row.
        truth: (n,), the column of each true label.
        temperature: that the logits are divided by.
    """
    scaled = logits / temperature
    return float((logsumexp(scaled, axis=1) - scaled[np.arange(len(truth)), truth]).mean())


def fitted_temperature(logits: Floats, truth: npt.NDArray[np.integer]) -> float:
    """The temperature at which what is true is likeliest, from :data:`LOWEST` to :data:`HIGHEST`.

    The negative log likelihood is convex in 1/T, so that there is one minimum and a bounded search finds it.

    Args:
        logits: float64 (n, c), finite.
        truth: int (n,), the column of each true label.

    Returns:
        1 where nothing can be fitted, for want of pictures, or because no temperature does better.
    """
    if not len(logits):
        return 1.0
    found = minimize_scalar(
        lambda logarithm: log_loss(logits, truth, math.exp(logarithm)),
        bounds=(math.log(LOWEST), math.log(HIGHEST)),
        method="bounded",
        options={"xatol": 1e-6},
    )
    temperature = math.exp(float(found.x))
    return temperature if log_loss(logits, truth, temperature) < log_loss(logits, truth) else 1.0


def cautious_temperature(logits: Floats, truth: npt.NDArray[np.integer]) -> float:
    """As :func:`fitted_temperature`, but 1 where every picture is told right.

    Then the likelihood only grows as the temperature falls, to a certainty that a handful of pictures cannot bear
    out.
    """
    if bool((logits.argmax(axis=1) == truth).all()):
        return 1.0
    return fitted_temperature(logits, truth)
