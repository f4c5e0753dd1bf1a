"""Scores of a learned matcher; here a matcher that is told which points are the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hanzaki.keypoints import Keypoints
from hanzaki.matching.evidence import Asked, Gallery
from hanzaki.matching.learned import LearnedEvidence, matches
from hanzaki.matching.points import Floats, Indices
from tests.fixtures.keypoints import TURN, animal, seen_again

ANIMALS = [animal(seed) for seed in range(4)]
AGAIN = [seen_again(one, seed, noise=0) for seed, one in enumerate(ANIMALS)]


class ByLook:
    """Pairs points of equal descriptors, surely; and some others at random, as surely as it is told."""

    def __init__(self, wrong: int = 0, sure: float = 1.0) -> None:
        self.asked: list[int] = []
        self._wrong, self._sure = wrong, sure

    def __call__(self, pairs: Sequence[tuple[Keypoints, Keypoints]]) -> list[tuple[Indices, Floats]]:
        self.asked.append(len(pairs))
        return [self._pair(*pair) for pair in pairs]

    def _pair(self, one: Keypoints, other: Keypoints) -> tuple[Indices, Floats]:
        same = (one.descriptors[:, None].astype(int) == other.descriptors[None]).all(axis=2)
        rng = np.random.default_rng(len(one))
        wrong = rng.integers(0, (max(1, len(one)), max(1, len(other))), (self._wrong * bool(len(one)), 2))
        right = np.argwhere(same)
        sure = np.concatenate([np.ones(len(right)), np.full(len(wrong), self._sure)]).astype(np.float32)
        return np.concatenate([right, wrong]).astype(np.intp), sure


def compared(
    queries: Sequence[Keypoints], gallery: Sequence[Keypoints], matcher: ByLook, positions: Indices | None = None
) -> Floats:
    asked = Asked(range(-len(queries), 0), descriptions={"points": queries})
    evidence = LearnedEvidence(
        Gallery(range(len(gallery)), descriptions={"points": gallery}), "points", matcher, "x"
    )
    return evidence.compare(asked, positions)


def test_an_animal_seen_again_scores_by_its_verified_pairs():
    scores = compared(ANIMALS, AGAIN, ByLook())
    assert scores.dtype == np.float32
    np.testing.assert_allclose(np.diag(scores), [one.weights.sum() for one in ANIMALS], rtol=1e-5)
    assert not scores[~np.eye(4, dtype=bool)].any()


def test_only_the_shortlist_is_compared():
    matcher = ByLook()
    scores = compared(ANIMALS[:2], AGAIN, matcher, np.array([0, 2]))
    np.testing.assert_array_equal(np.isfinite(scores), [[True, False, True, False]] * 2)
    assert sum(matcher.asked) == 4
    assert np.isnan(compared(ANIMALS[:2], AGAIN, matcher, np.array([], np.intp))).all()


def test_an_encounter_never_meets_itself_nor_the_other_flank():
    gallery = Gallery(
        range(4),
        sides=["left", "left", "right", None],
        encounters=["dawn", "noon", "noon", "noon"],
        descriptions={"points": AGAIN},
    )
    asked = Asked([9], sides=["left"], encounters=["dawn"], descriptions={"points": ANIMALS[:1]})
    scores = LearnedEvidence(gallery, "points", ByLook(), "x").compare(asked)
    np.testing.assert_array_equal(np.isnan(scores), [[True, False, True, False]])


def test_pairs_are_handed_over_in_batches():
    matcher = ByLook()
    compared(ANIMALS[:2], AGAIN * 20, matcher)
    assert matcher.asked == [64, 64, 32]


def test_pairs_that_do_not_agree_with_the_movement_do_not_count():
    (found,) = matches([(ANIMALS[0], AGAIN[0])], ByLook(wrong=15, sure=0.6))
    assert len(found.pairs) >= len(ANIMALS[0])
    expected = ANIMALS[0].points[found.pairs[:, 0]] @ TURN[:, :2].T + TURN[:, 2]
    assert np.linalg.norm(AGAIN[0].points[found.pairs[:, 1]] - expected, axis=1).max() < 0.06 * 300
    np.testing.assert_allclose(found.transform, TURN, rtol=0.1, atol=5)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 30), st.floats(0, 1), st.integers(0, 12))
def test_a_score_is_never_more_than_all_pairs_are_worth_nor_less_than_nothing(wrong, sure, count):
    query = animal(9, count)
    other = seen_again(query, 3, noise=0)
    score = compared([query], [other], ByLook(wrong, sure))[0, 0]
    assert -1e-6 <= score <= query.weights.sum() + wrong * sure + 1e-4


def test_the_order_of_the_gallery_changes_nothing():
    straight = compared(ANIMALS, AGAIN, ByLook(wrong=9))
    np.testing.assert_array_equal(compared(ANIMALS, AGAIN[::-1], ByLook(wrong=9))[:, ::-1], straight)
