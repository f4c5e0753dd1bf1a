from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hanzaki.matching.candidates import rank_individuals


def test_each_individual_stands_once_with_its_best_pair():
    scores = np.array([[0.1, 0.9, 0.3, 0.2], [0.4, 0.2, 0.8, 0.1]], np.float32)
    first, second = rank_individuals(scores, ["a", "b", "a", "c"], top=2)
    assert (first.individual, first.query, first.gallery, round(first.score, 2)) == ("b", 0, 1, 0.9)
    assert (second.individual, second.query, second.gallery, round(second.score, 2)) == ("a", 1, 2, 0.8)


def test_nobody_and_the_excluded_are_no_candidates():
    scores = np.array([[0.9, -np.inf, 0.1]], np.float32)
    assert [found.individual for found in rank_individuals(scores, [None, "a", "b"])] == ["b"]


def test_equal_scores_stand_in_the_gallerys_order():
    scores = np.full((1, 4), 0.5, np.float32)
    assert [found.individual for found in rank_individuals(scores, ["c", "a", "c", "b"])] == ["c", "a", "b"]


def test_no_gallery_no_candidates():
    assert rank_individuals(np.empty((1, 0), np.float32), []) == []


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.floats(0, 1, width=32)), min_size=1, max_size=12))
def test_agrees_with_the_best_of_each(pairs: list[tuple[str, float]]):
    names = [name for name, _ in pairs]
    scores = np.array([[score for _, score in pairs]], np.float32)
    found = rank_individuals(scores, names)
    best = {name: max(score for other, score in pairs if other == name) for name in names}
    assert {candidate.individual: candidate.score for candidate in found} == best
    assert [c.score for c in found] == sorted(best.values(), reverse=True)
