from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from hanzaki.matching.drift import (
    Drift,
    IndividualDrift,
    _fitted,
    _own_pairs,
    _spreads,
    _stacked,
    fit_drift,
    years_to_nearest,
)
from hanzaki.matching.odds import PairOdds


def growing(
    animals: int, photographs: int, slope: float = -0.4, spread: float = 0.15, seed: int = 0, noise: float = 1.0
) -> tuple[PairOdds, list[str], np.ndarray, np.ndarray]:
    """Log odds that fall with the years between photographs, of bad and good photographs; and each one's slope."""
    rng = np.random.default_rng(seed)
    whose = np.repeat(np.arange(animals), photographs)
    years = rng.uniform(2000, 2012, len(whose))
    slopes, starts = rng.normal(slope, spread, animals), rng.normal(6, 1, animals)
    quality = rng.normal(0, 0.7, len(whose))
    first, second = np.nonzero(np.triu(np.ones((len(whose), len(whose))), 1))
    gap, same = np.abs(years[first] - years[second]), whose[first] == whose[second]
    values = np.where(same, starts[whose[first]] + slopes[whose[first]] * gap, -4.0)
    values += quality[first] + quality[second] + rng.normal(0, noise, len(first))
    kept = same | (rng.random(len(first)) < 0.1)
    odds = PairOdds.listed(len(whose), first[kept], second[kept], values[kept])
    return odds, [f"animal {who}" for who in whose], years, slopes


def test_the_drift_of_a_population_and_of_each_is_found():
    odds, names, years, slopes = growing(40, 6)
    drift = fit_drift(odds, names, years)
    assert drift.low < -0.4 < drift.high
    assert drift.high - drift.low < 0.3
    assert drift.start == pytest.approx(6, abs=0.8)
    assert drift.strangers == pytest.approx(-4, abs=0.4)
    own = np.array([drift.individuals[f"animal {who}"].slope for who in range(40)])
    assert np.corrcoef(own, slopes)[0, 1] > 0.5
    inside = [drift.individuals[f"animal {who}"] for who in range(40)]
    assert np.mean([one.low <= slope <= one.high for one, slope in zip(inside, slopes, strict=True)]) > 0.85


def test_intervals_hold_the_truth_as_often_as_they_promise():
    held = 0
    for seed in range(24):
        odds, names, years, _ = growing(12, 4, seed=seed)
        drift = fit_drift(odds, names, years, level=0.8)
        held += drift.low < -0.4 < drift.high
    assert 14 <= held <= 23


def test_who_was_photographed_twice_is_drawn_to_the_others():
    odds, names, years, _ = growing(30, 5, spread=0.02)
    extra = PairOdds.listed(152, [*odds.pairs[:, 0], 150], [*odds.pairs[:, 1], 151], [*odds.log_odds, 5.0])
    drift = fit_drift(extra, [*names, "new", "new"], [*years, 2000.0, 2010.0])
    new = drift.individuals["new"]
    assert abs(new.slope - drift.slope) < 0.15  # its one pair alone would say -0.1
    assert (new.pairs, new.years) == (1, 10.0)
    assert new.high - new.low > drift.high - drift.low


def test_the_fit_is_that_of_the_full_covariance_matrices():
    odds, names, years, _ = growing(8, 4, seed=3)
    own = _own_pairs(odds, names, years)
    moments = [one.moments() for one in own]
    noise, spreads = _spreads([stack for _, stack in _stacked(moments)])
    member = np.repeat(np.arange(8), 6)
    gaps, values = (np.concatenate([getattr(one, part) for one in own]) for part in ("gaps", "values"))
    photographs = np.zeros((48, 32))
    photographs[
        np.arange(48)[:, None], np.concatenate([one.pairs + 4 * place for place, one in enumerate(own)])
    ] = 1
    design = np.stack([np.ones(48), gaps], axis=1)

    def restricted(noise: float, spreads: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        whole = np.where(member[:, None] == member, design @ np.diag(spreads[:2]) @ design.T, 0)
        whole += noise * np.eye(48) + spreads[2] * photographs @ photographs.T
        precision = design.T @ np.linalg.solve(whole, design)
        mean = np.linalg.solve(precision, design.T @ np.linalg.solve(whole, values))
        log = multivariate_normal(design @ mean, whole).logpdf(values) - np.linalg.slogdet(precision)[1] / 2
        away = np.linalg.solve(whole, values - design @ mean)
        each = [mean + spreads[:2] * (design[member == one].T @ away[member == one]) for one in range(8)]
        return float(log), mean, np.array(each)

    best, mean, each = restricted(noise, spreads)
    found = _fitted(moments)
    np.testing.assert_allclose(found[0], mean, rtol=1e-6)
    np.testing.assert_allclose(found[2], each, rtol=1e-6)
    for factor in (0.9, 1.1):
        assert restricted(noise * factor, spreads)[0] < best + 1e-4
        for place in range(3):
            other = spreads.copy()
            other[place] *= factor
            assert restricted(noise, other)[0] <= best + 1e-4


def usual_drift(slope: float = -0.5) -> Drift:
    slow = IndividualDrift(-0.1, -0.2, 0.0, 6.0, 10, 8.0)
    return Drift(slope, slope - 0.1, slope + 0.1, 6.0, -4.0, 2.0, 0.1, {"slow": slow})


def test_old_photographs_weigh_less_and_of_who_drifts_slowly_more():
    drift = usual_drift()
    np.testing.assert_allclose(drift.weights([2.0, 11.0, 20.0, 40.0]), [1.0, 0.5, 0.0, 0.0])
    assert drift.weights(11.0, "slow") > drift.weights(11.0)
    np.testing.assert_array_equal(drift.weights([-3.0]), drift.weights([3.0]))
    assert drift.lasts == 20
    assert usual_drift(0.1).lasts == np.inf
    assert (usual_drift(-9.0).weights([0.0, 5.0]) == 0).all()


def test_evidence_is_corrected_for_the_time_between():
    drift = usual_drift()
    np.testing.assert_allclose(drift.corrected([3.0, -2.0], 2.0), [3.0, -2.0])  # usual gaps change nothing
    assert drift.corrected(-2.0, 12.0) > -2.0  # low, as is to be expected after years
    assert drift.corrected(9.0, 12.0) < 9.0
    assert drift.corrected(-9.0, 50.0) == drift.corrected(9.0, 50.0) == 0  # after so long nothing tells


def test_corrected_log_odds_are_calibrated_at_every_gap():
    rng = np.random.default_rng(0)
    gap = np.tile([1.0, 7.0], 40_000)
    same = rng.random(80_000) < 0.5
    raw = rng.normal(np.where(same, 2.5 - 0.5 * gap, -2.5), 2.0)
    usual = fit_like(raw, gap, same)
    corrected = usual.corrected(raw, gap)
    for years in (1.0, 7.0):
        there = (gap == years) & (np.abs(corrected - 1.0) < 0.25)
        assert same[there].mean() == pytest.approx(1 / (1 + np.exp(-corrected[there].mean())), abs=0.08)


def fit_like(raw: np.ndarray, gap: np.ndarray, same: np.ndarray) -> Drift:
    """What :func:`fit_drift` learns of log odds that are calibrated at a gap of two years."""
    scale = (2.5 - 0.5 * 2 + 2.5) / 2.0**2  # makes them log likelihood ratios there
    raw *= scale
    raw -= scale * (2.5 - 0.5 * 2 - 2.5) / 2
    start, slope = np.polynomial.polynomial.polyfit(gap[same], raw[same], 1)
    return Drift(slope, slope, slope, start, float(raw[~same].mean()), 2.0, 0.0, {})


@pytest.mark.parametrize(
    ("names", "years", "text"),
    [
        (["a", "a", "b"], [1.0, 2.0], "3 items, but 3 individuals and 2 years"),
        (["a", "b", "c"], [1.0, 2.0, 3.0], "different times between them"),
        (["a", "a", "a"], [1.0, np.nan, 3.0], "different times between them"),
        (["a", "a", "a"], [1.0, 2.0, 4.0], "strangers"),
    ],
)
def test_what_drift_cannot_be_learnt_from_is_an_error(names: list[str], years: list[float], text: str):
    odds = PairOdds.listed(3, [0, 0, 1], [1, 2, 2], [3.0, 2.0, 2.5])
    with pytest.raises(ValueError, match=text):
        fit_drift(odds, names, years)


def test_who_is_not_named_or_dated_is_left_out():
    odds, names, years, _ = growing(10, 4)
    some = [None if place % 7 == 0 else name for place, name in enumerate(names)]
    when = np.where(np.arange(len(years)) % 5 == 0, np.nan, years)
    drift = fit_drift(odds, some, when, strangers=-3.0)
    assert drift.strangers == -3
    assert None not in drift.individuals


def test_nothing_is_changed_where_the_years_are_not_known():
    values = np.array([3.0, -2.0])
    np.testing.assert_array_equal(usual_drift().corrected(values, [np.nan, np.nan]), values)
    assert usual_drift().corrected(values, [np.nan, 12.0])[1] != -2.0


def test_a_drift_is_kept_as_json_without_its_individuals():
    drift = usual_drift()
    again = Drift.from_json(json.loads(json.dumps(drift.as_json())))
    assert again == replace(drift, individuals={})
    np.testing.assert_array_equal(again.corrected(4.0, [0.0, 9.0, 30.0]), drift.corrected(4.0, [0.0, 9.0, 30.0]))
    with pytest.raises(ValueError, match="no drift"):
        Drift.from_json({"slope": -0.1})
    with pytest.raises(ValueError, match="no drift"):
        Drift.from_json(drift.as_json() | {"usual": None})


def test_years_to_the_photograph_of_each_that_is_nearest_in_time():
    gallery = [date(2000, 6, 1), date(2010, 6, 1), date(2019, 6, 1), None, date(2021, 6, 1), date(2020, 6, 1)]
    codes = np.array([0, 0, 1, 2, 3, -1])
    admitted = np.array([[True, True, True, True, False, True], [True, False, True, True, False, True]])
    found = years_to_nearest([date(2020, 6, 1), None], gallery, admitted, codes, 4)
    np.testing.assert_allclose(found, [10.0, 1.0, np.nan, np.nan], atol=0.01)
    later = years_to_nearest([None, date(2001, 6, 1)], gallery, admitted, codes, 4)
    np.testing.assert_allclose(later, [1.0, 18.0, np.nan, np.nan], atol=0.01)
