from __future__ import annotations

import shutil
import time
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hanzaki import Annotations
from hanzaki.errors import BadMedium
from hanzaki.evaluation import perceptual_hash as module
from hanzaki.evaluation.leaks import Leak, LeakError, Progress, counted, find_leaks_between, find_leaks_within
from hanzaki.evaluation.perceptual_hash import FAR_BITS, NEAR_BITS, apart, near, perceptual_hash
from tests.fixtures.photographs import pixels, write


def table(folder: Path, *rows: dict[str, object]) -> Annotations:
    return Annotations(pd.DataFrame(rows), source=folder / "t.csv")


def find_leaks(
    one: Annotations, other: Annotations, progress: Progress | None = None, bad: list[BadMedium] | None = None
) -> list[Leak]:
    return find_leaks_between({"one": one, "other": other}, progress, bad)


def found(leaks: list[Leak]) -> list[tuple[str, str, str]]:
    return [(leak.kind, leak.one, leak.other) for leak in leaks]


def detailed(seed: int, size: tuple[int, int] = (240, 180)) -> np.ndarray:
    """uint8 (H, W, 3) with detail of all sizes, as photographs have."""
    dice = np.random.default_rng(seed)
    layers = [
        np.asarray(Image.fromarray(dice.integers(0, 255, (side, side, 3), np.uint8)).resize(size), np.float32)
        for side in (3, 6, 12, 24)
    ]
    return np.clip(np.mean(layers, axis=0) * 1.6 - 75, 0, 255).astype(np.uint8)


def test_no_leaks_between_different_animals(tmp_path):
    for number in range(8):
        write(tmp_path / f"{number}.jpg", number)
    rows = [{"path": f"{number}.jpg", "identity": number} for number in range(8)]
    bad: list[Exception] = []
    assert find_leaks(table(tmp_path, *rows[:4]), table(tmp_path, *rows[4:]), bad=bad) == []
    assert bad == []


def test_a_file_under_another_name_and_another_animal_is_found(tmp_path):
    write(tmp_path / "a.jpg", 1)
    write(tmp_path / "c.jpg", 2)
    shutil.copy(tmp_path / "a.jpg", tmp_path / "b.jpg")
    one = table(tmp_path, {"path": "a.jpg", "identity": "Sakura"})
    other = table(tmp_path, {"path": "c.jpg", "identity": "Ume"}, {"path": "b.jpg", "identity": "Ume"})
    (leak,) = find_leaks(one, other)
    assert found([leak]) == [("same bytes", "a.jpg", "b.jpg")]
    assert leak.text == "b.jpg (other) is the same file as a.jpg (one)"


def test_two_animals_in_one_photograph_are_no_leak(tmp_path):
    Image.fromarray(detailed(0)).save(tmp_path / "a.png")
    one = table(tmp_path, {"path": "a.png", "bbox": "0 0 110 180"})
    beside = table(tmp_path, {"path": "a.png", "bbox": "120 0 120 180"})
    nearly = table(tmp_path, {"path": "a.png", "bbox": "4 0 110 180"})
    nowhere = table(tmp_path, {"path": "a.png"})
    assert find_leaks(one, beside) == []
    assert found(find_leaks(one, nearly)) == found(find_leaks(one, nowhere)) == [("same bytes", "a.png", "a.png")]


COPIES = {
    "saved again": lambda image: image,
    "half the size": lambda image: image.resize((image.width // 2, image.height // 2)),
    "larger": lambda image: image.resize((image.width * 3 // 2, image.height * 3 // 2)),
    "brighter": lambda image: image.point(lambda value: min(255, value * 1.15 + 8)),
    "gamma": lambda image: image.point(lambda value: 255 * (value / 255) ** 0.8),
    "its box alone": lambda image: image,
}


def test_one_animal_in_one_pose_on_two_days_is_no_copy(tmp_path):
    animal = Image.fromarray(detailed(0, (100, 90)))
    for number in (1, 2):
        photograph = Image.fromarray(detailed(number, (360, 300)))
        photograph.paste(animal, (130, 100))
        photograph.save(tmp_path / f"{number}.png")
    copy = Image.open(tmp_path / "1.png").resize((180, 150))
    copy.save(tmp_path / "copy.png")
    box, half = {"bbox": "130 100 100 90"}, {"bbox": "65 50 50 45"}
    one = table(tmp_path, {"path": "1.png", "date": "2022-06-01", **box})
    later = {"path": "2.png", "date": "2022-08-20"}
    views = [perceptual_hash(np.asarray(Image.open(tmp_path / f"{number}.png"))) for number in (1, 2)]
    assert apart(*views) >= FAR_BITS

    assert find_leaks(one, table(tmp_path, {**later, **box})) == []
    for leaking in (
        {**later, **box, "date": "2022-06-01"},  # of one day
        {"path": "2.png", **box},  # of no known day
        {**later, "path": "copy.png", **half},  # the same surroundings, whatever its date is said to be
    ):
        assert [leak.kind for leak in find_leaks(one, table(tmp_path, leaking))] == ["same picture"]


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_that_was_changed_a_little_is_found(tmp_path, name):
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    for seed in range(6):
        image = Image.fromarray(detailed(seed))
        image.save(tmp_path / "one" / f"{seed}.png")
        if name == "its box alone":
            image = image.crop((20, 10, 200, 160))
        COPIES[name](image).save(tmp_path / "other" / f"{seed}.jpg", quality=40)
    box = {"bbox": "20 10 180 150"} if name == "its box alone" else {}
    one = table(tmp_path / "one", *({"path": f"{seed}.png", **box} for seed in range(6)))
    other = table(tmp_path / "other", *({"path": f"{seed}.jpg"} for seed in range(6)))
    assert found(find_leaks(one, other)) == [("same picture", f"{n}.png", f"{n}.jpg") for n in range(6)]


def test_what_is_named_one_encounter_is_found_for_one_individual_only(tmp_path):
    for number in range(4):
        write(tmp_path / f"{number}.jpg", number)
    one = table(tmp_path, {"path": "0.jpg", "identity": "a", "encounter": "e"})
    other = table(
        tmp_path,
        {"path": "1.jpg", "identity": "a", "encounter": "e"},
        {"path": "2.jpg", "identity": "b", "encounter": "e"},
        {"path": "3.jpg", "encounter": "e"},
    )
    (leak,) = find_leaks_between({"train": one, "test": other})
    assert leak.text == "1.jpg (test) is of the same encounter as 0.jpg (train) (encounter e)"


def test_neighbours_in_time_or_in_a_video_are_found(tmp_path):
    rows = [
        ("0.jpg", "a", "2022-08-20T11:00:00"),
        ("clip_frame_001.jpg", "a", None),
        ("1.jpg", "a", "2022-08-20T11:00:04"),
        ("2.jpg", "b", "2022-08-20T11:00:04"),
        ("3.jpg", "a", "2022-08-20T11:02:00"),
        ("4.jpg", "a", "2022-08-20"),
        ("clip_frame_007.jpg", "a", None),
        ("clip_frame_009.jpg", "b", None),
        ("clip_frame_500.jpg", "a", None),
    ]
    for number, (path, *_) in enumerate(rows):
        write(tmp_path / path, number)
    entries = [{"path": path, "identity": who, "date": when} for path, who, when in rows]
    leaks = find_leaks(table(tmp_path, *entries[:2]), table(tmp_path, *entries[2:]))
    assert found(leaks) == [
        ("neighbouring frames", "0.jpg", "1.jpg"),
        ("neighbouring frames", "clip_frame_001.jpg", "clip_frame_007.jpg"),
    ]
    assert [leak.detail for leak in leaks] == ["4 seconds apart", "6 frames apart"]


def test_all_earlier_parts_are_looked_at_and_a_row_is_listed_once(tmp_path):
    write(tmp_path / "a.jpg", 1)
    shutil.copy(tmp_path / "a.jpg", tmp_path / "b.jpg")
    shutil.copy(tmp_path / "a.jpg", tmp_path / "c.jpg")
    parts = {
        name: table(tmp_path, {"path": path, "identity": "a", "encounter": "e"})
        for name, path in zip(("train", "validation", "test"), ("a.jpg", "b.jpg", "c.jpg"), strict=True)
    }
    leaks = find_leaks_between(parts)
    assert [(leak.other, leak.sides) for leak in leaks] == [
        ("b.jpg", ("train", "validation")),
        ("c.jpg", ("train", "test")),
    ]
    assert {leak.kind for leak in leaks} == {"same bytes"}


def test_within_a_table_only_pairs_that_would_count_are_compared(tmp_path):
    for name in ("a", "b", "c", "d", "e"):
        write(tmp_path / f"{name}.jpg", 1)
    write(tmp_path / "f.jpg", 2)
    known = {"identity": "Sakura", "orientation": "left", "encounter": "1"}
    one = table(
        tmp_path,
        known | {"path": "b.jpg"},
        known | {"path": "a.jpg"},
        known | {"path": "c.jpg", "orientation": "right"},
        known | {"path": "d.jpg", "identity": "Ume"},
        known | {"path": "e.jpg", "identity": None},
        known | {"path": "f.jpg"},
    )
    assert sorted(found(find_leaks_within(one))) == [
        ("same bytes", "a.jpg", "b.jpg"),
        ("same encounter", "a.jpg", "f.jpg"),
    ]


def test_without_the_rows_that_are_listed_nothing_leaks(tmp_path):
    dice = np.random.default_rng(0)
    rows = []
    for number in range(60):
        write(tmp_path / f"{number}.jpg", int(dice.integers(40)), size=(64, 48 + int(dice.integers(3))))
        rows.append(
            {
                "path": f"{number}.jpg",
                "identity": str(dice.integers(3)),
                "encounter": str(dice.integers(20)),
                "date": f"2022-08-20T11:{dice.integers(60):02}:{dice.integers(60):02}",
            }
        )
    whole = table(tmp_path, *rows)
    leaks = find_leaks_within(whole)
    assert leaks
    rest = whole.frame[~whole.frame["path"].isin([leak.other for leak in leaks])]
    assert find_leaks_within(Annotations(rest, source=whole.source)) == []
    one, other = table(tmp_path, *rows[:20]), table(tmp_path, *rows[20:])
    listed = {leak.other for leak in find_leaks(one, other)}
    kept = [row for row in rows[20:] if row["path"] not in listed]
    assert 0 < len(kept) < 40
    assert find_leaks(one, table(tmp_path, *kept)) == []


def test_bad_files_are_listed_and_stop_nothing(tmp_path):
    write(tmp_path / "a.jpg", 1)
    write(tmp_path / "b.jpg", 2)
    (tmp_path / "broken.jpg").write_bytes(b"no photograph")
    rows = [
        {"path": "gone.jpg", "identity": "a", "encounter": "e"},
        {"path": "broken.jpg"},
        {"path": "b.jpg", "bbox": "900 900 5 5"},
    ]
    bad: list[Exception] = []
    told: list[tuple[str, int, int]] = []
    leaks = find_leaks(
        table(tmp_path, {"path": "a.jpg", "identity": "a", "encounter": "e"}),
        table(tmp_path, *rows),
        lambda *words: told.append(words),
        bad,
    )
    assert found(leaks) == [("same encounter", "a.jpg", "gone.jpg")]
    assert sorted(error.path.name for error in bad) == ["b.jpg", "broken.jpg", "gone.jpg"]
    assert told[-1] == ("comparing", 4, 4)  # each file once


def test_a_broken_file_twice_is_the_same_file_still(tmp_path):
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(b"no photograph")
    leaks = find_leaks(table(tmp_path, {"path": "a.jpg"}), table(tmp_path, {"path": "b.jpg"}))
    assert found(leaks) == [("same bytes", "a.jpg", "b.jpg")]


def test_empty_tables_have_no_leaks(tmp_path):
    empty = Annotations(pd.DataFrame({"path": []}))
    assert find_leaks(empty, empty) == []
    assert find_leaks_within(empty) == []


def test_the_error_shows_ten_and_counts_all():
    leaks = [Leak("same bytes", "a.jpg", f"{n}.jpg") for n in range(9)]
    leaks += [Leak("same encounter", "a.jpg", f"{n}.jpg") for n in range(9, 14)]
    text = str(LeakError(leaks, "t.csv"))
    assert text.startswith("t.csv leaks (9 same bytes, 5 same encounter):\n  0.jpg is the same file as a.jpg\n")
    assert "9.jpg" in text
    assert "10.jpg" not in text
    assert "and 4 more" in text
    assert "--allow-leaks" in text
    assert counted([]) == "none"


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 99), st.integers(1, 200))
@settings(deadline=None, max_examples=50)
def test_the_near_are_brute_force_whatever_the_block(asked: int, among: int, seed: int, cells: int):
    dice = np.random.default_rng(seed)
    # a few families of hashes, whose members differ in up to about 60 bits
    families = dice.integers(0, 2, (3, 256))
    flipped = dice.random((asked + among, 256)) < dice.uniform(0, 0.15, (asked + among, 1))
    bits = families[dice.integers(3, size=asked + among)] ^ flipped
    hashes = np.packbits(bits.astype(np.uint8), axis=1).view(np.uint64)
    expected = []
    for position in range(asked):
        far = [(int((bits[position] != bits[asked + other]).sum()), other) for other in range(among)]
        expected += [(position, other, count) for count, other in sorted(far) if count <= NEAR_BITS]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BLOCK_CELLS", cells)
        assert list(near(hashes[:asked], hashes[asked:])) == expected


def test_different_pictures_are_far_apart():
    hashes = np.stack([perceptual_hash(picture(seed)) for seed in range(12) for picture in (detailed, pixels)])
    assert all(apart(a, b) > NEAR_BITS for a, b in combinations(hashes, 2))


def test_ten_million_comparisons_take_a_moment():
    hashes = np.random.default_rng(0).integers(0, 2**64, (5000, 4), np.uint64)
    started = time.process_time()
    assert list(near(hashes[:2000], hashes[2000:])) == []
    assert time.process_time() - started < 2


def test_real_photographs_of_different_encounters_are_told_apart(shared):
    from hanzaki.exchange.identity_csv import read_identity_csv

    nyala = read_identity_csv(shared / "nyala" / "annotations.csv")
    frame = nyala.frame[nyala.frame["encounter"].astype(int) < 150]
    half = frame["encounter"].astype(int) % 2 == 0
    one, other = (Annotations(frame[side], source=nyala.source) for side in (half, ~half))
    assert len(one) > 50
    assert find_leaks(one, other) == []
