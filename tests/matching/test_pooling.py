from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanzaki.matching.pooling import Pooling, best_of_individuals, numbered_individuals, pool, standardised

CODES = np.repeat(np.arange(8), [1, 2, 3, 4, 5, 1, 2, 1])


def pairs_of(seed: int, photographs: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(photographs, len(CODES)))


def test_individuals_are_numbered_by_name_and_nobody_is_none_of_them():
    names, codes = numbered_individuals(np.array(["b", None, "a", "b"], object))
    assert names == ["a", "b"]
    assert codes.tolist() == [1, -1, 0, 1]


def test_the_best_pair_of_each_photograph_with_each_individual():
    pairs = np.array([[0.1, 0.7, np.nan, 0.3], [np.nan, np.nan, 0.2, 0.9]])
    best = best_of_individuals(pairs, np.array([0, 0, 1, -1]), 3)
    np.testing.assert_array_equal(best, [[0.7, np.nan, np.nan], [np.nan, 0.2, np.nan]])


@given(st.integers(0, 99), st.floats(0.1, 100), st.floats(-50, 50))
def test_neither_the_unit_nor_the_zero_of_a_score_matters(seed: int, unit: float, zero: float):
    pairs = pairs_of(seed)
    np.testing.assert_allclose(pool(pairs * unit + zero, CODES, 8), pool(pairs, CODES, 8), atol=1e-6)


@given(st.integers(0, 99), st.permutations(range(len(CODES))), st.permutations(range(3)))
def test_the_order_of_gallery_and_photographs_does_not_matter(seed: int, order: list[int], frames: list[int]):
    pairs = pairs_of(seed)
    shuffled = pool(pairs[frames][:, order], CODES[order], 8)
    np.testing.assert_allclose(shuffled, pool(pairs, CODES, 8), atol=1e-9)


@settings(max_examples=30)
@given(st.integers(0, 99), st.integers(0, len(CODES) - 1), st.floats(0, 5))
def test_a_pair_more_alike_never_lowers_its_individual_among_the_others(seed: int, place: int, more: float):
    pairs = pairs_of(seed)
    better = pairs.copy()
    better[0, place] += more
    before, after = pool(pairs, CODES, 8), pool(better, CODES, 8)
    assert (after[CODES[place]] - after).min() >= (before[CODES[place]] - before).min() - 1.0
    assert np.isfinite(after).all()


def test_one_bad_frame_does_not_decide():
    pairs = np.full((5, 6), 0.1) + np.arange(6) * 0.01
    pairs[:4, 2] = 0.5  # four frames know the animal
    pairs[4] = [0.9, 0.2, 0.1, 0.2, 0.1, 0.2]  # the fifth is sure of another
    pooled = pool(pairs, np.arange(6), 6)
    assert pooled.argmax() == 2
    assert pairs.max(axis=0).argmax() == 0  # the maximum alone would be taken in


def test_many_photographs_by_chance_alone_are_hardly_an_advantage():
    rng = np.random.default_rng(0)
    codes = np.repeat(np.arange(40), [1] * 20 + [16] * 20)
    wins = [
        int(pool(rng.normal(size=(1, len(codes))), codes, 40, Pooling(counted=1)).argmax() < 20)
        for _ in range(200)
    ]
    highest = [
        int(best_of_individuals(rng.normal(size=(1, len(codes))), codes, 40).argmax() < 20) for _ in range(200)
    ]
    assert sum(highest) < 40 < sum(wins)


def test_what_was_not_compared_has_no_score():
    pairs = pairs_of(0)
    pairs[:, CODES == 4] = np.nan
    pairs[0, CODES == 2] = np.nan
    pooled = pool(pairs, CODES, 8)
    assert np.flatnonzero(np.isnan(pooled)).tolist() == [4]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_two_individuals_are_no_cohort(count: int):
    pairs = np.random.default_rng(0).normal(size=(2, count))
    assert np.isnan(pool(pairs, np.arange(count), 4)).all()
    assert np.isnan(standardised(pairs, np.arange(count), 4)).all()


@pytest.mark.parametrize("animals", [3, 5, 10, 60])
def test_a_stranger_stands_out_among_few_animals_no_more_than_among_many(animals: int):
    rng = np.random.default_rng(animals)
    reached = [
        np.nanmax(standardised(rng.normal(size=(1, animals)), np.arange(animals), animals)) for _ in range(3000)
    ]
    assert 2.0 < np.quantile(reached, 0.95) < 3.3  # two animals' own deviations would give 20 and more
    assert np.mean(np.array(reached) > 4) < 0.005


def test_many_animals_are_measured_in_their_deviations():
    scores = np.random.default_rng(0).normal(3, 2, (1, 500))
    others = np.sort(scores[0])[:-1]
    np.testing.assert_allclose(
        standardised(scores, np.arange(500), 500), (scores - others.mean()) / others.std(), atol=0.05
    )


def test_scores_that_are_all_alike_say_nothing_and_break_nothing():
    np.testing.assert_allclose(pool(np.ones((2, 5)), np.arange(5), 5), 0)


def test_who_a_shortlist_passed_over_is_as_like_as_others_are_on_average():
    pairs = pairs_of(3)
    pairs[:, CODES >= 4] = np.nan
    admitted = np.ones(pairs.shape, bool)
    admitted[:, CODES == 7] = False  # as a right flank beside a left one
    scores = pool(pairs, CODES, 8, admitted=admitted)
    np.testing.assert_array_equal(scores[4:7], 0)
    assert np.isnan(scores[7])
    np.testing.assert_array_equal(scores[:4], pool(pairs, CODES, 8)[:4])
    assert np.isnan(pool(np.full(pairs.shape, np.nan), CODES, 8, admitted=admitted)).all()


def test_a_photograph_that_was_compared_with_nobody_passes_nobody_over():
    pairs, admitted = pairs_of(4), np.ones((len(pairs_of(4)), len(CODES)), bool)
    pairs[0] = np.nan  # it says nothing, and only it might have been compared with individual 5
    pairs[:, CODES == 5] = np.nan
    admitted[1:, CODES == 5] = False
    assert np.isnan(pool(pairs, CODES, 8, admitted=admitted)[5])
