from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanzaki.keypoints import Keypoints
from hanzaki.matching import local
from hanzaki.matching.local import LocalIndex
from hanzaki.matching.points import ANY_WAY, LocalParameters
from tests.fixtures.keypoints import EXTENT, animal, seen_again

ANIMALS = [animal(seed) for seed in range(6)]
GALLERY = [seen_again(one, seed) for seed, one in enumerate(ANIMALS * 2)]
NAMES = [f"animal {number % 6}" for number in range(12)]
ITSELF = [np.array([number]) for number in range(12)]


def search(index: LocalIndex, queries: list[Keypoints], exclude: list[np.ndarray] | None = None) -> np.ndarray:
    """All blocks together."""
    return np.concatenate(list(index.search(queries, exclude)))


def test_each_animal_is_found_among_the_others():
    scores = search(LocalIndex(GALLERY, NAMES), ANIMALS)
    assert scores.shape == (6, 12)
    assert scores.dtype == np.float32
    np.testing.assert_array_equal(scores.argmax(axis=1) % 6, np.arange(6))


def test_one_against_all_finds_the_other_photograph():
    scores = search(LocalIndex(GALLERY, NAMES), GALLERY, ITSELF)
    np.testing.assert_array_equal(scores.argmax(axis=1), (np.arange(12) + 6) % 12)
    assert (np.diag(scores) == -np.inf).all()


def test_an_identical_photograph_is_best():
    scores = search(LocalIndex(GALLERY, NAMES), GALLERY)
    np.testing.assert_array_equal(scores.argmax(axis=1), np.arange(12))


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 11), max_size=11, unique=True))
def test_excluded_annotations_are_as_if_they_were_not_in_the_gallery(out: list[int]):
    left = [number for number in range(12) if number not in out]
    query = [ANIMALS[0]]
    whole = search(LocalIndex(GALLERY, NAMES), query, [np.array(out, np.intp)])[0]
    fewer = search(LocalIndex([GALLERY[i] for i in left], [NAMES[i] for i in left]), query)[0]
    assert (whole[out] == -np.inf).all()
    np.testing.assert_allclose(whole[left], fewer, rtol=1e-3, atol=1e-4)


@settings(max_examples=10, deadline=None)
@given(st.permutations(range(12)))
def test_the_gallerys_order_does_not_change_scores(order: list[int]):
    straight = search(LocalIndex(GALLERY, NAMES), ANIMALS[:2])
    shuffled = search(LocalIndex([GALLERY[i] for i in order], [NAMES[i] for i in order]), ANIMALS[:2])
    np.testing.assert_allclose(shuffled, straight[:, order], rtol=1e-3, atol=1e-4)


def test_queries_do_not_change_each_others_scores():
    index = LocalIndex(GALLERY, NAMES, LocalParameters(block=4))
    alone = np.concatenate([search(index, [query]) for query in ANIMALS])
    np.testing.assert_allclose(search(index, ANIMALS), alone, rtol=1e-3, atol=1e-4)


def test_unknown_animals_compete_with_each_other():
    twice = [GALLERY[0], seen_again(GALLERY[0], 99, noise=0, transform=np.eye(3)[:2])]
    same = search(LocalIndex(twice, ["a", "a"]), [ANIMALS[0]])
    unknown = search(LocalIndex(twice, [None, None]), [ANIMALS[0]])
    assert (same > 2 * unknown).all()


@pytest.mark.parametrize("count", [0, 1])
def test_annotations_with_hardly_any_keypoints(count: int):
    bare = animal(7, count)
    scores = search(LocalIndex([*GALLERY, bare], [*NAMES, "bare"]), [bare, ANIMALS[0]])
    assert np.isfinite(scores).all()
    assert scores[1].argmax() % 6 == 0
    assert (scores[0].argmax() == 12) if count else not scores[0].any()


def test_galleries_of_nobody_one_photograph_and_one_individual():
    assert search(LocalIndex([], []), ANIMALS).shape == (6, 0)
    empty = animal(0, 0)
    assert not search(LocalIndex([empty, empty], ["a", "b"]), [ANIMALS[0], empty]).any()
    scores = search(LocalIndex([GALLERY[0], GALLERY[6]], ["animal 0"] * 2), [ANIMALS[0], ANIMALS[1]])
    assert (scores[0] > 10 * scores[1]).all()
    pair = search(LocalIndex(GALLERY[:2], NAMES[:2]), GALLERY[:2], ITSELF[:2])
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
    plain = LocalParameters(verified_weight=0)  # the gallery's own votes are 0 here: a stranger is nearer to each
    scores = search(LocalIndex(one[1:], ["a", "a", "b"], plain), one[:1])[0]
    cosines = [12 / 13, 0.8, np.sqrt(0.5)]
    np.testing.assert_allclose(scores, [cosines[0] - cosines[2], cosines[1] - cosines[2], 0], atol=1e-4)


def test_lists_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="length"):
        LocalIndex(GALLERY, NAMES[1:])
    with pytest.raises(ValueError, match="exclude"):
        search(LocalIndex(GALLERY, NAMES), ANIMALS, ITSELF)


def test_an_animal_that_lies_any_way_is_found_whatever_its_turn():
    upside_down = cv2.getRotationMatrix2D((150, 100), 180, 1)
    turned = [seen_again(one, seed, transform=upside_down) for seed, one in enumerate(ANIMALS)]
    names = [str(number) for number in range(6)]
    np.testing.assert_array_equal(search(LocalIndex(turned, names, ANY_WAY), ANIMALS).argmax(axis=1), np.arange(6))
    assert (
        search(LocalIndex(turned, names, ANY_WAY), ANIMALS).max()
        > 2 * search(LocalIndex(turned, names), ANIMALS).max()
    )


def test_blocks_of_any_size_give_the_same_scores(monkeypatch):
    whole = search(LocalIndex(GALLERY, NAMES), ANIMALS)
    monkeypatch.setattr(local, "_MOST", 50)
    np.testing.assert_allclose(search(LocalIndex(GALLERY, NAMES), ANIMALS), whole, rtol=1e-3, atol=1e-4)


def test_the_sample_of_rivals_is_the_same_in_whatever_order_the_gallery_stands():
    parameters = LocalParameters(rivals=4)
    straight = search(LocalIndex(GALLERY, NAMES, parameters), ANIMALS[:2])
    backwards = search(LocalIndex(GALLERY[::-1], NAMES[::-1], parameters), ANIMALS[:2])
    np.testing.assert_allclose(backwards[:, ::-1], straight, rtol=1e-3, atol=1e-4)
