"""Animals grow as giant salamanders do, and stay recognisable while they change."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanzaki.virtual import Salamander
from hanzaki.virtual.growth import Growth
from hanzaki.virtual.pattern import ADULT, Markings

HEAD_PART = np.s_[60:330, 200:470]  # well within the head


def _likeness(a: Salamander, b: Salamander) -> float:
    return float(np.corrcoef(a.pattern[HEAD_PART].ravel(), b.pattern[HEAD_PART].ravel())[0, 1])


def _after(years: float, age: float = ADULT) -> list[float]:
    return [_likeness(Salamander(seed, age=age), Salamander(seed, age=age + years)) for seed in range(6)]


def test_an_animal_is_as_long_as_its_kind_at_its_age():
    growth = Growth()
    assert growth.length(0) == pytest.approx(growth.hatchling)
    assert growth.length(5) == pytest.approx(30, abs=2)
    assert all((growth.length([18, 25]) > 60) & (growth.length([18, 25]) < 70))


def test_adults_grow_by_about_as_much_a_year_as_in_the_ichikawa_river():
    # 337 animals caught again after more than five years: 5.4 mm a year in the mean, at 69 cm in the mean.
    lengths, rates = [], []
    for seed in range(400):
        growth = Growth.draw(np.random.default_rng(seed))
        ages = np.array([8.0, 14, 20, 26, 32, 38])
        lengths.extend(growth.length(ages))
        rates.extend((growth.length(ages + 6) - growth.length(ages)) / 6 * 10)
    near = np.abs(np.array(lengths) - 69) < 8
    assert np.mean(np.array(rates)[near]) == pytest.approx(5.4, rel=0.25)


@given(st.integers(0, 2**40), st.floats(0, 100), st.floats(0.01, 30))
def test_nobody_shrinks_or_outgrows_its_asymptote(seed, age, years):
    growth = Salamander(seed).growth
    assert growth.hatchling <= growth.length(age) <= growth.length(age + years) <= growth.asymptote
    assert Salamander(seed, age=age).length_cm == growth.length(age)


@pytest.mark.parametrize("odd", [{"asymptote": 2.0}, {"rate": 0.0}, {"hatchling": 0.0}])
def test_a_curve_that_does_not_grow_is_refused(odd):
    with pytest.raises(ValueError, match="does not grow"):
        Growth(**odd)


@pytest.mark.parametrize("age", [-1.0, float("nan"), float("inf")])
def test_an_impossible_age_is_refused(age):
    with pytest.raises(ValueError, match="years old"):
        Salamander(1, age=age)


def test_the_pattern_as_drawn_is_the_adults():
    assert Salamander(3) == Salamander(3, age=ADULT)
    assert np.array_equal(Salamander(3).skin.colour, Salamander(3, "native", 20).skin.colour)


def test_an_animal_is_easily_known_after_a_year_or_two_and_less_easily_after_ten():
    assert min(_after(1)) > 0.97
    assert min(_after(2)) > 0.93
    assert 0.6 < min(_after(10)) < max(_after(10)) < 0.85
    animals = [Salamander(seed, age=30) for seed in range(6)]
    others = [_likeness(a, b) for i, a in enumerate(animals) for b in animals[:i]]
    assert min(_after(10)) > max(others) + 0.3


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 1000), st.floats(0, 60))
def test_change_goes_on_without_leaps_at_any_age(seed, age):
    assert _likeness(Salamander(seed, age=age), Salamander(seed, age=age + 0.1)) > 0.995


def test_how_unlike_an_animal_is_to_itself_depends_on_the_years_between_alone():
    young, old = np.mean(_after(10, age=10)), np.mean(_after(10, age=45))
    assert young == pytest.approx(old, abs=0.05)


def test_change_lies_in_a_few_spots_and_in_the_edges_of_the_others():
    dark = [Salamander(4, age=age).pattern[HEAD_PART] > 0.45 for age in (20.0, 22.0)]
    assert 0.01 < (dark[0] != dark[1]).mean() < 0.08
    assert dark[0].mean() == pytest.approx(dark[1].mean(), abs=0.05)


def test_contrast_lowers_with_age():
    # The darkest twentieth of the skin, so that drifting outlines do not matter.
    darkest = [
        np.mean([np.quantile(Salamander(s, age=age).pattern, 0.95) for s in range(4)]) for age in (20, 40, 60)
    ]
    assert darkest[0] > darkest[1] + 0.04 > darkest[2] + 0.08


def test_each_kind_has_larger_blotches_than_the_last():
    kinds = [
        [Markings.draw(np.random.default_rng(n), origin).spacing for n in range(30)]
        for origin in ("native", "hybrid", "chinese")
    ]
    assert np.all(np.diff([np.mean(kind) for kind in kinds]) > 0.05)
