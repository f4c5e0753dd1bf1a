"""The figures of reports and experiments, in one style: SVG text, the same bytes every time.

Colours are those of Okabe & Ito (2008, Color universal design), which colour-blind people tell apart; shapes,
dashes and hatching tell the same in grey print. Nothing here touches matplotlib's global figures.
"""

from __future__ import annotations

import io
import textwrap
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hanzaki.evaluation.calibration import Reliability
from hanzaki.extra import learning

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]

#: Okabe-Ito, in an order in which neighbours differ in lightness too; black is the text's.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")
INK, QUIET, FAINT = "#22303a", "#66727a", "#dfe3e6"
DASHES = ("-", "--", "-.", ":")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_HATCHES = ("", "////", "....", "xx", "\\\\\\\\", "++", "oo")

#: What readers' machines have; figures are laid out with the wider DejaVu Sans, which matplotlib brings along.
_FONTS = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"
_LAID_OUT_WITH = "'DejaVu Sans', sans-serif"

_WIDTH, _HEIGHT = 5.6, 3.3  # inches
_WIDEST = 11.0
_MOST_LEVEL_LABELS = 6  # more labels than these are set aslant
_LABEL_LETTERS = 13
_MOST_NUMBERED = 26  # classes of a confusion matrix whose cells have room for their counts
_NAMED = len(COLOURS)  # individuals that a map shows in colours of their own

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "hanzaki",
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": QUIET,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.8,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "hatch.linewidth": 0.7,
    "figure.facecolor": "white",
    "text.parse_math": False,  # a name may have dollar signs
    "axes.unicode_minus": True,
}


def grouped_bars(
    labels: Sequence[str],
    series: Mapping[str, Sequence[tuple[float, float, float]]],
    *,
    ylabel: str,
    percent: bool = True,
) -> str:
    """Bars with intervals, side by side in groups.

    Args:
        labels: of the groups.
        series: by name, each group's value, low and high; NaN leaves a gap.
        ylabel: what the bars are of, with its unit.
        percent: values are fractions and are shown from 0 to 100%.

    Returns:
        SVG.

    Raises:
        ValueError: if a series has not one bar a group.
    """
    if any(len(bars) != len(labels) for bars in series.values()):
        raise ValueError(f"each series needs a bar for each of the {len(labels)} labels")
    size = (min(_WIDEST, max(_WIDTH, 1.2 + 0.32 * len(labels) * (len(series) + 0.6))), _HEIGHT)
    with drawing(size) as (figure, axes):
        middle, width = np.arange(len(labels), dtype=np.float64), 0.8 / max(1, len(series))
        for number, (name, bars) in enumerate(series.items()):
            value, low, high = np.asarray(bars, np.float64).reshape(-1, 3).T
            at: Floats = middle + width * (number - (len(series) - 1) / 2)
            hatch, colour = _HATCHES[number % len(_HATCHES)], COLOURS[number % len(COLOURS)]
            there = np.isfinite(value)
            axes.bar(
                at[there], value[there], 0.92 * width, color=colour, edgecolor="white", linewidth=0, hatch=hatch
            )
            axes.bar(
                0, 0, 0, label=name, color=colour, edgecolor="white", linewidth=0, hatch=hatch
            )  # the legend's
            _whiskers(axes, at, value, low, high)
        room = max(3, len(labels)) / 2 + 0.1  # one bar alone should not be a wall
        axes.set_xlim((len(labels) - 1) / 2 - room, (len(labels) - 1) / 2 + room)
        _label_groups(axes, labels)
        axes.set_ylabel(ylabel)
        axes.grid(axis="y")
        axes.tick_params(axis="x", length=0)
        _from_zero(axes, percent=percent)
        _legend(figure, axes, len(series))
        return as_svg(figure)


def curves(
    series: Mapping[str, Sequence[tuple[float, float, float, float]]],
    *,
    xlabel: str,
    ylabel: str,
    percent: bool = True,
) -> str:
    """Curves with bands of their intervals.

    Args:
        series: by name, the points x, value, low, high; a NaN value leaves a gap, a NaN interval no band.
        xlabel: of the horizontal axis.
        ylabel: of the vertical axis.
        percent: values are fractions and are shown from 0 to 100%.

    Returns:
        SVG.
    """
    with drawing((_WIDTH, _HEIGHT)) as (figure, axes):
        for number, (name, points) in enumerate(series.items()):
            x, value, low, high = np.array(points, np.float64).reshape(-1, 4).T
            colour = COLOURS[number % len(COLOURS)]
            few = len(x) <= 30
            axes.plot(
                x,
                value,
                color=colour,
                label=name,
                linestyle=DASHES[number % len(DASHES)],
                marker=_MARKERS[number % len(_MARKERS)] if few else None,
                markersize=4,
            )
            axes.fill_between(x, low, high, color=colour, alpha=0.18, linewidth=0)
        axes.set_xlabel(xlabel)
        axes.set_ylabel(ylabel)
        axes.grid(axis="y")
        _from_zero(axes, percent=percent)
        _legend(figure, axes, len(series))
        return as_svg(figure)


def confusion(matrix: npt.NDArray[np.integer], labels: Sequence[str]) -> str:
    """A confusion matrix: counts in the cells, coloured by their share of the row.

    Args:
        matrix: (c, c) counts; rows are the truth, columns what was said.
        labels: of the c classes.

    Returns:
        SVG; with many classes the cells have no room for their counts, and show the colour alone.

    Raises:
        ValueError: if there is not a row and a column a label.
    """
    counts = np.asarray(matrix)
    if counts.shape != (len(labels), len(labels)):
        raise ValueError(f"{len(labels)} labels, but a matrix of {counts.shape}")
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)
    side = min(_WIDEST, max(3.6, 1.6 + 0.42 * len(labels)))
    with drawing((side + 0.4, side)) as (figure, axes):
        axes.pcolormesh(shares, cmap="Blues", vmin=0, vmax=1, edgecolors="white", linewidth=0.5)
        axes.invert_yaxis()
        axes.set_aspect("equal")
        if len(labels) <= _MOST_NUMBERED:
            for (row, column), count in np.ndenumerate(counts):
                ink = "white" if shares[row, column] > 0.55 else INK if count else QUIET
                axes.text(column + 0.5, row + 0.5, str(count), ha="center", va="center", color=ink, fontsize=9)
        places = np.arange(len(labels)) + 0.5
        slant = {} if max(map(len, labels), default=0) <= 4 else {"rotation": 40, "ha": "right"}
        axes.set_xticks(places, [plain(label) for label in labels], **slant)
        axes.set_yticks(places, [plain(label) for label in labels])
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set_xlabel("taken for")
        axes.set_ylabel("truly")
        return as_svg(figure)


def reliability_diagram(reliability: Reliability, before: Reliability | None = None) -> str:
    """How often it was right (dots, with Wilson intervals) where it was so sure, above how often it was so sure.

    Args:
        reliability: bins, as :func:`hanzaki.evaluation.calibration.reliability` gives them.
        before: the same before the probabilities were set right; drawn paler, without intervals.

    Returns:
        SVG.
    """
    with drawing((_WIDTH, 4.6), rows=(3.2, 1)) as (figure, (axes, below)):
        axes.plot([0, 1], [0, 1], color=QUIET, linestyle="--", linewidth=1, label="as often right as said")
        at, value = reliability.confidence, reliability.accuracy
        if before is not None:
            axes.plot(before.confidence, before.accuracy, color=COLOURS[1], marker="s", markersize=5,
                      linewidth=1.2, linestyle=":", label="before")  # fmt: skip
        _whiskers(axes, at, value, reliability.low, reliability.high)
        label = "measured" if before is None else "after"
        axes.plot(at, value, color=COLOURS[0], marker="o", markersize=6, linewidth=1.2, label=label)
        axes.set_ylabel("was right")
        axes.set_ylim(0, 1.02)
        axes.grid()
        _percent(axes.yaxis)
        _counts(below, reliability, before)
        _legend(figure, axes, 2)
        return as_svg(figure)


def _counts(axes: Axes, reliability: Reliability, before: Reliability | None) -> None:
    """How many answers were so sure: bars, and the outline of those before."""
    widths = reliability.edges[:, 1] - reliability.edges[:, 0]
    axes.bar(reliability.edges[:, 0], reliability.count, 0.94 * widths, align="edge", color=COLOURS[4])
    for left, width, count in zip(reliability.edges[:, 0], widths, reliability.count, strict=True):
        middle = (left + width / 2, count)
        axes.annotate(f"{count:,}", middle, (0, 2), textcoords="offset points", ha="center", fontsize=8, color=INK)
    highest = max(reliability.count.tolist(), default=1)
    if before is not None:
        wide = before.edges[:, 1] - before.edges[:, 0]
        axes.bar(before.edges[:, 0], before.count, 0.94 * wide, align="edge", fill=False, edgecolor=COLOURS[1],
                 linestyle=":", linewidth=1.2)  # fmt: skip
        highest = max(highest, *before.count.tolist())
    axes.set_ylim(0, 1.3 * highest)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_ylabel("queries")
    axes.set_xlabel("said probability of being right")
    axes.set_xlim(0, 1)
    _percent(axes.xaxis)


def embedding_map(xy: Floats, identities: Sequence[str | None], right: Floats) -> str:
    """A map of annotations, like beside like; the individuals with most annotations have colours and shapes.

    Args:
        xy: (n, 2) places.
        identities: of each annotation; None = nobody known.
        right: (n,) 1 where the annotation was found (filled), 0 where it was missed (hollow), NaN where it was not
            asked about (a small dot).

    Returns:
        SVG.
    """
    names = [None if identity is None else str(identity) for identity in identities]
    counts: dict[str, int] = {}
    for name in names:
        if name is not None:
            counts[name] = counts.get(name, 0) + 1
    shown = [name for name in sorted(counts, key=lambda name: (-counts[name], name)) if counts[name] > 1][:_NAMED]
    group = np.array([shown.index(name) if name in shown else -1 for name in names], np.intp)
    wide, high = np.ptp(xy, axis=0) if len(xy) else (1.0, 1.0)
    shape = float(np.clip(high / wide, 0.5, 1.2)) if wide else 1.0  # otherwise much of the paper stays empty
    with drawing((_WIDTH, _WIDTH * shape + 0.5)) as (figure, axes):
        for number in range(-1, len(shown)):
            inside = group == number
            label = "others" if number < 0 else shown[number]
            _scatter(axes, xy, inside, right, number, label)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(False)
        axes.set_aspect("equal", adjustable="datalim")
        _legend(figure, axes, len(shown) + 1)
        return as_svg(figure)


def _scatter(
    axes: Axes, xy: Floats, inside: npt.NDArray[np.bool_], right: Floats, number: int, label: str
) -> None:
    colour, marker = (QUIET, "o") if number < 0 else (COLOURS[number], _MARKERS[number])
    found, missed, unasked = inside & (right == 1), inside & (right == 0), inside & np.isnan(right)
    common: dict[str, Any] = {"marker": marker, "zorder": 2 if number < 0 else 3}
    size = 14 if number < 0 else 34
    axes.scatter(
        xy[found, 0],
        xy[found, 1],
        size,
        color=colour,
        edgecolors="none" if number < 0 else INK,
        linewidths=0.4,
        **common,
    )
    axes.scatter(
        xy[missed, 0], xy[missed, 1], size, facecolors="white", edgecolors=colour, linewidths=1.1, **common
    )
    axes.scatter(xy[unasked, 0], xy[unasked, 1], 5, color=colour, linewidths=0, marker="o", zorder=1)
    if inside.any():
        axes.scatter([], [], color=colour, s=30, marker=marker, label=plain(textwrap.shorten(label, 28)))


def _whiskers(axes: Axes, at: Floats, value: Floats, low: Floats, high: Floats) -> None:
    there = np.isfinite(value) & np.isfinite(low) & np.isfinite(high)
    axes.vlines(at[there], low[there], high[there], color=INK, linewidth=1.1, zorder=3)


def _label_groups(axes: Axes, labels: Sequence[str]) -> None:
    if len(labels) > _MOST_LEVEL_LABELS:
        axes.set_xticks(range(len(labels)), [plain(label) for label in labels], rotation=40, ha="right")
        axes.tick_params(axis="x", labelsize=9)
    else:
        axes.set_xticks(range(len(labels)), [plain(textwrap.fill(label, _LABEL_LETTERS)) for label in labels])


def plain(text: str) -> str:
    """XML takes no control characters."""
    return "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in text)


def _from_zero(axes: Axes, *, percent: bool) -> None:
    axes.set_ylim(bottom=0)
    if percent:
        axes.set_ylim(top=min(1.02, axes.get_ylim()[1]))
        _percent(axes.yaxis)


def _percent(axis: Any) -> None:
    from matplotlib.ticker import PercentFormatter

    axis.set_major_formatter(PercentFormatter(1, decimals=None))


def _legend(figure: Figure, axes: Axes, entries: int) -> None:
    if entries > 1:
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper left", ncols=min(4, entries), handlelength=2.4)


@contextmanager
def drawing(size: tuple[float, float], rows: tuple[float, ...] = ()) -> Iterator[tuple[Figure, Any]]:
    """A figure and its axes (one above the other, of these heights), in our style, which ends with the block."""
    with learning():
        import matplotlib
        from matplotlib.figure import Figure

    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # a user's own style file must not change our figures
        matplotlib.rcParams.update(_STYLE)
        figure = Figure(figsize=size, layout="constrained")
        if rows:
            yield figure, figure.subplots(len(rows), 1, sharex=True, height_ratios=rows)
        else:
            yield figure, figure.subplots()


def as_svg(figure: Figure) -> str:
    """What was drawn, as SVG text."""
    file = io.StringIO()
    unsaid = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with warnings.catch_warnings():
        # a name in another script is laid out with boxes, but shown with the reader's own fonts
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(file, format="svg", metadata=unsaid)
    return file.getvalue().replace(_LAID_OUT_WITH, _FONTS)
