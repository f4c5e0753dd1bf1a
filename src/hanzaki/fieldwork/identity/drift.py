"""How markings change with the years, learnt from the animals that were met again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import pandas as pd

from hanzaki.catalogue import calibrations
from hanzaki.catalogue.catalogue import Catalogue
from hanzaki.errors import BadMedium, CatalogueError
from hanzaki.fieldwork.identity.matcher import Matcher
from hanzaki.fieldwork.identity.method import Method, describe_all_of
from hanzaki.fieldwork.named import individual_called
from hanzaki.fieldwork.progress import Progress, silent
from hanzaki.matching.drift import LEAST_DIFFERENCE, Drift, fit_drift
from hanzaki.matching.odds import PairOdds
from hanzaki.settings import who

#: Encounters that are compared, at most; all with all, so that work grows with their square.
MOST = 1500

#: What a drift takes to be kept: animals that were met again, and years between two encounters of one.
LEAST, LEAST_YEARS = 10, 2.0

_YEAR = 365.25  # days
_AGAIN = "tell when they were met (the table's column date), or name more animals that were met again"


@dataclass(frozen=True, eq=False)
class Drifting:
    """How the markings of a catalogue's animals change with the years.

    Attributes:
        drift: of all together, and of each individual by its number; log odds are log likelihood ratios, in nats.
        names: of those individuals, and of whoever was asked about, by number.
        asked: numbers of the individuals that were asked about; all that were met again if nobody was named.
        pairs: a row for each two encounters of one individual: ``individual encounter other years ratio``.
        models: what compared them.
        calibrated: what their likelihood ratios rest on.
        left_out: encounters of animals that were met again, for which there was no room.
        skipped: photographs that could not be described.
    """

    drift: Drift
    names: Mapping[int, str]
    asked: tuple[int, ...]
    pairs: pd.DataFrame
    models: tuple[str, ...]
    calibrated: str
    left_out: int = 0
    skipped: tuple[BadMedium, ...] = ()

    @property
    def seen(self) -> bool:
        """Whether markings change beyond what chance does: the interval of the slope lies below 0."""
        return self.drift.high < 0

    @property
    def longest(self) -> float:
        """Years between two encounters of one individual, at most."""
        return float(self.pairs["years"].max())


def learn_drift(
    catalogue: Catalogue,
    method: Method,
    individuals: Sequence[str] = (),
    *,
    most: int = MOST,
    keep: bool = False,
    progress: Progress = silent,
) -> Drifting:
    """Learn how the markings of a catalogue's named animals change with the years.

    All encounters of animals that were met again are compared with one another, those of one animal and those of
    strangers, and :func:`~hanzaki.matching.drift.fit_drift` is told how alike they are and how many years apart.
    What the machine named takes no part: it names whom it finds alike, and would teach that markings never change.

    Args:
        catalogue: whose animals.
        method: how they are compared.
        individuals: names of those that are asked about; learnt is from all.
        most: encounters to compare, at most; which animals are left out, the lot decides.
        keep: let answers heed it from now on, with the method's newest calibration.
        progress: told how far it is.

    Raises:
        CatalogueError: if there is no individual of a name, no two encounters of one animal with a known time can
            be compared, all are equally far apart, or there is one animal only; or it is to be kept, and there is
            no calibration to keep it with, or it is not sure enough.
        DecisionError: if there are several of a name.
        KeyboardInterrupt: if the user stops it; what was described by then is kept.
    """
    with catalogue.reading() as session:
        told = calibrations.teaching(session)
        named = {individual_called(session, name).id: name for name in individuals}
        if keep and calibrations.newest(session, method.names) is None:
            raise CatalogueError("there is no calibration to keep it with: run `hanzaki calibrate` first")
    described = describe_all_of(catalogue, method, progress)
    if described.interrupted:
        raise KeyboardInterrupt  # a drift of half of the animals would look like one of all
    matcher = Matcher(catalogue, method)
    again = met_again(matcher.table[matcher.table["encounter"].isin(told)])
    chosen = some_of(again, most)
    encounters = chosen["encounter"].tolist()
    odds = _told(matcher.pair_odds(encounters, neighbours=max(1, len(encounters) - 1), progress=progress))
    pairs = own_pairs(odds, chosen)
    _check(pairs, chosen)
    drift = fit_drift(odds, chosen["individual_id"].tolist(), chosen["when"].to_numpy(np.float64))
    names = dict(zip(chosen["individual_id"].tolist(), chosen["individual"].tolist(), strict=True)) | named
    by_name = sorted(set(names).intersection(drift.individuals), key=lambda number: (names[number], number))
    found = Drifting(
        drift=drift,
        names=names,
        asked=tuple(named or by_name),
        pairs=pairs,
        models=method.names,
        calibrated=matcher.calibrated,
        left_out=len(again) - len(chosen),
        skipped=tuple(described.skipped),
    )
    if keep:
        keep_drift(catalogue, found)
    return found


def keep_drift(catalogue: Catalogue, found: Drifting) -> None:
    """Let answers heed how markings change: a calibration like the newest of these models, with the drift.

    The next calibration begins without it, since likelihood ratios are then other ones.

    Raises:
        CatalogueError: if these models have no calibration, or the drift cannot be told from chance or rests on
            too few animals or too short a time.
    """
    if not found.seen or len(found.drift.individuals) < LEAST or found.longest < LEAST_YEARS:
        raise CatalogueError(
            f"this is not sure enough to go by: it takes {LEAST} animals that were met again, some after"
            f" {LEAST_YEARS:.0f} years or more, and a change that can be told from chance"
        )
    with catalogue.writing() as session:
        row = calibrations.newest(session, found.models)
        if row is None:
            raise CatalogueError("there is no calibration to keep it with: run `hanzaki calibrate` first")
        numbers = found.drift.as_json()
        calibrations.keep(
            session, row.evidence, row.fusion, row.prior_new, who=who(), report=row.report, drift=numbers
        )


def met_again(table: pd.DataFrame) -> pd.DataFrame:
    """The dated encounters of the named animals that have several: ``encounter individual_id individual when``.

    Args:
        table: of annotations, as :func:`hanzaki.catalogue.gallery.annotation_table` gives it.

    Returns:
        a row each, in order of the encounters; ``when`` in years (2024.64).
    """
    dated = table[table["individual_id"].notna() & table["seen"].notna()].copy()
    dated["when"] = years_of(dated["seen"])
    rows = dated.groupby("encounter", as_index=False).agg(
        individual_id=("individual_id", "first"), individual=("individual", "first"), when=("when", "min")
    )
    several = rows.groupby("individual_id")["encounter"].transform("size") > 1
    again: pd.DataFrame = rows[several].astype({"individual_id": int}).reset_index(drop=True)
    return again


def years_of(seen: pd.Series) -> pd.Series:
    """Moments in years, as 2024.64; missing ones are NaN."""
    days = (pd.to_datetime(seen) - pd.Timestamp(2000, 1, 1)) / pd.Timedelta(days=1)
    return 2000 + days.astype(float) / _YEAR


def some_of(again: pd.DataFrame, most: int) -> pd.DataFrame:
    """Animals drawn by lot, the same every time, with all of their encounters, until there is no more room."""
    if len(again) <= most:
        return again
    sizes = again.groupby("individual_id").size()
    order = sizes.iloc[np.random.default_rng(0).permutation(len(sizes))]
    inside = order.index[order.cumsum() <= most]
    return again[again["individual_id"].isin(inside)].reset_index(drop=True)


def own_pairs(odds: PairOdds, chosen: pd.DataFrame) -> pd.DataFrame:
    """The pairs that were compared of encounters of one individual; see :attr:`Drifting.pairs`."""
    first, second = (chosen.iloc[column].reset_index(drop=True) for column in odds.pairs.T)
    frame = pd.DataFrame(
        {
            "individual": first["individual_id"],
            "encounter": first["encounter"],
            "other": second["encounter"],
            "years": (first["when"] - second["when"]).abs(),
            "ratio": odds.log_odds,
        }
    )
    own: pd.DataFrame = frame[first["individual_id"] == second["individual_id"]].reset_index(drop=True)
    return own


def _told(odds: PairOdds) -> PairOdds:
    """Without the pairs that say nothing at all: they could not be compared, as a left flank and a right one."""
    told = odds.log_odds != 0
    return PairOdds(odds.items, odds.pairs[told], odds.log_odds[told], odds.absent)


def _check(pairs: pd.DataFrame, chosen: pd.DataFrame) -> None:
    """Say plainly what is wanting, before the fit does.

    Raises:
        CatalogueError: as :func:`learn_drift`.
    """
    if len(chosen) and len(chosen["individual_id"].unique()) < 2:
        raise CatalogueError(f"only one animal was met again, and there is no stranger to compare with: {_AGAIN}")
    if pairs.empty:
        raise CatalogueError(f"no animal was met twice at a known time, from sides that can be compared: {_AGAIN}")
    if np.ptp(pairs["years"].to_numpy()) < LEAST_DIFFERENCE:
        years = cast(float, pairs["years"].iloc[0])
        raise CatalogueError(
            f"all encounters of an animal are {years:.2g} years apart, and a change shows in nothing but a"
            f" difference between shorter and longer times: {_AGAIN}"
        )
