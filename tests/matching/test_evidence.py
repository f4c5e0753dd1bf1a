from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanzaki.matching.evidence import (
    Asked,
    Facts,
    Gallery,
    GlobalEvidence,
    LocalEvidence,
    PairEvidence,
    kilometres,
    pooled_scores,
    sample_by_key,
    shortlist,
)
from tests.fixtures.keypoints import animal, seen_again

ANIMALS = [animal(seed) for seed in range(6)]
NAMES = [f"animal {number % 6}" for number in range(12)]
VECTORS = np.random.default_rng(0).normal(size=(6, 16)).astype(np.float32)
SEEN_VECTORS = np.tile(VECTORS, (2, 1)) + np.random.default_rng(1).normal(0, 0.3, (12, 16)).astype(np.float32)
GALLERY = Gallery(
    keys=range(12),
    individuals=NAMES,
    sides=["left"] * 10 + ["right", None],
    encounters=[f"meeting {number}" for number in range(12)],
    descriptions={
        "vectors": list(SEEN_VECTORS),
        "points": [seen_again(one, seed) for seed, one in enumerate(ANIMALS * 2)],
    },
)


def ask(number: int = 0, **facts) -> Asked:
    """One photograph of one of the animals, seen from the left."""
    facts = {"sides": ["left"], "encounters": ["today"]} | facts
    return Asked(keys=["q"], descriptions={"vectors": [VECTORS[number]], "points": [ANIMALS[number]]}, **facts)


KINDS = [GlobalEvidence(GALLERY, "vectors"), LocalEvidence(GALLERY, "points")]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_each_kind_finds_each_animal_and_never_compares_another_flank(kind):
    for number in range(6):
        scores = kind.compare(ask(number))
        assert scores.dtype == np.float32
        assert np.nanargmax(scores[0]) % 6 == number
        assert np.flatnonzero(np.isnan(scores[0])).tolist() == [10]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_its_own_encounter_and_who_is_left_out_take_no_part(kind):
    scores = kind.compare(ask(encounters=["meeting 0"], left_out=frozenset({"animal 1"})))
    assert np.flatnonzero(np.isnan(scores[0])).tolist() == [0, 1, 7, 10]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_shortlist_is_all_that_is_compared(kind):
    scores = kind.compare(ask(2), np.array([2, 3, 8, 10]))
    assert np.flatnonzero(~np.isnan(scores[0])).tolist() == [2, 3, 8]
    assert np.nanargmax(scores[0]) in (2, 8)


def test_a_shortlist_of_everything_is_like_no_shortlist():
    np.testing.assert_allclose(KINDS[1].compare(ask(3), np.arange(12)), KINDS[1].compare(ask(3)), rtol=1e-4)


def test_only_the_descriptions_of_a_shortlist_and_the_sample_are_read():
    read: list[int] = []

    class Reading(list):
        def __getitem__(self, place):
            read.append(int(place))
            return super().__getitem__(place)

    points = Reading(GALLERY.descriptions["points"] * 20)
    many = Gallery(keys=range(240), individuals=NAMES * 20, descriptions={"points": points})
    scores = LocalEvidence(many, "points").compare(ask(1), np.arange(12))
    assert np.count_nonzero(~np.isnan(scores)) == 12
    assert len(set(read)) <= 12 + 96


def test_a_learned_matcher_is_asked_pair_by_pair():
    asked: list[tuple[int, int]] = []

    def match(mine: str, theirs: str) -> float:
        asked.append((mine, theirs))
        return float(mine == theirs)

    gallery = Gallery(keys=range(3), individuals=["a", "b", "c"], descriptions={"words": ["x", "y", "z"]})
    query = Asked(keys=[0], descriptions={"words": ["y"]})
    np.testing.assert_array_equal(
        PairEvidence(gallery, "words", match).compare(query, np.array([1, 2])), [[np.nan, 1, 0]]
    )
    assert asked == [("y", "y"), ("y", "z")]


@given(st.integers(0, 50), st.integers(1, 30))
def test_a_shortlist_has_the_best_of_every_photograph(seed: int, size: int):
    scores = np.random.default_rng(seed).normal(size=(3, 20))
    scores[:, 7] = np.nan
    chosen = shortlist(scores, size)
    assert len(chosen) == min(size, 19)
    assert 7 not in chosen
    if size >= 3:
        assert {int(np.nanargmax(row)) for row in scores} <= set(chosen.tolist())


def test_a_sample_is_the_same_in_whatever_order_the_gallery_stands():
    keys = [f"annotation {number}" for number in range(40)]
    straight = {keys[place] for place in sample_by_key(keys, 8)}
    assert {keys[::-1][place] for place in sample_by_key(keys[::-1], 8)} == straight


def test_pooled_scores_are_of_the_gallerys_individuals():
    pooled = pooled_scores(KINDS, ask(4), GALLERY)
    listed = pooled_scores(KINDS, ask(4), GALLERY, size=6)
    assert GALLERY.numbered[0][int(np.nanargmax(pooled["points"]))] == "animal 4"
    np.testing.assert_array_equal(listed["vectors"], pooled["vectors"])
    assert (listed["points"] == 0).any()  # who was passed over
    assert not (pooled["points"] == 0).any()
    assert GALLERY.numbered[0][int(np.nanargmax(listed["points"]))] == "animal 4"


def test_facts_speak_only_where_they_are_asked_and_known():
    gallery = Gallery(
        keys=range(4),
        individuals=["a", "a", "b", "c"],
        sexes=["female", None, "male", None],
        seen=[date(2000, 1, 1), date(2001, 1, 1), date(2020, 1, 1), None],
        places=[(34.0, 132.0), (34.0, 132.0), (35.0, 132.0), None],
    )
    asked = Asked(keys=[0], sexes=["female"], seen=[date(2021, 1, 1)], places=[(34.0, 132.0)])
    assert Facts().ratios(asked, gallery).tolist() == [0, 0, 0]
    a, b, c = Facts(sex_error=0.05).ratios(asked, gallery)
    assert (a, b, c) == (pytest.approx(np.log(2 * 0.905)), pytest.approx(np.log(2 * 0.095)), 0)
    a, b, c = Facts(oldest_years=10).ratios(asked, gallery)
    assert (a, b, c) == (pytest.approx(np.log(0.01)), 0, 0)
    a, b, c = Facts(moved_km=5).ratios(asked, gallery)
    assert a > 0 > b > np.log(0.009)
    assert c == 0
    assert Facts(sex_error=0.05, moved_km=5, oldest_years=10).ratios(Asked(keys=[0]), gallery).tolist() == [
        0,
        0,
        0,
    ]


def test_a_degree_of_the_equator_is_a_hundred_and_eleven_kilometres():
    assert kilometres(np.array([0.0, 10.0]), np.array([0.0, 11.0])) == pytest.approx(111.19, abs=0.01)


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="different lengths"):
        Gallery(keys=range(3), individuals=["a"])
