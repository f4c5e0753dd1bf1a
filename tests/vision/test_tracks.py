from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanzaki import Box
from hanzaki.vision.tracks import Track, Tracker, link

Path = Callable[[float], tuple[float, float] | None]


@dataclass(frozen=True)
class Found:
    box: Box
    label: str = "animal"
    score: float = 0.9
    truth: int = 0


def around(place: tuple[float, float], size: tuple[float, float] = (100, 60), **more: object) -> Found:
    return Found(Box(place[0] - size[0] / 2, place[1] - size[1] / 2, *size), **more)  # type: ignore[arg-type]


def film(times: Sequence[float], paths: Sequence[Path], seed: int = 0, jitter: float = 2.0, **more: object):
    """What a detector says of animals on their paths; a path gives None where its animal is not seen."""
    dice = np.random.default_rng(seed)
    frames = []
    for seconds in times:
        places = [(truth, path(seconds)) for truth, path in enumerate(paths)]
        found = [
            around(tuple(np.array(place) + dice.normal(0, jitter, 2)), truth=truth, **more)
            for truth, place in places
            if place is not None
        ]
        frames.append((seconds, [found[i] for i in dice.permutation(len(found))]))
    return frames


def truths(frames, tracks: Sequence[Track]) -> list[list[int]]:
    """For each track whom it followed, frame by frame."""
    whose = {(seconds, one.box): one.truth for seconds, found in frames for one in found}
    return [[whose[seen.seconds, seen.box] for seen in track.observations] for track in tracks]


def assert_one_track_each(frames, tracks: Sequence[Track], animals: int) -> None:
    followed = truths(frames, tracks)
    assert sorted(sorted({*one}) for one in followed) == [[i] for i in range(animals)]
    assert sum(map(len, followed)) == sum(len(found) for _, found in frames)


def straight(start: tuple[float, float], speed: tuple[float, float]) -> Path:
    return lambda t: (start[0] + speed[0] * t, start[1] + speed[1] * t)


def during(path: Path, *spans: tuple[float, float]) -> Path:
    return lambda t: path(t) if any(begin <= t < end for begin, end in spans) else None


TEN = np.arange(0, 6, 0.1)


@pytest.mark.parametrize("seed", range(8))
def test_animals_that_cross_keep_their_tracks(seed: int):
    frames = film(TEN, [straight((0, 200), (100, 0)), straight((600, 210), (-100, 0))], seed)
    assert_one_track_each(frames, link(frames), 2)


@pytest.mark.parametrize("seed", range(8))
def test_of_two_that_cross_one_may_be_hidden_behind_the_other(seed: int):
    hidden = during(straight((600, 205), (-100, 0)), (0, 2.7), (3.4, 6))
    frames = film(TEN, [straight((0, 200), (100, 0)), hidden], seed)
    assert_one_track_each(frames, link(frames), 2)


def test_an_animal_that_was_hidden_for_a_while_is_the_same_animal():
    frames = film(TEN, [during(straight((0, 0), (90, 30)), (0, 2), (3.5, 6))])
    assert_one_track_each(frames, link(frames), 1)


def test_after_the_longest_gap_it_is_another_track():
    frames = film(TEN, [during(straight((0, 0), (90, 30)), (0, 2), (3.5, 6))])
    assert [len(track.observations) for track in link(frames, longest_gap=1.0)] == [20, 25]


def test_one_leaves_while_another_enters():
    leaving = during(straight((300, 100), (150, 0)), (0, 2))
    entering = during(straight((-300, 120), (150, 0)), (2, 6))
    frames = film(TEN, [leaving, entering])
    assert_one_track_each(frames, link(frames), 2)


@pytest.mark.parametrize("seed", range(4))
def test_a_hand_held_camera_pans_and_shakes(seed: int):
    def camera(t: float) -> np.ndarray:
        return np.array([150 * t + 12 * np.sin(9 * t), 40 * np.sin(2 * t) + 10 * np.sin(11 * t)])

    herd = [straight((120.0 * i, 40.0 * (i % 2)), (20.0 * (-1) ** i, 5.0)) for i in range(5)]
    seen = [lambda t, path=path: tuple(np.array(path(t)) - camera(t)) for path in herd]
    frames = film(TEN, seen, seed)
    assert_one_track_each(frames, link(frames), 5)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_frames_may_lie_unevenly_in_time(seed: int):
    dice = np.random.default_rng(seed)
    times = np.cumsum(dice.uniform(0.02, 0.8, 25))
    frames = film(times, [straight((0, 0), (80, 10)), straight((0, 150), (60, -5))], seed)
    assert_one_track_each(frames, link(frames), 2)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), scale=st.floats(0.05, 20), moved=st.floats(-1e4, 1e4))
def test_neither_scale_nor_place_nor_order_matters(seed: int, scale: float, moved: float):
    dice = np.random.default_rng(seed)
    paths = [straight(tuple(dice.uniform(0, 500, 2)), tuple(dice.uniform(-150, 150, 2))) for _ in range(4)]
    frames = film(TEN[:25], paths, seed)

    def changed(box: Box) -> Box:
        return Box(box.x * scale + moved, box.y * scale, box.w * scale, box.h * scale)

    others = [(t, [Found(changed(one.box), truth=one.truth) for one in reversed(found)]) for t, found in frames]
    assert sorted(truths(frames, link(frames))) == sorted(truths(others, link(others)))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_whatever_is_seen_no_detection_is_in_two_tracks_and_no_track_twice_in_a_frame(seed: int):
    dice = np.random.default_rng(seed)
    tracker = Tracker(least=1)
    given_to: dict[int, list[tuple[float, Box]]] = {}
    for seconds in np.cumsum(dice.uniform(0.01, 1.5, 15)):
        found = [
            around(tuple(dice.uniform(0, 300, 2)), tuple(dice.uniform(5, 200, 2)), score=dice.random(),
                   label="ab"[dice.integers(2)])
            for _ in range(dice.integers(0, 7))
        ]  # fmt: skip
        ids = tracker.add(seconds, found)
        named = [one for one in ids if one is not None]
        assert len(set(named)) == len(named)
        for one, detection in zip(ids, found, strict=True):
            assert (one is not None) or detection.score < 0.5
            assert (one is None) or detection.score >= 0.1
            if one is not None:
                given_to.setdefault(one, []).append((seconds, detection.box))
    made = {track.id: [(seen.seconds, seen.box) for seen in track.observations] for track in tracker.tracks()}
    assert made == given_to


def test_an_unsure_detection_goes_on_with_a_track_but_begins_none():
    path = straight((0, 0), (50, 0))
    frames = [(t, [around(path(t), score=0.9 if t < 1 else 0.2)]) for t in TEN]
    (track,) = link(frames)
    assert len(track.observations) == len(TEN)
    assert link([(t, [around(path(t), score=0.4)]) for t in TEN]) == []


def test_an_unsure_detection_never_takes_the_place_of_a_sure_one():
    path = straight((0, 0), (50, 0))
    frames = [(t, [around(path(t), score=0.3), around((path(t)[0] + 12, 4), score=0.9)]) for t in TEN]
    (track,) = link(frames)
    assert {seen.score for seen in track.observations} == {0.9}


def test_an_unsure_detection_does_not_bring_back_what_was_out_of_sight():
    tracker = Tracker()
    for seconds in (0.0, 0.1, 0.2):
        tracker.add(seconds, [around((0, 0))])
    assert tracker.add(0.3, [around((1, 0), score=0.3)]) == [1]
    tracker.add(0.4, [])
    assert tracker.add(0.5, [around((1, 0), score=0.3)]) == [None]
    assert tracker.add(0.6, [around((1, 0))]) == [1]


def test_at_one_place_label_and_size_tell_animals_apart():
    for other in (around((0, 0), label="calf"), around((0, 0), (50, 30))):
        tracker = Tracker()
        for seconds, shift in enumerate((0, 6, -6, 6, -6)):  # each box is now nearer to where the other one was
            one = around((shift, 0))
            another = Found(other.box._replace(x=other.box.x - shift), other.label)
            assert tracker.add(seconds / 10, [one, another]) == [1, 2]


def test_heads_and_bodies_are_not_mixed_up():
    head, body = straight((40, 0), (50, 0)), straight((0, 0), (50, 0))
    frames = [
        (t, [around(body(t), (120, 50), label="body"), around(head(t), (30, 25), label="head")]) for t in TEN
    ]
    tracks = link(frames)
    assert [track.label for track in tracks] == ["body", "head"]
    assert all(len({seen.label for seen in track.observations}) == 1 for track in tracks)


def test_a_label_that_wavers_breaks_no_track():
    path = straight((0, 0), (50, 0))
    frames = [(t, [around(path(t), label="hybrid" if i % 5 == 4 else "native")]) for i, t in enumerate(TEN)]
    (track,) = link(frames)
    assert track.label == "native"
    assert len(track.observations) == len(TEN)


def test_what_is_seen_too_seldom_is_dropped():
    frames = film(TEN[:2], [straight((0, 0), (0, 0))])
    assert link(frames) == []
    assert len(link(frames, least=2)) == 1


def test_frames_out_of_order_are_refused():
    tracker = Tracker()
    tracker.add(1.0, [])
    with pytest.raises(ValueError, match="in order"):
        tracker.add(1.0, [])


def test_a_box_without_area_and_a_score_that_is_no_number_are_passed_over():
    odd = [Found(Box(0, 0, 0, 10)), Found(Box(0, 0, 10, -1)), Found(Box(0, 0, 10, 10), score=float("nan"))]
    assert Tracker().add(0.0, odd) == [None, None, None]


def test_no_frames_are_no_tracks():
    assert link([]) == []
