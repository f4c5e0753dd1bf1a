"""A filmed survey leaves what a real one would: files from a phone, and beside them the truth."""

import json
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from hanzaki.annotations import Annotations
from hanzaki.errors import SettingError
from hanzaki.virtual import write_photographs, write_stream
from hanzaki.virtual.stream import write

SIZE = (160, 96)
SMALL = {"size": SIZE, "seconds": 0.5, "rate": 10}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stream")
    write_stream(folder, 3, 2, lights=("morning", "evening"), newcomers=1, hybrids=1, seed=11, threads=2, **SMALL)
    return folder


@pytest.fixture(scope="module")
def table(folder):
    return pd.read_csv(folder / "annotations.csv")


@pytest.fixture(scope="module")
def heads(folder):
    return pd.read_csv(folder / "heads.csv")


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_tables_and_files_agree(folder, table, heads):
    assert list(table.columns) == write.COLUMNS
    assert list(heads.columns) == write.HEAD_COLUMNS
    files = {name for name in _contents(folder) if "/" in name}
    assert files == set(table.path) == set(heads.path)
    assert table.path.str.startswith("videos/").sum() >= (2 + 3) * 2
    assert table.path.str.startswith("photographs/").sum() == (2 + 3) * 2
    assert table.image_id.is_unique
    assert (table.label == "head").all()
    assert heads.visible.between(0, 1).all()
    assert table.frame.notna().equals(table.path.str.endswith(".mp4"))


def test_annotations_can_be_read_by_the_rest_of_the_house(folder, table):
    annotations = Annotations(table, folder / "annotations.csv")
    assert {row.identity for row in annotations} == {"hanzaki-01", "hanzaki-02", "hanzaki-03"}
    assert all(row.bbox is not None and row.bbox.area > 100 for row in annotations)


def test_an_annotation_is_a_head_of_the_truth(table, heads):
    clips = table[table.frame.notna()]
    merged = clips.merge(heads, on=["path", "frame", "identity"])
    assert len(merged) == len(clips)
    assert (merged.bbox_x == merged.bbox_y).all()


def test_hybrids_and_newcomers(table):
    species = table.groupby("identity").species.first()
    assert species["hanzaki-01"] == "Andrias japonicus × Andrias davidianus"
    assert (species.drop("hanzaki-01") == "Andrias japonicus").all()
    origins = table.groupby("identity").origin.agg(set)
    assert origins.to_dict() == {"hanzaki-01": {"hybrid"}, "hanzaki-02": {"native"}, "hanzaki-03": {"native"}}
    days = table.groupby("identity").date.agg(lambda dates: dates.str[:10].nunique())
    assert days.to_dict() == {"hanzaki-01": 2, "hanzaki-02": 2, "hanzaki-03": 1}


def test_videos_carry_what_a_phone_writes(folder, table):
    rotations = set()
    for path, rows in table[table.frame.notna()].groupby("path"):
        with av.open(str(folder / path)) as container:
            video = container.streams.video[0]
            frames = list(container.decode(video))
            tags = container.metadata
        assert (video.codec_context.name, float(video.average_rate), len(frames)) == ("h264", 10.0, 5)
        assert (frames[0].width, frames[0].height) == SIZE
        assert frames[0].rotation in (0, -90)
        rotations.add(frames[0].rotation)
        taken = pd.Timestamp(tags["com.apple.quicktime.creationdate"])
        assert taken.tz_localize(None) == pd.Timestamp(rows.date.iloc[0])
        assert taken.utcoffset() == pd.Timedelta(hours=9)
        assert pd.Timestamp(tags["creation_time"]) == taken
        place = tags["com.apple.quicktime.location.ISO6709"]
        assert place.startswith("+34.81")
        assert place[9:].startswith("+132.74")
        assert place.endswith("/")
    assert rotations == {0, -90}


def test_frames_stand_upright_once_they_are_turned(folder, tmp_path):
    from hanzaki.virtual.smartphone import TURNED, Shot
    from hanzaki.virtual.stream.container import write_mp4

    frame = np.zeros((96, 64, 3), np.uint8)
    frame[:48] = 200  # bright above, as displayed
    shot = Shot(pd.Timestamp("2024-08-20T11:00:00").to_pydatetime(), 34.8, 132.7, TURNED)
    write_mp4(tmp_path / "up.mp4", [frame] * 2, (64, 96), 10, shot)
    with av.open(str(tmp_path / "up.mp4")) as container:
        stored = next(container.decode(video=0))
    assert (stored.width, stored.height) == (96, 64)
    # FFmpeg's angle says how far to turn anticlockwise for display; so does np.rot90 count.
    displayed = np.rot90(stored.to_ndarray(format="rgb24"), stored.rotation // 90)
    assert displayed.shape == frame.shape
    assert displayed[:40].mean() > 180
    assert displayed[56:].mean() < 20


def test_one_seed_writes_the_same_bytes_whatever_the_threads(tmp_path):
    for name, threads, seed in (("a", 1, 3), ("b", 2, 3), ("c", 1, 4)):
        write_stream(tmp_path / name, 1, 1, lights=("evening",), newcomers=0, seed=seed, threads=threads, **SMALL)
    first, second, other = (_contents(tmp_path / name) for name in "abc")
    assert first == second
    assert first["videos/MOV_0001.mp4"] != other["videos/MOV_0001.mp4"]


def test_an_animals_clip_does_not_depend_on_who_else_is_there(tmp_path):
    clips = []
    for individuals in (1, 3):
        folder = tmp_path / str(individuals)
        table = write_stream(
            folder, individuals, 1, lights=("morning",), photographs=0, newcomers=0, seed=5, **SMALL
        )
        path = table.path[table.identity == "hanzaki-01"].iloc[0]
        with av.open(str(folder / path)) as container:
            clips.append(next(container.decode(video=0)).to_ndarray(format="rgb24"))
    assert np.array_equal(*clips)


def test_a_killed_run_is_gone_on_with(tmp_path):
    arguments = {"lights": ("morning",), "newcomers": 0, "seed": 2, **SMALL}
    whole = write_stream(tmp_path / "whole", 2, 1, **arguments)

    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_stream(tmp_path / "killed", 2, 1, **arguments, progress=stop)
    kept = tmp_path / "killed" / "videos" / "MOV_0001.mp4"
    stamp = kept.stat().st_mtime_ns
    (tmp_path / "killed" / "videos" / "MOV_0002.part").write_bytes(b"cut off")
    (tmp_path / "killed" / "videos" / "MOV_0002.mp4").unlink(missing_ok=True)
    again = write_stream(tmp_path / "killed", 2, 1, **arguments)
    pd.testing.assert_frame_equal(whole, again)
    assert kept.stat().st_mtime_ns == stamp
    assert _contents(tmp_path / "whole") == _contents(tmp_path / "killed")


def test_sexes_are_those_of_the_photographs_of_the_same_seed(table, tmp_path):
    near = write_photographs(tmp_path, 3, 1, 1, seed=11, size=SIZE, newcomers=0)
    here, there = (set(zip(rows.identity, rows.sex, strict=True)) for rows in (table, near))
    assert here == there


def test_another_stream_is_not_written_among_this_one(folder):
    with pytest.raises(SettingError, match="seed 11"):
        write_stream(folder, 3, 2, lights=("morning", "evening"), newcomers=1, hybrids=1, seed=12, **SMALL)
    assert json.loads((folder / "stream.json").read_text())["seed"] == 11


def test_photographs_are_near_or_whole_and_of_the_same_animals(folder, table):
    photographs = table[table.frame.isna()]
    shares = []
    for row in photographs.itertuples():
        with Image.open(folder / row.path) as image:
            shares.append(float(row.bbox.split()[2]) / max(image.size))
    assert min(shares) < 0.26
    assert max(shares) > 0.33


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"individuals": 0}, "at least one"),
        ({"clips": 0, "photographs": 0}, "nothing to make"),
        ({"newcomers": 4}, "newcomers"),
        ({"lights": ("noon",)}, "noon"),
        ({"size": (161, 96)}, "even"),
        ({"seconds": 0.0}, "one frame"),
    ],
)
def test_senseless_numbers_are_refused_before_anything_is_written(tmp_path, wrong, message):
    with pytest.raises(ValueError, match=message):
        write_stream(tmp_path / "new", **{"individuals": 3, "days": 1, **SMALL, **wrong})
    assert not (tmp_path / "new").exists()
