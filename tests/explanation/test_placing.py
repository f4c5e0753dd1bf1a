"""What a network saw, laid back over the photograph: it must land where the crop came from."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanzaki.boxes import Box
from hanzaki.explanation.gradcam import heat
from hanzaki.explanation.placing import Sight, in_photograph, spread_over
from hanzaki.vision.classifier import Explained
from hanzaki.vision.crop import crop, resize
from hanzaki.vision.model import CropConfig

WIDTH, HEIGHT = 160, 120


def _config(resize: str = "squash", size: tuple[int, int] = (64, 64)) -> CropConfig:
    return CropConfig(
        task="embed", name="n", architecture="none", input_size=size, mean=(0,) * 3, std=(1,) * 3, resize=resize
    )


@st.composite
def sights(draw) -> Sight:
    """A box somewhere in the photograph, turned or not, or none."""
    fraction = draw(st.sampled_from([1.0, 0.6, 0.3]))
    if draw(st.booleans()):
        return Sight((WIDTH, HEIGHT), None, fraction)
    w, h = draw(st.integers(40, 90)), draw(st.integers(40, 70))
    x, y = draw(st.integers(10, WIDTH - w - 10)), draw(st.integers(10, HEIGHT - h - 10))
    return Sight((WIDTH, HEIGHT), Box(x, y, w, h, draw(st.sampled_from([0.0, 0.0, 0.4, -1.2]))), fraction)


@settings(deadline=None, max_examples=80)
@given(sights(), st.sampled_from(["squash", "pad"]), st.sampled_from([(64, 64), (96, 64)]))
def test_a_bright_spot_that_the_network_sees_lights_up_where_it_is(sight, mode, size):
    """The photograph's own brightness, through crop and resize into a map, and back."""
    spot = sight.to_photograph([[0.2, -0.15]], (1, 1))[0]  # off the middle of what is seen
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    glow = np.exp(-((x - spot[0]) ** 2 + (y - spot[1]) ** 2) / (2 * 6.0**2))
    image = np.repeat((glow * 255).astype(np.uint8)[..., None], 3, axis=2)
    config = _config(mode, size)
    seen = resize(crop(image, sight.box, sight.area_fraction), config.input_size, config.resize)
    found = spread_over(seen[..., 0].astype(np.float32) / 255, sight, config)
    assert found.shape == (HEIGHT, WIDTH)
    row, column = np.unravel_index(found.argmax(), found.shape)
    assert np.hypot(column - spot[0], row - spot[1]) <= 3


@settings(deadline=None, max_examples=50)
@given(sights(), st.sampled_from(["squash", "pad"]))
def test_nothing_is_laid_outside_of_what_was_seen(sight, mode):
    found = spread_over(np.ones((4, 5), np.float32), sight, _config(mode))
    assert set(np.unique(found)) <= {0.0, 1.0}
    seen = sight.seen
    assert found.sum() == pytest.approx(seen.area, rel=0.1)


@settings(deadline=None, max_examples=50)
@given(sights())
def test_points_go_to_the_photograph_and_back(sight):
    points = np.array([[0.1, 0.2], [0.5, 0.5], [0.9, 0.7]])
    u, v = sight.from_photograph()
    for (x, y), place in zip(sight.to_photograph(points - 0.5, (1, 1)), points, strict=True):
        row, column = int(np.clip(round(y), 0, HEIGHT - 1)), int(np.clip(round(x), 0, WIDTH - 1))
        assert abs(u[row, column] - place[0]) < 1.5 / min(sight.seen[2:4])
        assert abs(v[row, column] - place[1]) < 1.5 / min(sight.seen[2:4])


def test_padding_of_the_input_is_no_place_of_the_photograph():
    sight = Sight((160, 80))  # padded to a square, its lower half is black
    (inside, beyond) = in_photograph([[0.5, 0.25], [0.5, 0.9]], sight, _config("pad"))
    np.testing.assert_allclose(inside, [79.5, 39.5])
    assert beyond[1] > 80


def test_heat_is_a_share_of_the_most_that_any_place_says():
    maps = np.zeros((2, 4, 4), np.float32)
    maps[1, 1, 2] = 7
    explained = Explained(np.array([0.3, 0.7], np.float32), maps)
    found = heat(explained, 1, Sight((80, 80)), _config())
    assert found.dtype == np.float32
    assert (found.min(), found.max()) == (0, pytest.approx(1, abs=0.05))
    assert found[20:40, 40:60].min() > found[60:].max()
    assert not heat(explained, 0, Sight((80, 80)), _config()).any()
    with pytest.raises(ValueError, match="label 2 of 2"):
        heat(explained, 2, Sight((80, 80)), _config())
    with pytest.raises(ValueError, match="a map is"):
        spread_over(np.zeros(3, np.float32), Sight((8, 8)), _config())
