"""Ranges of a quantity as labels: every number lies in exactly one, and what is no range is told."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanzaki.evaluation.ranges import range_of, ranges_between

CUTS = st.lists(st.integers(1, 99), min_size=1, max_size=6, unique=True).map(
    lambda hundredths: [one / 100 for one in sorted(hundredths)]
)


def test_ranges_are_named_in_plain_words():
    assert ranges_between([0.2, 0.5]) == ["under 0.2", "0.2 to 0.5", "0.5 and over"]
    assert ranges_between([0.5]) == ["under 0.5", "0.5 and over"]
    assert range_of(0.0005, ranges_between([0.00001, 0.001])) == "1e-05 to 0.001"


@given(CUTS, st.floats(0, 1))
def test_a_number_lies_where_numpy_digitizes_it(cuts, value):
    names = ranges_between(cuts)
    assert range_of(value, names) == names[np.digitize(value, cuts)]


@given(CUTS)
def test_a_cut_belongs_to_the_range_above_it(cuts):
    names = ranges_between(cuts)
    assert [range_of(cut, names) for cut in cuts] == names[1:]


@pytest.mark.parametrize(
    "cuts", [[], [0.5, 0.2], [0.2, 0.2], [0.2, 0.20000001], [0], [1.0], [float("nan")], [-0.1]]
)
def test_cuts_that_cut_nothing_are_refused(cuts):
    with pytest.raises(ValueError, match="numbers that ascend between 0 and 1"):
        ranges_between(cuts)


def test_a_range_that_was_left_out_holds_nobody():
    assert range_of(0.3, ["under 0.2", "0.5 and over"]) is None


@pytest.mark.parametrize("name", ["good", "0.5", "under a lot", "0.2 to", "over 0.5"])
def test_what_is_no_range_is_named(name):
    with pytest.raises(ValueError, match=f"'{name}' is no range of numbers as 'under 0.2'"):
        range_of(0.3, [name])
