from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanzaki.keypoints import Keypoints
from hanzaki.matching.local import LocalIndex, LocalParameters, correspondences

EXTENT = (300, 200)
TURN = cv2.getRotationMatrix2D((150, 100), 15, 1.1) + np.array([[0, 0, 8], [0, 0, -5]])


def animal(seed: int, count: int = 40) -> Keypoints:
    """Keypoints of an animal that looks like no other, in the middle of its box."""
    rng = np.random.default_rng(seed)
    return Keypoints(
        points=(rng.uniform(0.25, 0.75, (count, 2)) * EXTENT).astype(np.float32),
        sizes=rng.uniform(5, 30, count).astype(np.float32),
        angles=rng.uniform(0, 360, count).astype(np.float32),
        weights=rng.uniform(0.5, 1, count).astype(np.float32),
        descriptors=(255 * rng.random((count, 128)) ** 4).astype(np.uint8),
        extent=EXTENT,
    )


def seen_again(original: Keypoints, seed: int, noise: float = 12.0, transform: np.ndarray = TURN) -> Keypoints:
    """The same animal in another photograph: turned, moved, nearer, and not quite the same to look at."""
    rng = np.random.default_rng(seed)
    scale = np.sqrt(np.linalg.det(transform[:, :2]))
    turn = np.rad2deg(np.arctan2(transform[1, 0], transform[0, 0]))
    look = original.descriptors + rng.normal(0, noise, original.descriptors.shape)
    order = rng.permutation(len(original))
    return Keypoints(
        points=(original.points @ transform[:, :2].T + transform[:, 2]).astype(np.float32)[order],
        sizes=(original.sizes * scale).astype(np.float32)[order],
        angles=((original.angles + turn) % 360).astype(np.float32)[order],
        weights=original.weights[order],
        descriptors=np.clip(look, 0, 255).astype(np.uint8)[order],
        extent=EXTENT,
    )


ANIMALS = [animal(seed) for seed in range(6)]
GALLERY = [seen_again(one, seed) for seed, one in enumerate(ANIMALS * 2)]
NAMES = [f"animal {number % 6}" for number in range(12)]
ITSELF = [np.array([number]) for number in range(12)]


def test_each_animal_is_found_among_the_others():
    scores = LocalIndex(GALLERY, NAMES).search(ANIMALS)
    assert scores.shape == (6, 12)
    assert scores.dtype == np.float32
    np.testing.assert_array_equal(scores.argmax(axis=1) % 6, np.arange(6))


def test_one_against_all_finds_the_other_photograph():
    scores = LocalIndex(GALLERY, NAMES).search(GALLERY, ITSELF)
    np.testing.assert_array_equal(scores.argmax(axis=1), (np.arange(12) + 6) % 12)
    assert (np.diag(scores) == -np.inf).all()


def test_an_identical_photograph_is_best():
    scores = LocalIndex(GALLERY, NAMES).search(GALLERY)
    np.testing.assert_array_equal(scores.argmax(axis=1), np.arange(12))


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 11), max_size=11, unique=True))
def test_excluded_annotations_are_as_if_they_were_not_in_the_gallery(out: list[int]):
    left = [number for number in range(12) if number not in out]
    query = [ANIMALS[0]]
    whole = LocalIndex(GALLERY, NAMES).search(query, [np.array(out, np.intp)])[0]
    fewer = LocalIndex([GALLERY[i] for i in left], [NAMES[i] for i in left]).search(query)[0]
    assert (whole[out] == -np.inf).all()
    np.testing.assert_allclose(whole[left], fewer, rtol=1e-3, atol=1e-4)


@settings(max_examples=10, deadline=None)
@given(st.permutations(range(12)))
def test_the_gallerys_order_does_not_change_scores(order: list[int]):
    straight = LocalIndex(GALLERY, NAMES).search(ANIMALS[:2])
    shuffled = LocalIndex([GALLERY[i] for i in order], [NAMES[i] for i in order]).search(ANIMALS[:2])
    np.testing.assert_allclose(shuffled, straight[:, order], rtol=1e-3, atol=1e-4)


def test_queries_do_not_change_each_others_scores():
    index = LocalIndex(GALLERY, NAMES, LocalParameters(block=4))
    alone = np.concatenate([index.search([query]) for query in ANIMALS])
    np.testing.assert_allclose(index.search(ANIMALS), alone, rtol=1e-3, atol=1e-4)


def test_unknown_animals_compete_with_each_other():
    twice = [GALLERY[0], seen_again(GALLERY[0], 99, noise=0, transform=np.eye(3)[:2])]
    same = LocalIndex(twice, ["a", "a"]).search([ANIMALS[0]])
    unknown = LocalIndex(twice, [None, None]).search([ANIMALS[0]])
    assert (same > 2 * unknown).all()


@pytest.mark.parametrize("count", [0, 1])
def test_annotations_with_hardly_any_keypoints(count: int):
    bare = animal(7, count)
    scores = LocalIndex([*GALLERY, bare], [*NAMES, "bare"]).search([bare, ANIMALS[0]])
    assert np.isfinite(scores).all()
    assert scores[1].argmax() % 6 == 0
    assert (scores[0].argmax() == 12) if count else not scores[0].any()
    assert len(correspondences(bare, bare).pairs) == count


def test_galleries_of_nobody_one_photograph_and_one_individual():
    assert LocalIndex([], []).search(ANIMALS).shape == (6, 0)
    empty = animal(0, 0)
    assert not LocalIndex([empty, empty], ["a", "b"]).search([ANIMALS[0], empty]).any()
    scores = LocalIndex([GALLERY[0], GALLERY[6]], ["animal 0"] * 2).search([ANIMALS[0], ANIMALS[1]])
    assert (scores[0] > 10 * scores[1]).all()
    pair = LocalIndex(GALLERY[:2], NAMES[:2]).search(GALLERY[:2], ITSELF[:2])
    assert np.isfinite(pair).sum() == 2


def test_votes_go_to_the_individual_with_the_margin_over_the_next():
    """McCann & Lowe 2012, eq. 8, worked by hand for one query point and three annotations."""
    looks = np.zeros((4, 128), np.uint8)
    looks[0, 0] = 200
    looks[1, :2], looks[2, :2], looks[3, :2] = (120, 50), (120, 90), (100, 100)
    one = [
        Keypoints(
            points=np.array([[150, 100]], np.float32),
            sizes=np.array([10], np.float32),
            angles=np.zeros(1, np.float32),
            weights=np.ones(1, np.float32),
            descriptors=look[None],
            extent=EXTENT,
        )
        for look in looks
    ]
    plain = LocalParameters(symmetric=False, verified_weight=0)
    scores = LocalIndex(one[1:], ["a", "a", "b"], plain).search(one[:1])[0]
    cosines = [12 / 13, 0.8, np.sqrt(0.5)]
    np.testing.assert_allclose(scores, [cosines[0] - cosines[2], cosines[1] - cosines[2], 0], atol=1e-4)


def test_verified_pairs_agree_with_the_true_transform():
    query, candidate = ANIMALS[3], GALLERY[3]
    found = correspondences(query, candidate)
    assert len(found.pairs) > 30
    assert (found.weights >= 0).all()
    expected = query.points[found.pairs[:, 0]] @ TURN[:, :2].T + TURN[:, 2]
    np.testing.assert_allclose(candidate.points[found.pairs[:, 1]], expected, atol=0.01)
    np.testing.assert_allclose(found.transform, TURN, rtol=0.02, atol=2)


def test_another_animal_has_hardly_any_verified_evidence():
    query = ANIMALS[3]
    assert correspondences(query, GALLERY[3]).evidence > 10 * correspondences(query, GALLERY[4]).evidence


def test_lists_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="length"):
        LocalIndex(GALLERY, NAMES[1:])
    with pytest.raises(ValueError, match="exclude"):
        LocalIndex(GALLERY, NAMES).search(ANIMALS, ITSELF)
