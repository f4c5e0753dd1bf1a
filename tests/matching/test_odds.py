from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanzaki.matching.constraints import Constraint
from hanzaki.matching.odds import PairOdds
from tests.matching.partitions import random_odds


def test_a_pair_that_is_listed_twice_counts_with_its_mean():
    odds = PairOdds.listed(4, [2, 0, 1, 3], [1, 3, 2, 0], [3.0, np.nan, 1.0, 5.0], absent=-1.0)
    assert odds.pairs.tolist() == [[0, 3], [1, 2]]
    assert odds.log_odds.tolist() == [5.0, 2.0]
    np.testing.assert_allclose(PairOdds.of_matrix(odds.matrix()).matrix(), odds.matrix())


@given(st.integers(1, 7), st.integers(0, 99), st.sampled_from([0.0, -0.7]), st.integers(0, 99))
def test_the_objective_is_the_sum_over_all_pairs_together(count: int, seed: int, absent: float, labelling: int):
    odds = random_odds(count, seed, absent=absent)
    labels = np.random.default_rng(labelling).integers(0, 3, count)
    same = np.triu(labels[:, None] == labels, 1)
    assert odds.within(labels) == pytest.approx(odds.matrix()[same].sum())


def test_doubted_decisions_are_evidence_like_any_other():
    odds = PairOdds.listed(3, [0], [1], [1.0], absent=-0.5)
    rules = [Constraint(1, 0, False, weight=3.0), Constraint(2, 0, True, weight=2.0), Constraint(1, 2, True)]
    weighed = odds.weighed(rules)
    assert weighed.matrix()[0].tolist() == [0.0, -2.0, 1.5]
    assert weighed.matrix()[1, 2] == -0.5  # a hard constraint is no evidence
    assert odds.weighed(rules[2:]) is odds


def test_tempering_never_makes_what_was_not_compared_speak_for_anything():
    odds = PairOdds.listed(3, [0], [1], [4.0], absent=-2.0)
    tempered = odds.tempered(0.5, 0.25)
    assert (tempered.log_odds.tolist(), tempered.absent) == ([2.25], -0.75)
    assert odds.tempered(0.5, 2.0).absent == 0


@pytest.mark.parametrize(
    ("pairs", "text"),
    [
        (([0], [0], [1.0]), "with itself"),
        (([0], [3], [1.0]), "items 0 to 2 only"),
        (([0], [1], [np.inf]), "finite"),
        (([0, 1], [1], [1.0]), "different lengths"),
        (([0], [1], [1.0], 0.5), "at most zero"),
    ],
)
def test_what_are_no_log_odds_of_pairs_is_an_error(pairs, text: str):
    with pytest.raises(ValueError, match=text):
        PairOdds.listed(3, *pairs)
