from __future__ import annotations

import numpy as np
import pytest

from hanzaki.matching.starting_pairs import fit_jointly, starting_tempering, tempered_on
from hanzaki.matching.tempering import fit_tempering
from tests.matching.partitions import planted


def test_it_trusts_sums_less_than_pairs_and_says_what_it_was_fitted_on():
    found = starting_tempering()
    assert 0 < found.trust < 1
    assert found.shift < 0
    assert found.individuals > 100
    assert {"nyalas", "zebras"} <= set(tempered_on())


def test_of_one_pile_that_lists_all_its_pairs_it_is_the_fit_of_that_pile():
    truth, odds = planted(60, sharpness=2.0)
    matrix = odds.matrix()
    whole = odds.of_matrix(matrix)
    names = [str(animal) for animal in truth]
    joint, single = fit_jointly({"one": (whole, names)}), fit_tempering(whole, names)
    assert (joint.trust, joint.shift) == pytest.approx((single.trust, single.shift), abs=1e-6)


def test_animals_of_two_piles_are_others_whatever_they_are_called():
    truth, odds = planted(40, sharpness=2.0)
    names = [str(animal) for animal in truth]
    joint = fit_jointly({"one": (odds, names), "other": (odds, names)})
    assert joint.individuals == 2 * len(set(names))
    renamed = [f"other {name}" for name in names]
    assert fit_jointly({"one": (odds, names), "other": (odds, renamed)}) == joint


def test_nothing_teaches_nothing():
    found = fit_jointly({})
    np.testing.assert_allclose((found.trust, found.shift), (1, 0), atol=1e-6)
