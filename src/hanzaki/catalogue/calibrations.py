"""What scores are worth, as it was learnt on a catalogue's own decisions, kept by the evidence that it weighs.

A calibration counts for exactly the models that it was learnt with: another model's scores are worth something
else. Rows are added and never changed, so that an earlier answer can still be told from a later one. Where
somebody took back what was learnt, a row says so, lest it be learnt again behind their back.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hanzaki.catalogue import decisions
from hanzaki.catalogue.tables import Calibration

#: By how many times decisions have grown when what was learnt from them is old.
GROWN = 1.5

#: In the report of a calibration that was learnt beside other work, and that nobody has judged.
BESIDE = "beside"

_FORGOTTEN = "forgotten"  # likewise, of a row that stands where calibrations were taken back
_TEACHERS = (decisions.PERSON, decisions.TABLE)


def keep(
    session: Session,
    evidence: Collection[str],
    fusion: Mapping[str, Any],
    prior_new: float,
    *,
    who: str,
    report: Mapping[str, Any],
    drift: Mapping[str, Any] | None = None,
) -> Calibration:
    """Keep a calibration; it counts from now on.

    Args:
        session: to write with.
        evidence: names of the kinds of evidence that it weighs, in any order.
        fusion: as :meth:`hanzaki.matching.choice.Fusion.as_json` gives it.
        prior_new: probability that an animal is new, before it is looked at.
        who: made it.
        report: what cross-validation said, as JSON takes it.
        drift: how markings change with the years, as JSON takes it; None where that was not measured.
    """
    row = Calibration(
        who=who,
        evidence=sorted(evidence),
        fusion=dict(fusion),
        prior_new=prior_new,
        report=dict(report),
        drift=None if drift is None else dict(drift),
    )
    session.add(row)
    session.flush()
    return row


def newest(session: Session, evidence: Collection[str]) -> Calibration | None:
    """The calibration that counts for exactly these kinds of evidence; None if there is none or none any more."""
    row = next(iter(_of(session, evidence)), None)
    return None if row is None or _FORGOTTEN in row.report else row


def forget(session: Session, evidence: Collection[str]) -> int:
    """Take all calibrations of exactly these kinds of evidence back, as if there had never been any.

    Returns:
        how many there were.
    """
    rows = _of(session, evidence)
    for row in rows:
        session.delete(row)
    return sum(_FORGOTTEN not in row.report for row in rows)


def mark_forgotten(session: Session, evidence: Collection[str], *, who: str) -> None:
    """Write down that somebody wants no calibration of these kinds of evidence; the next that is kept ends it."""
    keep(session, evidence, {}, 0.5, who=who, report={_FORGOTTEN: True})


def is_forgotten(session: Session, evidence: Collection[str]) -> bool:
    """Whether somebody took back what was learnt of these kinds of evidence, and nothing was kept since."""
    row = next(iter(_of(session, evidence)), None)
    return row is not None and _FORGOTTEN in row.report


def teaching(session: Session) -> list[int]:
    """The encounters that teach: those with an individual by the word of a person or of a table."""
    return [number for number, (origin, _) in decisions.words(session).items() if origin in _TEACHERS]


def _of(session: Session, evidence: Collection[str]) -> list[Calibration]:
    """The calibrations of exactly these kinds of evidence, the newest first."""
    wanted = sorted(evidence)
    rows = session.scalars(select(Calibration).order_by(Calibration.id.desc()))
    return [row for row in rows if row.evidence == wanted]
