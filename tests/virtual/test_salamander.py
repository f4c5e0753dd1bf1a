"""An individual is its seed: permanent, and unlike the others."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanzaki.virtual import Markings, Salamander
from hanzaki.virtual.animal import skin_at
from hanzaki.virtual.pattern import HEAD, SKIN_SHAPE

HEAD_PART = np.s_[60:330, 200:470]  # well within the head


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a[HEAD_PART].ravel(), b[HEAD_PART].ravel())[0, 1])


def test_one_seed_is_one_individual_for_ever():
    assert np.array_equal(Salamander(3).pattern, Salamander(3).pattern)
    assert Salamander(3) == Salamander(3)
    assert Salamander(3).markings == Salamander(3).markings


def test_pattern_is_the_one_that_was_first_drawn():
    # Guards the promise that a seed means the same animal in every version and on every machine.
    small = Salamander(7).pattern[100:340:48, 220:460:48]
    expected = [
        [0.92, 0.81, 0.0, 0.49, 0.99],
        [0.0, 0.23, 0.82, 0.37, 0.31],
        [0.0, 0.0, 0.01, 0.0, 0.0],
        [0.0, 0.0, 0.76, 0.03, 0.45],
        [0.05, 0.82, 0.8, 0.05, 0.79],
    ]
    assert small == pytest.approx(np.array(expected), abs=0.02)


def test_pattern_does_not_depend_on_global_chance():
    np.random.seed(1)  # noqa: NPY002
    before = Salamander(4).pattern
    np.random.seed(2)  # noqa: NPY002
    assert np.array_equal(before, Salamander(4).pattern)


def test_pattern_cannot_be_altered():
    with pytest.raises(ValueError, match="read-only"):
        Salamander(1).pattern[0, 0] = 1.0


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 2**40))
def test_pattern_is_dark_blotches_on_a_lighter_ground(seed):
    pattern = Salamander(seed).pattern
    assert pattern.shape == SKIN_SHAPE
    assert pattern.dtype == np.float32
    assert 0.0 <= pattern.min() <= pattern.max() <= 1.0
    assert 0.12 < (pattern[HEAD_PART] > 0.45).mean() < 0.65


def test_different_individuals_have_unrelated_patterns():
    patterns = [Salamander(seed).pattern for seed in range(6)]
    likeness = [abs(_correlation(a, b)) for i, a in enumerate(patterns) for b in patterns[:i]]
    assert max(likeness) < 0.4


def test_individuals_do_not_differ_much_in_how_dark_they_are():
    coverage = [Markings.draw(np.random.default_rng(seed)).coverage for seed in range(50)]
    assert max(coverage) - min(coverage) < 0.12


def test_skin_is_made_no_finer_than_the_picture_needs():
    fine, fine_head = skin_at(Salamander(2), 2.0 * HEAD)
    coarse, coarse_head = skin_at(Salamander(2), 0.2 * HEAD)
    assert fine_head == HEAD
    assert fine.colour.shape == (*SKIN_SHAPE, 4)
    assert 0.2 * HEAD <= coarse_head < HEAD / 2
    assert coarse.truth.shape[0] == pytest.approx(SKIN_SHAPE[0] * coarse_head / HEAD)


def test_looks_at_one_age_do_not_depend_on_which_was_looked_at_first():
    old, young = Salamander(8, age=33.5), Salamander(8, age=21.0)
    first = old.pattern.copy()
    assert not np.array_equal(young.pattern, first)
    assert np.array_equal(Salamander(8, age=33.5).pattern, first)
    assert old.markings == young.markings
    assert np.array_equal(old.skin.truth[..., 0], young.skin.truth[..., 0])  # its form stays


def test_chinese_salamanders_bear_blotches_too():
    pattern = Salamander(3, "chinese").pattern
    assert 0.08 < (pattern[HEAD_PART] > 0.45).mean() < 0.5
    assert not np.array_equal(pattern, Salamander(3).pattern)
