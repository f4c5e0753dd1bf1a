from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from hanzaki.fieldwork.identity.pairing import likest, listed_odds

ODDS = st.floats(-8, 8, width=32) | st.just(np.nan)


@given(arrays.arrays(np.float64, (3, 7), elements=ODDS), st.lists(st.integers(0, 3), min_size=7, max_size=7))
def test_the_likest_pair_of_each_individual_is_its_highest_value(values, codes):
    found = likest(values, np.array(codes, np.intp), 4)
    for code, place in enumerate(found):
        own = values[:, np.array(codes) == code]
        if place < 0:
            assert np.isnan(own).all()
        else:
            row, column = divmod(int(place), 7)
            assert codes[column] == code
            assert values[row, column] == np.nanmax(own)


def square(size: int):
    return arrays.arrays(np.float32, (size, size), elements=ODDS)


@given(square(6))
def test_with_enough_neighbours_all_that_was_compared_is_listed_with_the_mean_of_both_directions(odds):
    listed = listed_odds(odds, 5, [None] * 6)
    both = np.stack([odds, odds.T]).astype(np.float64)
    compared = ~np.isnan(both).all(axis=0)
    np.fill_diagonal(compared, False)
    expected = np.zeros((6, 6))
    expected[compared] = np.nanmean(both[:, compared], axis=0)
    np.testing.assert_allclose(listed.matrix(), expected, atol=1e-6)
    assert listed.absent == 0


@given(square(8), st.integers(1, 6))
def test_what_is_not_listed_was_less_like_than_what_is(odds, neighbours):
    listed = listed_odds(odds, neighbours, ["a"] * 8)
    whole = listed_odds(odds, 7, ["a"] * 8).matrix()
    assert listed.absent <= 0
    for (first, second), value in zip(listed.pairs.tolist(), listed.log_odds.tolist(), strict=True):
        assert value == whole[first, second]
    for item in range(8):
        mine = {pair for pair in map(tuple, listed.pairs.tolist()) if item in pair}
        partners = {one if other == item else other for one, other in mine}
        better = sorted(
            (
                other
                for other in range(8)
                if other != item and not np.isnan([odds[item, other], odds[other, item]]).all()
            ),
            key=lambda other: -whole[item, other],
        )
        assert {whole[item, other] for other in better[:neighbours]} <= {whole[item, other] for other in partners}


def test_two_flanks_that_a_third_encounter_joins_are_not_held_against_each_other():
    odds = np.full((5, 5), -6.0, np.float32)
    odds[0, 1] = odds[1, 0] = odds[1, 2] = odds[2, 1] = 4.0
    odds[0, 2] = odds[2, 0] = np.nan  # a left flank and a right one
    listed = listed_odds(odds, 2, ["newt", None, "newt", "newt", "newt"])
    assert listed.absent == -6
    assert listed.matrix()[0, 2] == 0
    assert listed.matrix()[3, 4] == -6
    strangers = listed_odds(odds, 2, ["newt", None, "salamander", "newt", "newt"])
    assert strangers.matrix()[0, 2] == -6  # of another species
