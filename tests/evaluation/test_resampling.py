from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanzaki.evaluation import resampling
from hanzaki.evaluation.resampling import (
    Floats,
    Interval,
    Resampling,
    draw_individuals,
    interval_of_rows,
    interval_of_sums,
    number_individuals,
    percentile_intervals,
    quotient,
    resample_rows,
    resample_sums,
    sum_by_individual,
)

FEW = Resampling(resamples=50)


def mean_of_sums(sums: Floats) -> Floats:
    return quotient(sums[:, :1], sums[:, 1:])


def sums_and_ones(values: Floats, individuals: list[int]) -> Floats:
    member, count = number_individuals(individuals)
    return sum_by_individual(np.stack([values, np.ones(len(values))], axis=1), member, count)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(-5, 5)), min_size=1, max_size=12), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_the_fast_and_the_slow_path_draw_the_same_animals(rows: list[tuple[int, int]], seed: int):
    individuals = [individual for individual, _ in rows]
    values = np.array([value for _, value in rows], float)
    how = Resampling(resamples=20, seed=seed)
    fast = resample_sums(sums_and_ones(values, individuals), mean_of_sums, how)
    slow = resample_rows(individuals, lambda rows: np.array([values[rows].mean()]), how)
    np.testing.assert_allclose(fast, slow, atol=1e-12)


def test_an_individual_comes_with_all_its_rows_or_none():
    individuals = ["a", "b", "a", "c", "a"]
    for rows in _drawn_rows(individuals):
        counts = np.bincount(rows, minlength=5)
        assert counts[0] == counts[2] == counts[4]
        assert counts[[0, 1, 3]].sum() == 3


def _drawn_rows(individuals: list[str]) -> list[np.ndarray]:
    seen: list[np.ndarray] = []
    resample_rows(individuals, lambda rows: [seen.append(rows), np.zeros(1)][1], FEW)
    return seen


def test_draws_do_not_depend_on_the_size_of_blocks(monkeypatch):
    whole = np.concatenate(list(draw_individuals(7, FEW)))
    monkeypatch.setattr(resampling, "_BLOCK", 40)
    blocks = list(draw_individuals(7, FEW))
    assert len(blocks) > 5
    np.testing.assert_array_equal(np.concatenate(blocks), whole)
    assert (whole.sum(axis=1) == 7).all()


def test_the_order_of_rows_does_not_matter():
    rng = np.random.default_rng(2)
    values, individuals, order = rng.integers(0, 9, 30).astype(float), rng.integers(0, 8, 30), rng.permutation(30)
    one = interval_of_sums(sums_and_ones(values, individuals.tolist()), mean_of_sums, FEW)
    other = interval_of_sums(sums_and_ones(values[order], individuals[order].tolist()), mean_of_sums, FEW)
    assert one == other


def _coverage(simulations: int, *, by_individual: bool) -> float:
    """How often the 95% interval of the mean holds the truth (zero), of animals with many photographs each."""
    rng, covered = np.random.default_rng(11), 0
    for seed in range(simulations):
        photographs = rng.integers(1, 12, 40)
        individuals = np.repeat(np.arange(40), photographs)
        values = rng.normal(0, 1, 40)[individuals] + rng.normal(0, 0.3, len(individuals))
        groups = individuals.tolist() if by_individual else list(range(len(individuals)))
        how = Resampling(resamples=300, seed=seed)
        ((_, low, high),) = interval_of_sums(sums_and_ones(values, groups), mean_of_sums, how)
        covered += low <= 0 <= high
    return covered / simulations


def test_the_interval_by_individual_covers_what_it_promises():
    assert 0.91 <= _coverage(300, by_individual=True) <= 0.98


def test_the_interval_by_photograph_does_not():
    assert _coverage(60, by_individual=False) < 0.75


def test_resamples_without_a_value_do_not_count():
    resampled = np.array([[1.0, np.nan], [np.nan, np.nan], [3.0, np.nan]])
    one, other = percentile_intervals(np.array([2.0, 5.0]), resampled, 0.5)
    assert one == Interval(2.0, 1.5, 2.5)
    assert other.value == 5
    assert np.isnan(other[1:]).all()


def test_without_rows_there_is_no_value():
    def mean(rows: np.ndarray) -> Floats:
        return quotient([rows.sum()], len(rows))

    assert np.isnan(interval_of_rows([], mean)).all()
    assert np.isnan(interval_of_sums(np.empty((0, 2)), mean_of_sums)).all()
    assert Interval(float("nan"), 0.0, 1.0).as_json() == [None, 0.0, 1.0]


@pytest.mark.parametrize("setting", [{"level": 1.0}, {"level": 0.0}, {"resamples": 0}])
def test_settings_that_make_no_interval_are_errors(setting: dict[str, float]):
    with pytest.raises(ValueError, match="interval|resample"):
        Resampling(**setting)
