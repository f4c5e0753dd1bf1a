"""Controls take from the pictures what should tell the label, and nothing else."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanzaki.boxes import Box
from hanzaki.evaluation.resampling import Interval
from hanzaki.learning.classifier.controls import (
    SHUFFLED,
    SURROUNDINGS,
    Control,
    dealt,
    shuffled,
    surroundings,
    without_animal,
)
from hanzaki.learning.classifier.parts import Parts, split_tables, write_parts
from hanzaki.media import load_picture
from hanzaki.vision.crop import crop
from hanzaki.vision.model import ClassifierConfig
from tests.fixtures.kinds import tiny_classifier, write_kinds

LOOK = ClassifierConfig(
    task="classify", name="k", architecture="none", label="origin", labels=["hybrid", "native"],
    input_size=(32, 32), mean=(0.0, 1.0, 0.0), std=(1, 1, 1),
)  # fmt: skip
GREEN = (0, 255, 0)


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Path:
    return write_kinds(tmp_path_factory.mktemp("kinds"), 12, 2)


def _parts(table: Path, tmp_path: Path, **parts: dict[str, object]) -> Parts:
    config = tiny_classifier(table, **parts)
    return write_parts(config, *split_tables(config), tmp_path / "run")


# ---- shuffled labels


@settings(deadline=None)
@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=60), st.integers(0, 99))
def test_dealt_labels_are_the_same_ones_and_say_little_of_the_old(labels, seed):
    new = dealt(labels, seed)
    assert Counter(new) == Counter(labels)
    counts, both = Counter(labels), Counter(zip(labels, new, strict=True))
    for old, share in counts.items():
        for name, wanted in counts.items():
            assert abs(both[old, name] - share * wanted / len(labels)) <= len(counts)


def test_labels_of_animals_are_dealt_to_animals_and_the_test_keeps_its_own(table, tmp_path):
    parts = _parts(table, tmp_path)
    config = tiny_classifier(table)
    other = shuffled(config, parts)
    before, after = (
        {(row.identity, row.origin) for part in (some.train, some.validation) for row in part}
        for some in (parts, other)
    )
    assert len(after) == len(before) == len({identity for identity, _ in after})
    assert Counter(kind for _, kind in after) == Counter(kind for _, kind in before)
    assert 0.25 < len(before & after) / len(before) < 0.75
    assert other.test is parts.test
    assert list(other.train.frame["path"]) == list(parts.train.frame["path"])


def test_ranges_of_a_number_are_dealt_to_pictures(table, tmp_path):
    wanted = {"data": {"label": "quality", "cuts": [0.5]}}
    parts = _parts(table, tmp_path, **wanted)
    other = shuffled(tiny_classifier(table, **wanted), parts)
    before, after = ([row.quality for row in some.train] for some in (parts, other))
    assert before != after
    assert set(after) <= {0.1, 0.9}


# ---- surroundings


def test_nothing_of_the_animal_is_left_and_all_that_is_around_it(table, tmp_path):
    parts = _parts(table, tmp_path)
    shown = surroundings(parts, tmp_path / "around", LOOK)
    for before, after in ((parts.train, shown.train), (parts.test, shown.test)):
        assert [row.origin for row in after] == [row.origin for row in before]
        assert all(row.bbox is None for row in after)
    row, bare = next(iter(parts.test)), next(iter(shown.test))
    seen = load_picture(shown.test.folder / bare.path, None, 100)
    photograph = load_picture(parts.test.folder / row.path, None, 100)
    wide = crop(photograph, row.bbox.scaled_area(3))
    height, width = wide.shape[:2]
    assert seen.shape == wide.shape
    middle = seen[round(0.22 * height) : round(0.78 * height), round(0.22 * width) : round(0.78 * width)]
    assert np.abs(middle.astype(int) - GREEN).max() < 30  # but for what JPEG does
    assert np.abs(seen[0].astype(int) - wide[0]).mean() < 15


@settings(deadline=None)
@given(
    st.floats(-20, 70), st.floats(-20, 50), st.floats(4, 60), st.floats(4, 60), st.sampled_from([0.0, 0.4, -1.2])
)
def test_whatever_the_box_its_inside_is_covered_and_what_is_over_the_edge_too(x, y, w, h, theta):
    photograph = np.full((60, 80, 3), 9, np.uint8)
    box = Box(x, y, w, h, theta)
    if not box.meets(80, 60):
        with pytest.raises(ValueError, match="lies outside"):
            without_animal(photograph, box, GREEN)
        return
    shown = without_animal(photograph, box, GREEN)
    assert {tuple(pixel) for pixel in shown.reshape(-1, 3)} <= {GREEN, (9, 9, 9)}
    wide = box.upright.scaled_area(3)
    rows, columns = np.mgrid[: shown.shape[0], : shown.shape[1]]
    across = columns + round(wide.x) + 0.5 - (box.x + box.w / 2)
    down = rows + round(wide.y) + 0.5 - (box.y + box.h / 2)
    along = np.cos(theta) * across + np.sin(theta) * down
    over = -np.sin(theta) * across + np.cos(theta) * down
    inside = (np.abs(along) < box.w / 2) & (np.abs(over) < box.h / 2)
    assert (shown[inside] == GREEN).all()
    far = (np.abs(along) > box.w / 2 + 3) | (np.abs(over) > box.h / 2 + 3)
    seen = (columns + round(wide.x) >= 0) & (columns + round(wide.x) < 80)
    seen &= (rows + round(wide.y) >= 0) & (rows + round(wide.y) < 60)
    assert (shown[far & seen] == 9).all()
    assert (shown[~seen] == GREEN).all()


def test_pictures_without_boxes_have_no_surroundings(table, tmp_path):
    bare = tmp_path / "bare.csv"
    lines = table.read_text().splitlines()
    bare.write_text("\n".join(str(table.parent) + "/" + line.rpartition(",")[0] for line in lines).replace(
        f"{table.parent}/path", "path"
    ))  # fmt: skip
    assert surroundings(_parts(bare, tmp_path), tmp_path / "around", LOOK) is None


# ---- what they say


@pytest.mark.parametrize(
    ("name", "low", "kappa", "said"),
    [
        (SURROUNDINGS, 0.45, -0.1, "no better than chance"),
        (SURROUNDINGS, 0.7, 0.3, "the label can be read off the surroundings"),
        (SURROUNDINGS, 0.45, 0.2, "the label can be read off the surroundings"),
        (SHUFFLED, 0.7, 0.3, "the test is too small or it leaks"),
    ],
)
def test_a_control_says_in_words_what_it_came_to(name, low, kappa, said):
    control = Control(name, Interval(0.75, low, 0.8), Interval(0.4, kappa, 0.6), 0.5, 40)
    assert said in control.sentence
    assert "75.0% right" in control.sentence
    assert control.near_chance == ("no better" in said)
