from __future__ import annotations

from datetime import datetime

import pytest

from hanzaki import Box, TableError
from hanzaki.exchange.coco import read_coco
from tests.exchange.writers import write_json


def _read(tmp_path, images, annotations, categories=({"id": 1, "name": "zebra"},)):
    document = {"images": images, "annotations": annotations, "categories": list(categories)}
    return read_coco(write_json(document, tmp_path / "t.json"))


def _image(number, **more):
    return {"id": number, "file_name": f"{number}.jpg", **more}


def _animal(number, image, **more):
    return {"id": number, "image_id": image, "category_id": 1, **more}


def test_what_shows_no_single_animal_is_left_out_and_counted(tmp_path):
    kinds = [(0, "empty"), (1, "zebra"), (2, "Homo_sapiens"), (3, "vehicle")]
    reading = _read(
        tmp_path,
        [_image(number) for number in range(5)] + [_image(5, corrupt=True), _image(6), _image(7)],
        [
            *({"id": number, "image_id": number, "category_id": number} for number in range(4)),
            _animal(10, 4, bbox=[0, 0, 9, 9], iscrowd=1),
            _animal(11, 5),
            _animal(12, 6, count=3),
        ],
        [{"id": number, "name": name} for number, name in kinds],
    )
    assert [row.path for row in reading.annotations] == ["1.jpg"]
    assert reading.notes == {
        "annotations of no animal left out (empty)": 1,
        "annotations of no animal left out (human)": 1,
        "annotations of no animal left out (vehicle)": 1,
        "annotations of several animals left out": 2,
        "corrupt images left out": 1,
        "images without annotations left out": 1,
    }


def test_a_category_that_names_no_species_gives_none(tmp_path):
    image = _image(1, location="river")
    (row,) = _read(tmp_path, [image], [_animal(1, 1)], [{"id": 1, "name": "animal"}]).annotations
    assert (row.species, row.label) == (None, "animal")


def test_a_sequence_is_an_encounter_of_each_animal_that_can_be_told_apart(tmp_path):
    reading = _read(
        tmp_path,
        [_image(1, seq_id="s"), _image(2, seq_id="s"), _image(3, seq_id="t"), _image(4)],
        [
            _animal(1, 1, name="Stripes", bbox=[0, 0, 9, 9]),
            _animal(2, 1, bbox=[10, 0, 9, 9]),
            _animal(3, 1, bbox=[20, 0, 9, 9]),
            _animal(4, 1, category_id=2),
            _animal(5, 2, bbox=[0, 0, 9, 9]),
            _animal(6, 3, bbox=[0, 0, 9, 9]),
            _animal(7, 4),
        ],
        [{"id": 1, "name": "zebra"}, {"id": 2, "name": "gnu"}],
    )
    assert [row.encounter for row in reading.annotations] == ["s", None, None, "s", None, "t", None]


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2022-12-31 09:52:50", datetime(2022, 12, 31, 9, 52, 50)),
        ("2022-12-31T09:52:50+09:00", datetime(2022, 12, 31, 9, 52, 50)),
        ("2013:10:04 9:31:53", datetime(2013, 10, 4, 9, 31, 53)),
        ("2013/1/4", datetime(2013, 1, 4)),
        ("0000:00:00 00:00:00", None),
        ("", None),
    ],
)
@pytest.mark.parametrize("key", ["datetime", "date_captured"])
def test_dates_are_read_as_cameras_and_programs_write_them(tmp_path, key, text, date):
    (row,) = _read(tmp_path, [_image(1, **{key: text})], [_animal(1, 1)]).annotations
    assert row.date == date


def test_a_relative_box_becomes_pixels(tmp_path):
    image = _image(1, width=640, height=480)
    (row,) = _read(tmp_path, [image], [_animal(1, 1, bbox_relative=[0.5, 0.5, 0.25, 0.25])]).annotations
    assert row.bbox == Box(320, 240, 160, 120)


def test_a_box_keeps_its_rotation(tmp_path):
    (row,) = _read(tmp_path, [_image(1)], [_animal(1, 1, bbox=[10, 20, 30, 10], theta=0.05)]).annotations
    assert row.bbox == Box(10, 20, 30, 10, 0.05)


@pytest.mark.parametrize(
    ("image", "record", "species"),
    [
        ({}, {}, None),
        ({}, {"species": "Equus quagga"}, "Equus quagga"),
        ({"location": "river"}, {}, "zebra"),
        ({}, {"name": "Stripes"}, "zebra"),
        ({}, {"name": "Stripes", "species": None}, None),
    ],
)
def test_a_category_is_the_label_and_species_where_categories_are(tmp_path, image, record, species):
    (row,) = _read(tmp_path, [_image(1, **image)], [_animal(1, 1, **record)]).annotations
    assert (row.label, row.species) == ("zebra", species)


def test_a_detectors_score_is_the_confidence(tmp_path):
    (row,) = _read(tmp_path, [_image(1)], [_animal(1, 1, score=0.75)]).annotations
    assert row.confidence == 0.75


def test_annotations_find_their_image_by_uuid_or_number_as_text_or_not(tmp_path):
    images = [_image(1, uuid="x"), {"uuid": "y", "file_name": "y.jpg"}, _image(3)]
    records = [{"image_uuid": "x", "image_id": 3}, {"image_id": "y"}, {"image_id": "3"}, {"image_uuid": "y"}]
    rows = _read(tmp_path, images, records).annotations
    assert [row.path for row in rows] == ["1.jpg", "y.jpg", "3.jpg", "y.jpg"]
    assert [row.image_id for row in rows] == ["x", "y", "3", "y"]


def test_an_image_may_stand_twice_but_not_as_two_files(tmp_path):
    reading = _read(tmp_path, [_image(1), _image(1)], [_animal(1, 1)])
    assert (len(reading.annotations), dict(reading.notes)) == (1, {})
    with pytest.raises(TableError, match=r"images\[1\]: another image has the same 'id', '1'"):
        _read(tmp_path, [_image(1), {"id": 1, "file_name": "other.jpg"}], [])


def test_without_a_name_all_annotations_of_an_animal_share_one(tmp_path):
    records = [
        _animal(7, 1, individual_ids=[7, 8]),
        _animal(8, 2, individual_ids=[8, 7]),
        _animal(9, 1, individual_ids=[9]),
        _animal(10, 1, individual_ids=["Stripes"]),
        _animal(11, 1, individual_ids=[]),
        _animal(12, 1, individual_ids=[12, 13], name="____"),
    ]
    rows = _read(tmp_path, [_image(1), _image(2)], records).annotations
    assert [row.identity for row in rows] == ["7", "7", None, "Stripes", None, None]


def test_annotations_of_whole_sequences_are_told_of(tmp_path):
    reading = _read(tmp_path, [_image(1)], [_animal(1, 1, sequence_level_annotation=True)])
    assert reading.notes == {"annotations of whole sequences: not each image need show the animal": 1}


def test_every_bad_value_is_told_with_its_place(tmp_path):
    images = [_image(1, datetime="4/10/2013"), {"file_name": "b.jpg"}, {"id": 3}]
    records = [
        _animal(1, 1, bbox=[1, 2, 0, 4], name="new"),
        _animal(2, 9),
        _animal(3, 1, category_id=5),
        _animal(4, 1, bbox=[1, 2, 3]),
        _animal(5, 1, bbox_relative=[0, 0, 1, 1]),
        _animal(6, 1, bbox=[1, 2, 3, 4], theta=90),
        _animal(7, 1, name=["Stripes"]),
    ]
    with pytest.raises(TableError) as caught:
        _read(tmp_path, images, records)
    told = "\n".join(map(str, caught.value.problems))
    for words in (
        "images[1]: has neither 'id' nor 'uuid'",
        "images[2]: 'file_name' is missing",
        "annotations[0], 'bbox': box '1 2 0 4' is empty",
        "annotations[0], 'name': 'new' cannot be an animal's name",
        "annotations[0], 'datetime': '4/10/2013' is not a date",
        "annotations[1]: there is no image 9 among 'images'",
        "annotations[2]: there is no category '5' among 'categories'",
        "annotations[3]: 'bbox': [1, 2, 3] is not a box",
        "annotations[4]: 'bbox_relative': the image's 'width' and 'height' are missing",
        "annotations[5]: 'theta': 90 is not an angle in radians",
        "annotations[6]: 'name': ['Stripes'] is neither text nor a number",
    ):
        assert words in told


def test_keys_that_other_programs_use_otherwise_are_no_fault(tmp_path):
    animals = [_animal(1, 1, sex="Male", origin="Hybrid"), _animal(2, 2, sex=1, origin={"tool": "drawn by hand"})]
    rows = _read(tmp_path, [_image(1), _image(2)], animals).annotations
    assert [(row.sex, row.origin) for row in rows] == [("male", "hybrid"), (None, None)]
