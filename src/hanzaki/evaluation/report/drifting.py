"""The figure of how markings change with the years: one thin line an individual, and all of them together."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hanzaki.evaluation.report.figures import COLOURS, DASHES, INK, QUIET, as_svg, drawing, plain
from hanzaki.matching.drift import Drift

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = npt.NDArray[np.float64]

_SIZE = (5.6, 3.9)  # inches
_STEP = math.log(10)  # nats; ticks stand at powers of ten
_MOST_DOTS = 3000
_ROOM = 1.06  # right of the longest time
_MOST_NAMED = 6
_OWN = (COLOURS[1], COLOURS[2], COLOURS[3])  # of those that are named; the others have their meaning


def drift_figure(
    drift: Drift,
    years: npt.ArrayLike,
    ratios: npt.ArrayLike,
    named: Mapping[Hashable, str] | None = None,
) -> str:
    """How many times likelier two encounters of an animal are to be of one, by the years between them.

    The band is what the interval of the slope leaves open, seen from the usual time between two encounters.

    Args:
        drift: of the population and of each individual.
        years: (m,) between two encounters of one individual, for all that were compared; a dot each.
        ratios: (m,) their log likelihood ratios, in nats.
        named: individuals whose lines stand out, with their names.

    Returns:
        SVG.
    """
    gaps, values = (np.asarray(each, np.float64) for each in (years, ratios))
    longest = max(float(gaps.max(initial=0)), 1e-3)
    with drawing(_SIZE) as (figure, axes):
        shown = _some(len(gaps))
        axes.scatter(gaps[shown], values[shown], 4, color=COLOURS[4], linewidths=0, alpha=0.6, zorder=1)
        for name, own in drift.individuals.items():
            _line(axes, drift, own.years, name, color=QUIET, linewidth=0.7, alpha=0.7, zorder=2)
        for number, (name, text) in enumerate(_shown(drift, named or {})):
            look = {"color": _OWN[number % len(_OWN)], "linestyle": DASHES[1 + number % (len(DASHES) - 1)]}
            _line(axes, drift, drift.individuals[name].years, name, **look, linewidth=1.6, zorder=5, label=text)
        at = np.linspace(0, longest, 50)
        away, middle = at - drift.usual, drift.start + drift.slope * at
        low, high = middle + (drift.low - drift.slope) * away, middle + (drift.high - drift.slope) * away
        axes.fill_between(at, low, high, color=COLOURS[0], alpha=0.18, linewidth=0, zorder=3)
        _line(axes, drift, longest, None, color=COLOURS[0], linewidth=2.2, zorder=4, label="all together")
        axes.plot([], [], color=QUIET, linewidth=0.7, label="one animal each")
        axes.axhline(drift.strangers, color=COLOURS[5], linestyle="--", linewidth=1.2, label="two strangers")
        axes.axhline(0, color=INK, linewidth=0.6, zorder=0)
        axes.set_xlim(0, _ROOM * longest)
        axes.set_xlabel("years between two encounters of an animal")
        axes.set_ylabel("likelier to be one animal")
        _factors(axes)
        figure.legend(loc="outside upper left", ncols=3, handlelength=2.4)
        return as_svg(figure)


def _line(axes: Axes, drift: Drift, longest: float, individual: Hashable, **look: Any) -> None:
    at = np.linspace(0, longest, 20)
    axes.plot(at, drift.expected(at, individual), **look)


def _shown(drift: Drift, named: Mapping[Hashable, str]) -> list[tuple[Hashable, str]]:
    """The first of those that are named and have a line, with names that fit."""
    known = [(name, text) for name, text in named.items() if name in drift.individuals]
    return [(name, plain(textwrap.shorten(text, 28))) for name, text in known[:_MOST_NAMED]]


def _some(count: int) -> npt.NDArray[np.intp]:
    """Which dots are drawn: more than some thousands are a blot."""
    if count <= _MOST_DOTS:
        return np.arange(count)
    return np.random.default_rng(0).choice(count, _MOST_DOTS, replace=False)


def _factors(axes: Axes) -> None:
    """Ticks at powers of ten: 100 times, 10 times, as likely, 1/10, as many as there is room for."""
    low, high = (edge / _STEP for edge in axes.get_ylim())
    every = max(1, math.ceil((high - low) / 8))
    powers = [power for power in range(math.ceil(low), math.floor(high) + 1) if power % every == 0]
    axes.set_yticks([power * _STEP for power in powers], [_factor(power) for power in powers])


def _factor(power: int) -> str:
    if power == 0:
        return "as likely"
    number = f"{10 ** abs(power):,}" if abs(power) < 7 else f"10^{abs(power)}"
    return f"{number} times" if power > 0 else f"1/{number}"
