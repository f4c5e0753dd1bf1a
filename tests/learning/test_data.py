"""What an embedder learns from: who is whose class, who is kept aside, and which pixels are seen."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from hanzaki.annotations import Annotations
from hanzaki.boxes import Box
from hanzaki.errors import BadMedium, SettingError
from hanzaki.learning.augment import Augmentation
from hanzaki.learning.data import Picture, Pictures, kept_aside, training_set
from hanzaki.media import load_picture
from hanzaki.vision.crop import crop, resize
from hanzaki.vision.embedder import normalised, standardised
from hanzaki.vision.model import ModelConfig
from tests.fixtures.photographs import pixels, write

SIZE = (120, 90)


def _table(*rows: tuple[str, str, str], source: Path | None = None) -> Annotations:
    """Pictures in turn; each row is species, identity and side."""
    frame = pd.DataFrame(rows, columns=["species", "identity", "orientation"], dtype=object)
    frame["path"] = [f"{number}.jpg" for number in range(len(rows))]
    return Annotations(frame, source)


def _look(**values: object) -> ModelConfig:
    basis = {"task": "embed", "name": "a", "architecture": "a", "embedding_size": 4, "input_size": (32, 24)}
    colours = {"mean": (0.4, 0.5, 0.6), "std": (0.2, 0.3, 0.4)}
    return ModelConfig.model_validate(basis | colours | values)


@pytest.fixture(scope="session")
def photograph(tmp_path_factory) -> tuple[Path, np.ndarray]:
    """A photograph that loses nothing, and its pixels."""
    path = tmp_path_factory.mktemp("photograph") / "one.png"
    noise = np.random.default_rng(0).normal(0, 12, (SIZE[1], SIZE[0], 3))
    image = np.clip(pixels(1, SIZE) + noise, 0, 255).astype(np.uint8)
    Image.fromarray(image).save(path)
    return path, image


# ---- classes


def test_each_side_of_each_animal_of_each_species_is_a_class():
    made = training_set(
        [
            _table(
                ("Andrias japonicus", "Ume", "left"),
                ("Andrias japonicus", "Ume", "right"),
                ("Andrias japonicus", "Ume", "left"),
                ("Andrias japonicus", "Sakura", "left"),
                ("Phoca vitulina", "Ume", "left"),
                ("Phoca vitulina", "Ume", ""),
            )
        ]
    )
    assert [name[:3] for name in made.classes] == [
        ("Andrias japonicus", "Sakura", "left"),
        ("Andrias japonicus", "Ume", "left"),
        ("Andrias japonicus", "Ume", "right"),
        ("Phoca vitulina", "Ume", ""),
        ("Phoca vitulina", "Ume", "left"),
    ]
    assert made.counts == [1, 2, 1, 1, 1]
    of = {picture.path.name: made.classes[picture.label][:3] for picture in made.pictures}
    assert of["1.jpg"] == ("Andrias japonicus", "Ume", "right")
    assert of["4.jpg"] == ("Phoca vitulina", "Ume", "left")


def test_species_of_several_tables_share_one_label_space():
    one = _table(("a", "x", "left"), ("a", "y", "left"), source=Path("here/t.csv"))
    other = _table(("a", "x", "left"), ("b", "x", "left"), source=Path("there/t.csv"))
    made = training_set([one, other])
    assert [name[:2] for name in made.classes] == [("a", "x"), ("a", "y"), ("b", "x")]
    assert sorted(str(p.path) for p in made.pictures if p.label == 0) == ["here/0.jpg", "there/0.jpg"]


def test_animals_that_nobody_knows_are_not_learnt_from():
    made = training_set([_table(("a", "x", ""), ("a", "unknown", ""), ("a", "", ""), ("a", "y", ""))])
    assert len(made.pictures) == 2


def test_mirrored_flanks_are_further_animals_and_other_sides_are_not_mirrored():
    rows = _table(("a", "x", "left"), ("a", "x", "right"), ("a", "x", "top"), ("a", "y", ""))
    plain, doubled = training_set([rows]), training_set([rows], mirror=True)
    assert not any(picture.mirrored for picture in plain.pictures)
    new = {name for name in doubled.classes if name[3]}
    assert new == {("a", "x", "right", True), ("a", "x", "left", True)}
    assert {name for name in doubled.classes if not name[3]} == set(plain.classes)
    mirrored = {p.path.name: doubled.classes[p.label] for p in doubled.pictures if p.mirrored}
    assert mirrored == {"0.jpg": ("a", "x", "right", True), "1.jpg": ("a", "x", "left", True)}
    assert all(picture.mirrored == doubled.classes[picture.label][3] for picture in doubled.pictures)


def test_classes_with_fewer_pictures_than_wanted_are_left_out():
    rows = [("a", "x", "left")] * 3 + [("a", "y", "left")] * 2 + [("a", "z", "left")] + [("a", "z", "right")]
    made = training_set([_table(*rows)], least=2)
    assert [name[1] for name in made.classes] == ["x", "y"]
    assert made.counts == [3, 2]


def test_a_picture_that_stands_twice_counts_once():
    twice = _table(("a", "x", ""), ("a", "y", ""), ("a", "z", ""))
    frame = pd.concat([twice.frame, twice.frame.iloc[[0]]], ignore_index=True)
    assert training_set([Annotations(frame)]).counts == [1, 1, 1]
    with pytest.raises(SettingError, match="0 individuals with at least 2 pictures are too few"):
        training_set([Annotations(frame)], least=2)


@pytest.mark.parametrize("rows", [[], [("a", "x", "left")], [("a", "x", "left")] * 5])
def test_nothing_to_tell_apart_is_said(rows):
    with pytest.raises(SettingError, match="too few: nothing to tell apart"):
        training_set([_table(*rows)])


def test_replayed_pictures_share_the_classes_of_the_same_name():
    new = training_set([_table(("a", "x", "left"), ("a", "y", "left"))])
    old = training_set(
        [_table(("a", "w", "left"), ("a", "x", "left"), ("b", "y", "left"), source=Path("o/t.csv"))]
    )
    both = new.with_others(old)
    assert both.pictures[:2] == new.pictures
    assert both.classes[:2] == new.classes
    assert len(both.classes) == 4
    assert both.counts[both.classes.index(("a", "x", "left", False))] == 2
    for before, after in zip(old.pictures, both.pictures[2:], strict=True):
        assert both.classes[after.label] == old.classes[before.label]
        assert after.path == before.path


# ---- kept aside

_rows = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", ""]), st.sampled_from([*"pqrstuvw", ""]), st.sampled_from(["left", "right"])
    ),
    min_size=1,
    max_size=60,
)


def _who(table: Annotations) -> set[tuple[str | None, str]]:
    return {(row.species, row.identity) for row in table if row.identity is not None}


@settings(deadline=None)
@given(st.lists(_rows, min_size=1, max_size=3), st.floats(0.05, 0.95), st.integers(0, 99))
def test_whole_individuals_are_kept_aside_and_of_each_species_alike(of_tables, share, seed):
    tables = [_table(*rows) for rows in of_tables]
    try:
        learnt, aside = kept_aside(tables, share, seed)
    except SettingError as error:
        assert "set data.validation to 0" in str(error)
        return
    left, held = set().union(*map(_who, learnt)), set().union(*map(_who, aside))
    assert not left & held
    assert left | held == set().union(*map(_who, tables))
    for before, *after in zip(tables, learnt, aside, strict=True):
        assert sorted(row.path for half in after for row in half) == sorted(row.path for row in before)
    seen = [(row.species, row.identity) for table in tables for row in table if row.identity is not None]
    for species in {name[0] for name in seen}:
        able = {name for name in seen if name[0] == species and seen.count(name) > 1}
        assert {name for name in held if name[0] == species} <= able  # one picture alone cannot be asked about
        wanted = round(share * len(able))
        # one alone could not be mistaken for another
        assert sum(name[0] == species for name in held) == (wanted if wanted > 1 else 0)


def test_the_same_seed_keeps_the_same_animals_aside_and_another_one_others():
    table = _table(*[("a", f"animal {number % 20}", "left") for number in range(60)])
    held = [frozenset(_who(kept_aside([table], 0.25, seed)[1][0])) for seed in (0, 0, 1)]
    assert held[0] == held[1] != held[2]


def test_who_is_kept_aside_does_not_depend_on_the_order_of_the_table():
    rows = [("a", f"animal {number % 20}", "left") for number in range(60)]
    forwards, backwards = (kept_aside([_table(*some)], 0.25, 3)[1][0] for some in (rows, rows[::-1]))
    assert _who(forwards) == _who(backwards)


def test_without_a_share_all_is_learnt_from():
    table = _table(("a", "x", "left"))
    assert kept_aside([table], 0, 0) == ([table], [])


def test_paths_still_start_from_the_tables_folder():
    table = _table(*[("a", f"{number % 8}", "left") for number in range(32)], source=Path("here/t.csv"))
    learnt, aside = kept_aside([table], 0.5, 0)
    assert learnt[0].folder == aside[0].folder == Path("here")


def test_a_table_without_any_rows_is_no_trouble():
    full = _table(*[("a", f"{number % 8}", "left") for number in range(32)])
    learnt, aside = kept_aside([_table(), full], 0.5, 0)
    assert [len(one) for one in (*learnt, *aside)] == [0, 16, 0, 16]


# ---- pixels

_BOXES = st.builds(
    Box, st.floats(-40, 110), st.floats(-40, 85), st.floats(1, 150), st.floats(1, 120), st.just(0.0)
)
_WHOLE_BOXES = st.builds(  # halves, where rounding to even shows
    lambda x, y, w, h: Box(x / 2, y / 2, w / 2, h / 2),
    st.integers(-80, 220), st.integers(-80, 170), st.integers(2, 300), st.integers(2, 240),
)  # fmt: skip


@settings(deadline=None, max_examples=200)
@given(
    st.none() | _BOXES | _WHOLE_BOXES,
    st.sampled_from(["squash", "pad"]),
    st.sampled_from([1.0, 0.6, 0.25]),
    st.booleans(),
)
@example(Box(-90.0, 10.0, 100.0, 60.0), "squash", 1.0, False)  # little of it is in the photograph
@example(Box(115.0, -70.0, 100.0, 75.0), "squash", 1.0, True)
def test_without_augmentation_the_pixels_are_those_of_the_field(photograph, box, mode, fraction, prepared):
    path, image = photograph
    look = _look(resize=mode, crop_fraction=fraction)
    reader = Pictures([Picture(path, box, 0)], look, Augmentation() if prepared else None)
    try:
        expected = normalised(crop(image, box, look.crop_fraction), look)
    except ValueError:
        with pytest.raises(BadMedium, match="the box .* photograph"):
            reader.read(0)
        return
    for _ in range(2):  # from the file, and from memory
        seen = reader.read(0)
        assert seen.dtype == np.float32
        assert np.array_equal(seen, expected)


def test_a_mirrored_picture_is_the_fields_pixels_with_left_and_right_exchanged(photograph):
    path, image = photograph
    box, look = Box(10, 5, 77, 60), _look(resize="pad")
    plain, flipped = (Pictures([Picture(path, box, 0, mirrored)], look).read(0) for mirrored in (False, True))
    assert np.array_equal(flipped, plain[:, :, ::-1])
    assert not np.array_equal(flipped, plain[:, ::-1, :])
    assert np.array_equal(plain, normalised(crop(image, box), look))


_framings = st.builds(
    Augmentation,
    framing=st.just(1.0),
    shift=st.sampled_from([0.0, 0.1, 0.25, 1.0]),
    scale=st.sampled_from([0.0, 0.2, 0.9]),
    stretch=st.sampled_from([0.0, 0.3, 0.9]),
    rotate=st.sampled_from([0.0, 15.0]),
)


@settings(deadline=None, max_examples=300)
@given(st.none() | _BOXES | _WHOLE_BOXES, _framings, st.sampled_from([1.0, 0.6, 0.25]), st.integers(0, 2**32))
@example(Box(-90.0, 10.0, 100.0, 60.0), Augmentation(framing=1), 1.0, 1)
def test_a_framing_of_the_remembered_part_is_the_framing_of_the_photograph(
    photograph, box, augmentation, fraction, seed
):
    path, image = photograph
    look = _look(crop_fraction=fraction)
    whole = (box or Box(0, 0, *SIZE)).scaled_area(fraction)
    dice = np.random.default_rng(seed)
    framed, degrees = augmentation.frame(whole, dice)
    try:
        cut = crop(image, whole)
    except ValueError:
        return  # the field has no picture of it either
    with suppress(ValueError):  # the framing misses the photograph: it stays as it was
        cut = crop(image, framed)
    shown = augmentation.pixels(resize(cut, look.input_size, look.resize), degrees, dice)
    reader = Pictures([Picture(path, box, 0)], look, augmentation)
    for _ in range(2):
        assert np.array_equal(reader.read(0, np.random.default_rng(seed)), standardised(shown, look))


def test_a_framing_that_misses_the_photograph_does_not_make_a_good_picture_a_bad_one(photograph):
    sliver = Picture(photograph[0], Box(-95, 10, 100, 60), 0)
    reader = Pictures([sliver], _look(), Augmentation(framing=1, shift=0.25))
    assert all(reader.read_or_note(0, np.random.default_rng(seed)) is not None for seed in range(30))
    assert not reader.bad


def test_only_the_surroundings_of_a_box_are_kept_in_memory_and_never_more_than_is_allowed(photograph, monkeypatch):
    path, image = photograph
    pictures = [Picture(path, Box(x, 10, 10, 10), 0) for x in range(0, 100, 10)]
    read = []

    def load(*asked: object) -> np.ndarray:
        read.append(asked)
        return load_picture(*asked)

    monkeypatch.setattr("hanzaki.learning.data.load_picture", load)
    for megabytes, reads in ((1.0, 10), (0.0, 20)):
        read.clear()
        reader = Pictures(pictures, _look(), cache_mb=megabytes)
        for _ in range(2):
            for number in range(10):
                reader.read(number)
        assert len(read) == reads
        kept = sum(part.pixels.nbytes for part in reader._cached.values())
        assert kept <= megabytes * (1 << 20)
        assert kept < image.nbytes
        assert all(
            part.pixels.base is None for part in reader._cached.values()
        )  # a view would keep the photograph


# ---- batches


@pytest.fixture
def several(tmp_path) -> list[Picture]:
    """Five photographs, the third of which is cut short, the last has two animals, one outside of it."""
    pictures = [Picture(write(tmp_path / f"{number}.jpg", number), None, number) for number in range(5)]
    (tmp_path / "2.jpg").write_bytes((tmp_path / "2.jpg").read_bytes()[:200])
    return [*pictures, Picture(tmp_path / "4.jpg", Box(900, 900, 5, 5), 5)]


def _all_batches(reader: Pictures, epoch: int, start: int = 0) -> list[tuple[np.ndarray, list[int]]]:
    positions = [np.array([0, 5, 1]), np.array([2, 4, 3]), np.array([1, 4, 2])]
    return [(images.numpy(), labels.tolist()) for images, labels in reader.batches(epoch, positions, start)]


def test_pictures_that_cannot_be_read_are_missing_from_their_batches_and_noted(several, tmp_path):
    reader = Pictures(several, _look())
    batches = _all_batches(reader, 0)
    assert [labels for _, labels in batches] == [[0, 1], [4, 3], [1, 4]]
    assert all(len(images) == len(labels) for images, labels in batches)
    assert sorted(bad.path.name for bad in reader.bad.values()) == ["2.jpg", "4.jpg"]  # read on several threads
    assert "truncated" in next(bad.reason for bad in reader.bad.values() if bad.path.name == "2.jpg")
    assert np.array_equal(batches[0][0][1], reader.read(1))


def test_a_batch_of_nothing_but_bad_pictures_is_empty(several):
    images, labels = next(Pictures(several, _look()).batches(0, [np.array([2, 5])]))
    assert len(images) == len(labels) == 0


def test_batches_follow_from_seed_epoch_and_place_whatever_the_number_of_threads(several, monkeypatch):
    def batches(threads: int, seed: int, epoch: int, start: int = 0) -> list[bytes]:
        from hanzaki.settings import Settings

        monkeypatch.setattr("hanzaki.learning.data.settings", lambda: Settings(threads=threads))
        reader = Pictures(several, _look(), Augmentation(noise=1), seed=seed)
        return [images.tobytes() for images, _ in _all_batches(reader, epoch, start)]

    once = batches(1, 0, 0)
    assert batches(8, 0, 0) == once
    assert batches(3, 0, 0, start=1) == once[1:]  # who comes back sees what he would have seen
    assert batches(1, 0, 0, start=3) == []
    assert batches(1, 0, 1) != once
    assert batches(1, 1, 0) != once


def test_the_same_picture_looks_different_each_time_it_is_augmented(several):
    reader = Pictures(several, _look(), Augmentation(framing=1))
    ((images, _),) = reader.batches(0, [np.array([1, 1, 1])])
    assert len({image.numpy().tobytes() for image in images}) == 3
