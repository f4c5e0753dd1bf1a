"""A clip shows a whole animal that moves, and knows where its head is."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanzaki.virtual import Salamander, Scene, photograph
from hanzaki.virtual.pattern import HEAD, LEFT, TOP
from hanzaki.virtual.stream import Clip, stage
from hanzaki.virtual.stream.body import LENGTH, body_at
from hanzaki.virtual.stream.staging import MODES

ANIMAL = Salamander(5)
SMALL = (160, 96)
SECONDS = 2.0

#: Places of the head, in head lengths, well within it.
ACROSS, BEHIND = (grid.ravel() for grid in np.meshgrid(np.linspace(-0.3, 0.3, 33), np.linspace(0.2, 0.85, 33)))


def _clip(seed: int, animal: Salamander = ANIMAL, size: tuple[int, int] = SMALL, **choices: object) -> Clip:
    return stage(np.random.default_rng(seed), animal, "afternoon", size, SECONDS, **choices)  # type: ignore[arg-type]


def _head_mask(clip: Clip, time: float) -> np.ndarray:
    """The head in the picture, found the other way round: from every pixel back to the skin."""
    moment = clip._play.at(time)
    x, y = (cv2.resize(field, clip.size) for field in clip._places(moment, time))
    posture = clip.actors[0].walk.posture(time)
    across, along = posture.spine.on_map(x, y)
    skin_x = ((across / posture.girth - LEFT) * HEAD - 0.5).astype(np.float32)
    skin_y = ((along - TOP) * HEAD - 0.5).astype(np.float32)
    opacity = clip.actors[0].animal.skin.truth[..., 0].copy()
    return cv2.remap(opacity, skin_x, skin_y, cv2.INTER_LINEAR) >= 128


def _brightness(image: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    grey = image.mean(axis=2).astype(np.float32)
    at = pixels.astype(np.float32)
    return cv2.remap(grey, at[:, 0], at[:, 1], cv2.INTER_LINEAR).ravel()


def _head_in(clip: Clip, time: float) -> np.ndarray:
    posture = clip.actors[0].walk.posture(time)
    places = posture.spine.on_bed(ACROSS * posture.girth, BEHIND)
    return _brightness(clip.frame(time), clip.in_picture(places, time, clip._play.slopes(time)) - 0.5)


def _clear(clip: Clip) -> Clip:
    """Without what hides the spots: glare, mud, and the net of light."""
    water = replace(clip.scene.water, glare=0.0, turbidity=0.05, caustics=0.0)
    return replace(clip, scene=replace(clip.scene, water=water), umbrella=None)


def test_same_seed_gives_the_same_frames_in_any_order():
    first, second = _clip(1), _clip(1)
    frames = [first.frame(time) for time in (0.0, 0.5)]
    again = [second.frame(time) for time in (0.5, 0.0)][::-1]
    assert np.array_equal(frames, again)
    assert first.heads(0.5) == second.heads(0.5)
    assert not np.array_equal(frames[0], _clip(2).frame(0.0))


@pytest.mark.parametrize("size", [(160, 96), (96, 160), (122, 74), (320, 180)])
def test_any_size_can_be_filmed(size):
    frame = _clip(3, size=size).frame(0.3)
    assert frame.shape == (size[1], size[0], 3)
    assert frame.dtype == np.uint8
    assert frame.std() > 6


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31), mode=st.sampled_from(list(MODES)), time=st.floats(0.0, SECONDS))
def test_box_is_the_tightest_round_the_head(seed, mode, time):
    clip = _clip(seed, mode=mode)
    head = clip.heads(time)[0]
    mask = _head_mask(clip, time)
    if head is None:
        assert mask.sum() < 12
        return
    rows, columns = np.nonzero(mask)
    if not len(rows):
        assert head.visible < 0.1
        return
    box = head.box
    shown = (max(0, box.x), max(0, box.y), min(SMALL[0], box.x + box.w), min(SMALL[1], box.y + box.h))
    found = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    inside = head.visible == 1.0
    assert shown == pytest.approx(found, abs=1.6 if inside else 3.5)
    whole = np.pi / 4 * clip.head**2
    assert mask.sum() / whole == pytest.approx(head.visible, abs=0.25)


def test_an_animal_that_enters_is_seen_ever_more_and_one_that_leaves_ever_less():
    for seed in range(3):
        for mode, sign in (("enter", 1), ("leave", -1)):
            clip = _clip(seed, mode=mode)
            seen = [head.visible if head else 0.0 for head in (clip.heads(t)[0] for t in (0.0, SECONDS))]
            assert sign * (seen[1] - seen[0]) > 0.1
            assert max(seen) > 0.5


def test_clip_and_photograph_show_the_same_spots_on_the_head():
    clip = _clear(_clip(4, size=(480, 270), mode="rest"))
    scene = Scene.draw(np.random.default_rng(7))
    pose = replace(scene.pose, angle=0.0, scale=0.6, across=0.0, down=0.0, bend=0.0, tilt=(0.0, 0.0))
    water = replace(scene.water, ripple=0.0, glare=0.0, caustics=0.0)
    picture = photograph(ANIMAL, replace(scene, pose=pose, water=water), (300, 300))
    pixels = np.stack([150 + 180 * ACROSS, 150 + 180 * (BEHIND - 0.5)], axis=1) - 0.5
    filmed, taken = _head_in(clip, 0.5), _brightness(picture.image, pixels)
    assert np.corrcoef(filmed, taken)[0, 1] > 0.6
    other = _clear(_clip(4, Salamander(6), size=(480, 270), mode="rest"))
    assert abs(np.corrcoef(_head_in(other, 0.5), taken)[0, 1]) < 0.35


@pytest.mark.parametrize("mode", MODES)
def test_the_spots_stay_upon_the_head_while_it_moves(mode):
    clip = _clear(_clip(8, size=(480, 270), mode="walk" if mode == "rest" else mode))
    times = [time for time in np.linspace(0, SECONDS, 7) if (head := clip.heads(time)[0]) and head.visible == 1.0]
    first, last = (_head_in(clip, time) for time in (times[0], times[-1]))
    assert np.corrcoef(first, last)[0, 1] > 0.7


def test_trunk_and_tail_are_marked_like_the_head_and_for_good():
    body = body_at(ANIMAL, HEAD)
    assert np.array_equal(body.colour, body_at(Salamander(5), HEAD).colour)
    grey = body.colour.mean(axis=2)
    middle = grey.shape[1] // 2
    parts = [
        grey[int(a * HEAD) : int(b * HEAD), middle - 40 : middle + 40] for a, b in ((0.4, 0.9), (1.5, 3), (3.4, 5))
    ]
    assert [part.mean() for part in parts] == pytest.approx([parts[0].mean()] * 3, rel=0.25)
    assert min(part.std() for part in parts) > 15


def test_proportions_are_a_giant_salamanders():
    body = body_at(ANIMAL, HEAD)
    width = (body.opacity > 0.5).sum(axis=1) / HEAD
    at = lambda y: width[int((y - TOP) * HEAD)]  # noqa: E731
    length = (width > 0).sum() / HEAD
    assert length == pytest.approx(LENGTH, abs=0.1)
    assert at(0.63) == pytest.approx(at(2.3), rel=0.2)  # the head is as broad as the trunk
    assert at(1.1) < at(0.63)
    assert at(4.4) < 0.5 * at(2.3)


def test_feet_that_stand_do_not_slide():
    clip = _clip(11, mode="walk")
    walk = clip.actors[0].walk
    times = np.arange(0.0, SECONDS, 0.05)
    wrists = np.array([[limb.frame(0.5)[0] for limb in walk.posture(t).limbs] for t in times])
    speed = np.linalg.norm(np.diff(wrists, axis=0), axis=2) / 0.05
    body = walk._gait.speed
    assert np.quantile(speed, 0.4) < 0.6 * body
    assert np.quantile(speed, 0.97) > 1.2 * body


def test_two_animals_are_two_tracks():
    clip = _clip(5, second=Salamander(77))
    heads = [clip.heads(time) for time in np.linspace(0, SECONDS, 5)]
    assert all(len(found) == 2 for found in heads)
    middles = [
        [np.array((head.box.x + head.box.w / 2, head.box.y + head.box.h / 2)) for head in found]
        for found in heads
        if all(found)
    ]
    assert all(np.linalg.norm(a - b) > 0.8 * clip.head for a, b in middles)
