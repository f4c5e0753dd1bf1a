from __future__ import annotations

from datetime import datetime, timedelta

from tests.fixtures.photographs import write

START = datetime(2022, 8, 20, 18, 5)


def shoot(folder, *seconds: float) -> None:
    for number, second in enumerate(seconds):
        write(folder / f"IMG_{number}.jpg", number, taken_at=START + timedelta(seconds=second))


def test_photographs_that_follow_each_other_at_once_are_one_encounter(catalogue, tmp_path):
    shoot(tmp_path / "photos", 0, 8, 16, 60, 63, 300)
    assert catalogue.add(tmp_path / "photos", site="Kamo").joined == 3
    encounters = catalogue.encounters()
    assert encounters["photographs"].tolist() == [3, 2, 1]
    assert encounters["starts"].tolist() == [START + timedelta(seconds=second) for second in (0, 60, 300)]


def test_the_interval_is_the_users(catalogue, tmp_path):
    shoot(tmp_path / "photos", 0, 8, 16, 60)
    assert catalogue.add(tmp_path / "photos", burst=0).joined == 0
    assert catalogue.add(tmp_path / "photos", burst=44).joined == 3


def test_adding_again_joins_nothing_more_and_what_was_taken_out_stays_out(catalogue, tmp_path):
    shoot(tmp_path / "photos", 0, 8)
    catalogue.add(tmp_path / "photos")
    (encounter,) = catalogue.encounters()["encounter"]
    second = catalogue.pictures(encounter)["picture"].tolist()[1]
    catalogue.regroup([second])
    assert catalogue.add(tmp_path / "photos").joined == 0
    assert catalogue.encounters()["photographs"].tolist() == [1, 1]


def test_a_photograph_that_comes_later_joins_its_burst(catalogue, tmp_path):
    shoot(tmp_path / "photos", 0)
    catalogue.add(tmp_path / "photos")
    write(tmp_path / "photos" / "IMG_9.jpg", 9, taken_at=START + timedelta(seconds=5))
    assert catalogue.add(tmp_path / "photos").joined == 1


def test_nothing_joins_what_was_decided_or_told(catalogue, tmp_path):
    shoot(tmp_path / "photos", 0)
    catalogue.add(tmp_path / "photos")
    catalogue.confirm(1, "new", name="Sakura")
    write(tmp_path / "photos" / "IMG_9.jpg", 9, taken_at=START + timedelta(seconds=5))
    assert catalogue.add(tmp_path / "photos").joined == 0
    write(tmp_path / "told" / "a.jpg", 20, taken_at=START)
    write(tmp_path / "told" / "b.jpg", 21, taken_at=START)
    (tmp_path / "told" / "t.csv").write_text("path\na.jpg\nb.jpg\n")
    assert catalogue.add(table=tmp_path / "told" / "t.csv").joined == 0


def test_two_cameras_and_two_places_are_apart(catalogue, tmp_path):
    for number, camera in enumerate((("Apple", "iPhone"), ("Google", "Pixel"))):
        write(tmp_path / "photos" / f"{number}.jpg", number, taken_at=START, camera=camera)
    assert catalogue.add(tmp_path / "photos").joined == 0
    for number, site in ((5, "Kamo"), (6, "Katsura")):
        write(tmp_path / site / "a.jpg", number, taken_at=START)
        assert catalogue.add(tmp_path / site, site=site).joined == 0
