"""A virtual survey leaves what a real one would: files from a phone and a table."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import ExifTags, Image, ImageOps

from hanzaki.virtual import write_photographs
from hanzaki.virtual.population import COLUMNS, animal_sex

SIZE = (160, 120)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stream")
    write_photographs(folder, individuals=5, surveys=3, photographs=3, seed=11, size=SIZE, newcomers=2)
    return folder


@pytest.fixture(scope="module")
def table(folder):
    return pd.read_csv(folder / "annotations.csv")


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_table_and_files_agree(folder, table):
    assert list(table.columns) == COLUMNS
    assert len(table) == (3 + 3 + 5) * 3
    written = {path.relative_to(folder).as_posix() for path in (folder / "photographs").iterdir()}
    assert written == set(table.path)
    assert table.image_id.is_unique
    assert (table.species == "Andrias japonicus").all()
    assert (table.orientation == "top").all()
    assert (table.site == "stream-1").all()
    assert (table.origin == "native").all()
    assert not table.isna().any(axis=None)


def test_the_returned_table_is_the_written_one(tmp_path):
    table = write_photographs(tmp_path, 2, photographs=1, size=SIZE, newcomers=0)
    pd.testing.assert_frame_equal(table, pd.read_csv(tmp_path / "annotations.csv"), check_dtype=False)


def test_one_seed_writes_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        write_photographs(tmp_path / name, 2, photographs=2, seed=5, size=SIZE, newcomers=1)
    write_photographs(tmp_path / "c", 2, photographs=2, seed=6, size=SIZE, newcomers=1)
    first, second, other = (_contents(tmp_path / name) for name in "abc")
    assert first == second
    assert first["IMG_0001.jpg"] != other["IMG_0001.jpg"]


def test_newcomers_are_met_in_the_last_survey_only(table):
    days = pd.to_datetime(table.date).dt.date
    first_met = days.groupby(table.identity).min()
    assert days.nunique() == 3
    assert set(first_met.index[first_met == days.max()]) == {"hanzaki-04", "hanzaki-05"}
    assert set(first_met[first_met != days.max()]) == {days.min()}


def test_an_encounter_is_one_animal_on_one_day(table):
    encounters = table.assign(day=table.date.str[:10]).groupby("encounter")
    assert (encounters.size() == 3).all()
    assert (encounters.identity.agg(lambda names: len(set(names))) == 1).all()
    assert (encounters.day.agg(lambda days: len(set(days))) == 1).all()
    assert encounters.ngroups == 11


def test_neither_name_nor_order_betrays_who_it_is(table):
    assert table.path.str.fullmatch(r"photographs/IMG_\d{4}\.jpg").all()
    order = table.drop_duplicates("encounter").groupby(table.date.str[:10]).identity
    assert any(not names.is_monotonic_increasing for _, names in order)
    assert table.date.is_monotonic_increasing


def test_each_survey_has_its_own_time_of_day(table):
    hours = pd.to_datetime(table.date).dt.hour.groupby(table.date.str[:10]).agg(["min", "max"])
    assert hours["min"].tolist() == [11, 15, 18]
    assert (hours["max"] - hours["min"] <= 1).all()


def test_pictures_carry_what_a_phone_writes(folder, table):
    for row in table.itertuples():
        with Image.open(folder / row.path) as picture:
            exif = picture.getexif()
            details = exif.get_ifd(ExifTags.IFD.Exif)
            place = exif.get_ifd(ExifTags.IFD.GPSInfo)
        assert (exif[ExifTags.Base.Make], exif[ExifTags.Base.Model]) == ("Virtual", "Stream 1")
        taken = details[ExifTags.Base.DateTimeOriginal]
        assert pd.to_datetime(taken, format="%Y:%m:%d %H:%M:%S") == pd.Timestamp(row.date)
        assert details[ExifTags.Base.OffsetTimeOriginal] == "+09:00"
        assert (place[ExifTags.GPS.GPSLatitudeRef], place[ExifTags.GPS.GPSLongitudeRef]) == ("N", "E")
        for tag, degrees in ((ExifTags.GPS.GPSLatitude, 34.8123), (ExifTags.GPS.GPSLongitude, 132.7456)):
            d, m, s = (float(part) for part in place[tag])
            assert d + m / 60 + s / 3600 == pytest.approx(degrees, abs=0.002)


def test_some_phones_are_held_upright_and_boxes_are_as_displayed(folder, table):
    orientations = set()
    for row in table.itertuples():
        with Image.open(folder / row.path) as stored:
            orientation = stored.getexif()[ExifTags.Base.Orientation]
            assert stored.size == SIZE
            displayed = ImageOps.exif_transpose(stored).size
        orientations.add(orientation)
        assert displayed == (SIZE[::-1] if orientation == 6 else SIZE)
        x, y, w, h = (int(side) for side in row.bbox.split())
        assert 0 <= x < x + w <= displayed[0]
        assert 0 <= y < y + h <= displayed[1]
        assert min(w, h) > 0.25 * min(SIZE)
    assert orientations == {1, 6}


def test_an_animals_photographs_do_not_depend_on_who_else_is_there(tmp_path):
    pictures = []
    for individuals in (1, 3):
        folder = tmp_path / str(individuals)
        table = write_photographs(folder, individuals, 1, 1, seed=3, size=SIZE, newcomers=0)
        path = table.path[table.identity == "hanzaki-01"].item()
        pictures.append(np.asarray(Image.open(folder / path)))
    assert np.array_equal(*pictures)


def test_an_animal_has_one_sex_and_one_origin_whoever_else_is_there(tmp_path, table):
    assert len(table[["identity", "sex", "origin"]].drop_duplicates()) == table.identity.nunique()
    mixed = write_photographs(tmp_path, 3, 1, 1, seed=11, size=SIZE, newcomers=0, hybrids=2)
    known = mixed.set_index("identity")
    assert known.origin.sort_index().tolist() == ["hybrid", "hybrid", "native"]
    assert known.species.str.contains("×").equals(known.origin == "hybrid")
    assert known.sex.to_dict().items() <= table.groupby("identity").sex.first().to_dict().items()
    sexes = [animal_sex(seed, individual) for seed in range(4) for individual in range(50)]
    assert 70 < sexes.count("female") < 130
    assert set(sexes) == {"female", "male"}


def test_progress_is_told(tmp_path):
    told: list[tuple[int, int]] = []
    write_photographs(tmp_path, 1, 2, 2, size=SIZE, newcomers=0, progress=lambda *count: told.append(count))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


@pytest.mark.parametrize(
    "numbers", [{"individuals": 0}, {"surveys": 0}, {"photographs": 0}, {"newcomers": 4}, {"newcomers": -1}]
)
def test_senseless_numbers_are_refused_before_anything_is_written(tmp_path, numbers):
    with pytest.raises(ValueError, match=r"at least one|newcomers"):
        write_photographs(tmp_path / "new", **{"individuals": 3, **numbers}, size=SIZE)
    assert not (tmp_path / "new").exists()
