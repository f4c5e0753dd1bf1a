from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanzaki import Box
from hanzaki.vision.best import BestFrames, Candidate, alike, choose, look_of
from tests.fixtures.photographs import pixels

BOX = Box(0, 0, 100, 60)
LOOKS = [look_of(pixels(seed, (60, 40))) for seed in range(6)]


def a_track(seed: int, frames: int) -> list[Candidate]:
    """An animal that shows six sides in turn, at ten frames a second."""
    dice = np.random.default_rng(seed)
    track = []
    for i in range(frames):
        look = LOOKS[i * len(LOOKS) // frames] + dice.normal(0, 0.01, 256).astype(np.float32)
        box = Box(*dice.uniform(0, 500, 2), *(np.array([100, 60]) * dice.uniform(0.9, 1.1, 2)))
        track.append(Candidate(i / 10, box, float(dice.uniform(0.2, 1)), look / np.linalg.norm(look)))
    return track


def offered(track: list[Candidate], k: int, **more: int) -> BestFrames:
    best = BestFrames(k, **more)
    for one in track:
        best.offer(one.seconds, one.box, one.quality, one.look)
    return best


def test_the_look_forgets_brightness_and_contrast_and_keeps_what_is_seen():
    picture = pixels(3, (80, 60))
    dim = cv2.convertScaleAbs(picture, alpha=0.5, beta=20)
    assert look_of(dim) @ look_of(picture) > 0.99
    assert look_of(cv2.resize(picture, (200, 150))) @ look_of(picture) > 0.95
    assert look_of(pixels(4, (80, 60))) @ look_of(picture) < 0.7
    assert not look_of(np.full((20, 20, 3), 90, np.uint8)).any()


def test_what_differs_in_look_time_or_pose_is_less_alike():
    one = Candidate(1.0, BOX, 0.9, LOOKS[0])
    later, turned = Candidate(9.0, BOX, 0.9, LOOKS[0]), Candidate(1.0, Box(0, 0, 60, 100), 0.9, LOOKS[0])
    other = Candidate(1.0, BOX, 0.9, LOOKS[1])
    same, *different = alike(one, [one, later, turned, other])
    assert same == pytest.approx(1)
    assert max(different) < 0.9


def test_of_many_frames_that_are_alike_one_is_chosen_before_others_that_differ():
    track = [Candidate(i / 10, BOX, 0.9 - i / 1000, LOOKS[0]) for i in range(20)]
    track += [Candidate(8.0, BOX, 0.6, LOOKS[1]), Candidate(12.0, Box(0, 0, 60, 100), 0.6, LOOKS[2])]
    assert {one.seconds for one in offered(track, 3).chosen()} == {0.0, 8.0, 12.0}


def test_a_bad_frame_is_not_chosen_however_different_it_is():
    track = [Candidate(0.0, BOX, 0.9, LOOKS[0]), Candidate(5.0, BOX, 0.3, LOOKS[1])]
    assert [one.seconds for one in offered(track, 2).chosen()] == [0.0]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), frames=st.integers(1, 60), k=st.integers(1, 6))
def test_the_best_comes_first_and_all_are_different_frames_of_the_track(seed: int, frames: int, k: int):
    track = a_track(seed, frames)
    best = offered(track, k, kept=12)
    chosen = best.chosen()
    assert len(best) <= 12
    assert 1 <= len(chosen) <= k
    assert chosen[0].quality == max(one.quality for one in track)
    assert len({one.seconds for one in chosen}) == len(chosen)
    assert {one.seconds for one in chosen} <= {one.seconds for one in track}
    assert min(one.quality for one in chosen) >= chosen[0].quality / 2 - 1e-6


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_as_long_as_all_are_kept_it_is_the_choice_among_all(seed: int):
    track = a_track(seed, 30)
    likeness = np.stack([alike(one, track) for one in track])
    expected = choose(np.array([one.quality for one in track], np.float32), likeness, 5)
    assert [one.seconds for one in offered(track, 5).chosen()] == [track[i].seconds for i in expected]


def test_a_long_video_is_chosen_from_nearly_as_well_as_if_all_was_kept():
    for seed in range(5):
        track = a_track(seed, 300)
        few, all_ = offered(track, 6).chosen(), offered(track, 6, kept=300).chosen()
        sides = [{int(one.seconds * 10) * 6 // 300 for one in chosen} for chosen in (few, all_)]
        assert len(sides[0]) >= len(sides[1]) - 1  # as many of the six sides of the animal
        assert sum(one.quality for one in few) > 0.95 * sum(one.quality for one in all_)


def test_a_rare_side_is_kept_however_many_better_frames_of_another_follow():
    track = [Candidate(0.0, BOX, 0.6, LOOKS[1])]
    track += [Candidate(1 + i / 10, BOX, 0.8 + i / 1000, LOOKS[0]) for i in range(100)]
    assert 0.0 in {one.seconds for one in offered(track, 2, kept=5).chosen()}


def test_nothing_offered_is_nothing_chosen():
    assert BestFrames(3).chosen() == []


def test_a_number_that_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        BestFrames(0)
    with pytest.raises(ValueError, match="keep more"):
        BestFrames(10, kept=5)
