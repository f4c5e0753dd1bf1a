"""What a detector learns from: every box of a photograph, and nothing that stands on both sides."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from hanzaki.annotations import Annotations
from hanzaki.errors import SettingError
from hanzaki.exchange.table import read_table
from hanzaki.learning.detector.data import Scenes, drawn_with, kept_aside, scenes_of
from tests.fixtures.scenes import write_scenes


def _table(folder: Path, rows: list[dict[str, object]]) -> Annotations:
    return Annotations(pd.DataFrame(rows), folder / "table.csv")


def _names(scenes: Scenes) -> list[str]:
    return [scene.path.name for scene in scenes.scenes]


def test_all_boxes_of_a_photograph_stand_together_whichever_table_names_them(tmp_path):
    one = _table(tmp_path, [{"path": "b.png", "bbox": "0 0 5 5", "label": "head"}] * 2)
    other = _table(
        tmp_path, [{"path": "./b.png", "bbox": "5 5 9 9"}, {"path": "a.png", "bbox": "1 1 2 2", "label": "tail"}]
    )
    data = scenes_of([one, other])
    assert data.labels == ("animal", "head", "tail")
    assert _names(data) == ["a.png", "b.png"]
    assert [tuple(box)[:4] for box in data.scenes[1].boxes] == [(0, 0, 5, 5), (5, 5, 9, 9)]
    assert data.scenes[1].labels == (1, 0)
    assert str(data.described("CC0-1.0")).startswith("boxes: 1 of animal, 1 of head, 1 of tail, 2 pictures")


def test_a_turned_box_is_learnt_as_the_upright_one_around_it(tmp_path):
    data = scenes_of([_table(tmp_path, [{"path": "a.png", "bbox": "10 10 20 10 1.5707963267948966"}])])
    assert tuple(data.scenes[0].boxes[0])[:4] == pytest.approx((15, 5, 10, 20))


def test_boxes_of_other_labels_are_background_and_a_label_without_boxes_is_told(tmp_path):
    table = write_scenes(tmp_path, 6, labels=("head", "tail"))
    data = scenes_of([read_table(table)], labels=["tail"])
    assert data.labels == ("tail",)
    assert len(data.scenes) == 6
    assert {len(scene.boxes) for scene in data.scenes} == {0, 1}
    with pytest.raises(SettingError, match="no box is of foot; the tables name head, tail"):
        scenes_of([read_table(table)], labels=["tail", "foot"])


def test_a_photograph_of_an_animal_nobody_boxed_is_left_out(tmp_path):
    rows = [{"path": "a.png", "bbox": "0 0 5 5"}, {"path": "b.png", "bbox": "0 0 5 5"}, {"path": "b.png"}]
    data = scenes_of([_table(tmp_path, rows)])
    assert _names(data) == ["a.png"]
    assert data.left_out == 1
    with pytest.raises(SettingError, match="no table has a box to learn from"):
        scenes_of([_table(tmp_path, rows[2:])])


def test_pictures_of_a_folder_of_negatives_show_nothing_unless_a_table_names_them(tmp_path):
    table = write_scenes(tmp_path, 3)
    shutil.copy(tmp_path / "scene-000.png", tmp_path / "empty.png")
    data = scenes_of([read_table(table)], [tmp_path])
    assert [len(scene.boxes) for scene in data.scenes] == [0, 1, 2, 1]
    with pytest.raises(SettingError, match=r"data.negatives: .*nowhere is no folder"):
        scenes_of([read_table(table)], [tmp_path / "nowhere"])


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_by_name_the_last_are_kept_aside(tmp_path, share):
    data = scenes_of([read_table(write_scenes(tmp_path, 20))])
    learnt, aside = kept_aside(data, share, "name")
    assert _names(learnt) + _names(aside) == _names(data)
    assert len(aside.scenes) == 20 * share
    assert kept_aside(data, 0)[0] == data


@pytest.mark.parametrize("by", ["name", "identity"])
def test_copies_stay_on_one_side(tmp_path, by):
    table = write_scenes(tmp_path, 10)
    for number in (1, 4):
        shutil.copy(tmp_path / f"scene-00{number}.png", tmp_path / f"scene-00{number + 4}.png")
    frame = read_table(table).frame.assign(identity=lambda f: f["path"])
    learnt, aside = kept_aside(scenes_of([Annotations(frame, table)]), 0.4, by)
    sides = [{scene.path.read_bytes() for scene in side.scenes} for side in (learnt, aside)]
    assert not sides[0] & sides[1]
    assert len(learnt.scenes) + len(aside.scenes) == 10
    assert aside.scenes


@pytest.mark.parametrize("kind", ["identity", "encounter", "date"])
def test_what_is_known_of_every_picture_is_kept_aside_whole(tmp_path, kind):
    table = write_scenes(tmp_path, 20)
    names = [f"2024-08-{1 + int(path[6:9]) % 5:02}" for path in read_table(table).frame["path"]]
    data = scenes_of([Annotations(read_table(table).frame.assign(**{kind: names}), table)])
    learnt, aside = kept_aside(data, 0.4)
    units = [{name for scene in side.scenes for name in scene.units[kind]} for side in (learnt, aside)]
    assert not units[0] & units[1]
    assert len(aside.scenes) == 8
    assert kept_aside(data, 0.4, seed=1) == kept_aside(data, 0.4, seed=1)
    assert len(set(drawn_with(data.scenes))) == 5


def test_frames_of_a_video_stay_together(tmp_path):
    rows = [{"path": f"{film}_{frame:06}.png", "bbox": "0 0 5 5"} for film in "abc" for frame in range(4)]
    rows += [{"path": "film.mp4", "frame": second, "bbox": "0 0 5 5"} for second in (0.0, 0.5, 1.0, 1.5)]
    for row in rows:
        row["path"] = str(row["path"]).replace("_", "_frame_")
    learnt, aside = kept_aside(scenes_of([_table(tmp_path, rows)]), 0.25)
    assert len(aside.scenes) == 4
    assert len({name for scene in aside.scenes for name in scene.units["video"]}) == 1
    assert len(learnt.scenes) == 12


def test_what_cannot_be_split_is_told(tmp_path):
    table = write_scenes(tmp_path, 4)
    with pytest.raises(SettingError, match="data.aside_by encounter: it is not known of every picture"):
        kept_aside(scenes_of([read_table(table)]), 0.2, "encounter")
    with pytest.raises(
        SettingError, match="1 pictures cannot be split to keep 20% aside: set data.validation to 0"
    ):
        kept_aside(scenes_of([read_table(write_scenes(tmp_path / "one", 1))]), 0.2)
