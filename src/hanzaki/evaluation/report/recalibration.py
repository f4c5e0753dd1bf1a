"""The page of ``hanzaki calibrate``: whether what is called 90% sure is right nine times in ten."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from hanzaki.errors import BadMedium
from hanzaki.evaluation.identification import Identified
from hanzaki.evaluation.recalibration import Calibrated, Level, Recalibration
from hanzaki.evaluation.report.charts import percent, with_interval
from hanzaki.evaluation.report.figures import reliability_diagram
from hanzaki.evaluation.report.page import Figure, Headline, Section, Table, render_page
from hanzaki.evaluation.report.report import MOST_BAD, bad_table, count, prepare_report, write_files

FIGURE = "reliability.svg"

#: What to do where the calibration before heeded a drift.
MEASURE_AGAIN = (
    "How markings change with the years was measured by the calibration before and no longer counts: run "
    "`hanzaki drift --keep` again."
)


def write_calibration_page(folder: Path, catalogue: str, done: Calibrated) -> Path:
    """Write ``index.html`` and, if anything could be learnt, its figure; an older page there is replaced.

    Args:
        folder: made if need be.
        catalogue: its name.
        done: what was found.

    Returns:
        The page.

    Raises:
        ModelError: if the extra ``learn`` is not installed.
        SettingError: if it cannot be written there.
    """
    prepare_report(folder)
    title = f"Are the probabilities of {catalogue} true?"
    facts = [*facts_of(done).items(), ("program", f"hanzaki {version('hanzaki')}")]
    table, found = Table(("", ""), facts, text=2), done.found
    if found is None:
        little = Section("There is too little to learn from", [*done.needed, "Nothing was changed."])
        sections = [little, Section("What there is", table=table), *_skipped(done.skipped)]
        return write_files(folder, render_page(title, sections), {}, (FIGURE,))
    figure = _figure(found)
    sections = [
        Section("What was asked", [_asked(found.kept.judged)], table=table),
        Section("Are you told the truth?", _levels(found), figure, _level_table(found.kept.levels)),
        Section("Before and after", [verdict(found), _measures_told(found)], table=measure_table(found)),
        _what_next(done.drift_undone),
        *_skipped(done.skipped),
        Section("Files beside this page", files=[(FIGURE, "the figure by itself")]),
    ]
    page = render_page(title, sections, headlines=_headlines(found.kept.judged))
    return write_files(folder, page, {FIGURE: figure.svg})


def facts_of(done: Calibrated) -> dict[str, str]:
    """What was asked of what, in words, by their headings."""
    drawn = "" if done.asked == done.decided else f", {done.asked:,} of them were asked again"
    came = f"{done.newcomers:,} of {done.later:,} encounters of the later half were with animals not met before"
    why = "as you say" if done.prior_told else came if done.later else "no encounter has a day that would tell"
    return {
        "compared with": " and ".join(done.evidence),
        "named by people or tables": count(done.decided, "encounter") + drawn,
        "animals": f"{done.individuals:,}, of which {done.met_again:,} were met again",
        "a new animal, before anything is looked at": f"{percent(done.prior_new)}: {why}",
    }


def verdict(found: Recalibration) -> str:
    """Which of the two is kept, and why, as a sentence."""
    value, low, high = found.gain
    nats = f"{value:+.3f} ({low:+.3f} to {high:+.3f}) nats an encounter"
    if found.learnt:
        doubt = "" if low > 0 else "; with so few animals that may be chance, and more decisions will tell"
        return (
            "What was learnt from your decisions is kept: on animals that it did not learn from it is truer, "
            f"{nats}{doubt}."
        )
    return (
        "What hanzaki began with is kept: what could be learnt from your decisions was not truer on animals that "
        f"it did not learn from, {nats}."
    )


def sentence(level: Level) -> str:
    """How often such answers were right, as ``of 40 answers given 90 to 95%, 37 were right``."""
    given = (
        f"over {100 * level.least:g}%" if level.most == 1 else f"{100 * level.least:g} to {100 * level.most:g}%"
    )
    were = "was" if level.right == 1 else "were"
    return f"of {count(level.answers, 'answer')} given {given}, {level.right:,} {were} right"


def measure_table(found: Recalibration) -> Table:
    """Each measure of what hanzaki began with, and of what was learnt, with 95% intervals."""
    both = [_measures(answered.judged) for answered in (found.before, found.after)]
    return Table(
        ("", "as it began", "learnt from you"), [[name, both[0][name], both[1][name]] for name in both[0]]
    )


def _measures(judged: Identified) -> dict[str, str]:
    named = {
        f"animal known: named rightly where {100 * rate:g}% of new ones get a name": with_interval(share)
        for rate, share in judged.correct.items()
    }
    area, low, high = judged.auroc
    return {
        "animal known: it comes first (top-1)": with_interval(judged.first),
        "right, “somebody new” among the answers": with_interval(judged.right),
        "new told from known (AUROC)": f"{area:.3f} ({low:.3f} to {high:.3f})",
        **named,
        "how far the probabilities are off (ECE)": with_interval(judged.calibration.measures["ece"]),
        "the same, if all were exactly true": percent(judged.error_by_chance),
    }


def _asked(judged: Identified) -> str:
    return (
        f"Encounters that people or tables had named were asked again: {count(judged.known, 'time')} with the "
        f"animal's other encounters in the catalogue, and {count(judged.new, 'time')} with all of the animal left "
        "out, as if it were new. No animal was judged by what was learnt from it."
    )


def _levels(found: Recalibration) -> list[str]:
    told = [sentence(level) for level in found.kept.levels]
    said = "; ".join(told)
    return [
        f"{said[:1].upper()}{said[1:]}.",
        "True probabilities are right as often as they say. With few answers chance plays a part: the lines in "
        "the figure reach as far as chance alone may have moved the dots.",
    ]


def _figure(found: Recalibration) -> Figure:
    before = found.before.reliability if found.learnt else None
    caption = "How often answers were right, by how sure they were; lines are 95% intervals."
    if found.learnt:
        caption += " Before: as it began; after: learnt from the catalogue's own decisions."
    return Figure(reliability_diagram(found.kept.reliability, before), caption)


def _level_table(levels: Sequence[Level]) -> Table:
    rows = [
        [
            f"{100 * level.least:g} to {100 * level.most:g}%",
            f"{level.answers:,}",
            percent(level.said),
            f"{level.right:,}",
            percent(level.right / level.answers),
        ]
        for level in levels
    ]
    return Table(("sure", "answers", "said, on average", "right", "were right"), rows)


def _measures_told(found: Recalibration) -> str:
    return (
        "The error of probabilities is never nought: with so many answers, exactly true ones would show "
        f"{percent(found.kept.judged.error_by_chance)} by chance. Intervals come from drawing the animals again. "
        f"Both were told that {percent(found.asked_new)} of what was asked were new animals, as they were here; "
        "in daily work the prior of a new animal stands in its place."
    )


def _what_next(drift_undone: bool) -> Section:
    return Section(
        "What it is good for",
        [
            "From now on `hanzaki identify` goes by this calibration wherever the same models compare. It holds "
            "for photographs like those that it was learnt from: calibrate again after a season, with a new "
            "camera or a new model, and when the names of many encounters were put right.",
            *([MEASURE_AGAIN] if drift_undone else []),
        ],
    )


def _skipped(skipped: Sequence[BadMedium]) -> list[Section]:
    if not skipped:
        return []
    words = f"{count(len(skipped), 'encounter or picture', 'encounters or pictures')} could not be used"
    more = f"; the first {MOST_BAD}:" if len(skipped) > MOST_BAD else ":"
    return [Section("What was left out", [words + more], table=bad_table(skipped))]


def _headlines(judged: Identified) -> list[Headline]:
    names = {
        "it comes first, where the animal is known": judged.first,
        "right, “somebody new” among the answers": judged.right,
        "off, on average (ECE)": judged.calibration.measures["ece"],
    }
    return [
        Headline(percent(value), "" if low != low else f"{percent(low)} to {percent(high)}", name)
        for name, (value, low, high) in names.items()
    ]
