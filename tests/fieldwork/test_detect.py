from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

import hanzaki
from hanzaki import Box, FieldCatalogue, SettingError
from hanzaki.catalogue import records
from hanzaki.catalogue.tables import Annotation, Track
from hanzaki.fieldwork.watch import load_watcher, watch
from tests.fixtures.red import ANIMAL, write_clip, write_photo, write_red_finder
from tests.fixtures.videos import truncated

NOON = datetime(2022, 8, 20, 12, 0)


@pytest.fixture(scope="module")
def red(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_red_finder(tmp_path_factory.mktemp("models") / "red")


def walking(seconds: float) -> tuple[float, float]:
    return 10 + 60 * seconds, 20


def resting(_: float) -> tuple[float, float]:
    return 140, 80


def leaving(seconds: float) -> tuple[float, float] | None:
    return (60, 20 + 40 * seconds) if seconds < 0.8 else None


def shown(catalogue: FieldCatalogue) -> list[Annotation]:
    with catalogue.reading() as session:
        rows = list(session.query(Annotation).order_by(Annotation.id))
        for row in rows:
            assert row.medium.id
            assert row.encounter.id
        return rows


def test_an_animal_is_followed_and_its_boxes_are_where_it_is(tmp_path, red):
    clip = write_clip(tmp_path / "clip.mp4", [walking])
    told: list[float] = []
    watched = watch(clip, load_watcher(red), rate=10, best=4, told=told.append)
    assert (watched.frames, watched.trouble) == (15, None)
    (sighting,) = watched.sightings
    assert len(sighting.boxes) == 15
    for seconds, box, score in sighting.boxes:
        assert box.overlap(Box(*walking(seconds), *ANIMAL)) > 0.7
        assert score > 0.6
    assert len(sighting.best) == 4
    assert [glimpse.seconds for glimpse in sighting.best] == sorted(glimpse.seconds for glimpse in sighting.best)
    assert told == sorted(told)


def test_a_video_becomes_an_encounter_of_its_best_frames(catalogue, tmp_path, red):
    write_clip(tmp_path / "clip.mov", [walking], taken_at=NOON)
    catalogue.add(tmp_path / "clip.mov", species="Andrias japonicus", site="Kamo", survey="August")
    (before,) = catalogue.encounters().itertuples()
    assert (before.photographs, before.starts, before.site) == (0, NOON, "Kamo")
    report = catalogue.detect(red, best=3)
    assert (report.looked, report.animals, report.empty, report.skipped) == (1, 1, 0, [])
    (after,) = catalogue.encounters().itertuples()
    assert (after.encounter, after.photographs, after.species) == (before.encounter, 3, "Andrias japonicus")
    for row in shown(catalogue):
        assert records.box_of(row).overlap(Box(*walking(row.frame), *ANIMAL)) > 0.7
        assert row.label == "animal"
        assert set(row.quality) == {"sharpness", "exposure", "glare", "size", "inside", "score"}
    with catalogue.reading() as session:
        (track,) = session.query(Track)
        assert len(track.boxes) == 15


def test_every_further_animal_of_a_video_is_an_encounter_at_the_same_place(catalogue, tmp_path, red):
    write_clip(tmp_path / "clip.mp4", [resting, leaving], taken_at=NOON)
    catalogue.add(tmp_path / "clip.mp4", site="Kamo")
    assert catalogue.detect(red).animals == 2
    first, second = catalogue.encounters().itertuples()
    assert (first.site, second.site) == ("Kamo", "Kamo")
    of_first = [row for row in shown(catalogue) if row.encounter_id == first.encounter]
    assert all(records.box_of(row).overlap(Box(*resting(0), *ANIMAL)) > 0.7 for row in of_first)


def test_a_photograph_gets_the_box_of_its_animal(catalogue, tmp_path, red):
    write_photo(tmp_path / "one.jpg", [(100, 40)])
    write_photo(tmp_path / "two.jpg", [(20, 60), (120, 10)])
    write_photo(tmp_path / "none.jpg", [])
    catalogue.add(tmp_path, site="Kamo")
    report = catalogue.detect(red)
    assert (report.looked, report.animals, report.empty) == (3, 3, 1)
    assert set(catalogue.encounters()["site"]) == {"Kamo"}
    of: dict[str, list[Annotation]] = {}
    for row in shown(catalogue):
        of.setdefault(row.medium.name, []).append(row)
    assert records.box_of(of["one.jpg"][0]).overlap(Box(100, 40, *ANIMAL)) > 0.7
    assert [records.box_of(row) for row in of["none.jpg"]] == [None]
    places = [Box(20, 60, *ANIMAL), Box(120, 10, *ANIMAL)]
    found = [records.box_of(row) for row in of["two.jpg"]]
    assert sorted(max(range(2), key=lambda n: box.overlap(places[n])) for box in found) == [0, 1]
    assert len({row.encounter_id for row in of["two.jpg"]}) == 2


def test_nothing_is_looked_at_twice_and_what_has_boxes_stands(catalogue, tmp_path, red):
    write_photo(tmp_path / "one.jpg", [(100, 40)])
    write_photo(tmp_path / "boxed.jpg", [(20, 60)])
    (tmp_path / "t.csv").write_text("path,identity,bbox\nboxed.jpg,Sakura,1 2 30 40\none.jpg,,\n")
    catalogue.add(table=tmp_path / "t.csv")
    report = catalogue.detect(red)
    assert (report.looked, report.boxed, report.animals) == (1, 1, 1)
    assert {records.box_of(row) for row in shown(catalogue) if row.medium.name == "boxed.jpg"} == {
        Box(1, 2, 30, 40)
    }
    again = catalogue.detect(red)
    assert (again.looked, again.known, again.boxed) == (0, 1, 1)


def test_a_table_may_name_the_animal_of_a_clip(catalogue, tmp_path, red):
    write_clip(tmp_path / "clip.mp4", [walking])
    (tmp_path / "t.csv").write_text("path,identity,date\nclip.mp4,Sakura,2022-08-20\n")
    catalogue.add(table=tmp_path / "t.csv")
    catalogue.detect(red)
    (row,) = catalogue.encounters().itertuples()
    assert (row.individual, row.photographs) == ("Sakura", 5)


def test_a_table_may_point_to_frames(catalogue, tmp_path, red):
    write_clip(tmp_path / "clip.mp4", [walking])
    (tmp_path / "t.csv").write_text(
        "path,identity,frame,bbox,label\nclip.mp4,Sakura,0.5,40 20 32 32,head\n"
        "clip.mp4,Sakura,99,40 20 32 32,head\nclip.mp4,Ume,,40 20 32 32,head\n"
    )
    report = catalogue.add(table=tmp_path / "t.csv")
    assert ["99 s" in bad.reason or "no frame" in bad.reason for bad in report.skipped] == [True, True]
    (row,) = shown(catalogue)
    assert (row.frame, row.label) == (0.5, "head")
    assert catalogue.detect(red).boxed == 1


def test_one_video_that_cannot_be_read_stops_nothing(catalogue, tmp_path, red):
    for name in ("a.mp4", "b.mp4"):
        write_clip(tmp_path / name, [walking], seed=ord(name[0]))
    (tmp_path / "broken.mp4").write_bytes(b"no video at all")
    report = catalogue.add(tmp_path)
    assert (report.added, [bad.path.name for bad in report.skipped]) == (2, ["broken.mp4"])
    broken = next(row.medium for row in shown(catalogue) if row.medium.name == "a.mp4")
    truncated(catalogue.media.path(broken.path), 0.3)
    found = catalogue.detect(red)
    assert (found.looked, [bad.reason[:7] for bad in found.skipped]) == (1, ["changed"])


def test_an_interrupted_run_keeps_what_it_found_and_goes_on(catalogue, tmp_path, red):
    for name in ("a.mp4", "b.mp4"):
        write_clip(tmp_path / name, [walking], seed=ord(name[0]))
    catalogue.add(tmp_path)

    def stop(_: str, done: int, total: int) -> None:
        if done * 2 >= total:
            raise KeyboardInterrupt

    first = catalogue.detect(red, progress=stop)
    assert first.interrupted
    assert first.looked == 1
    second = catalogue.detect(red)
    assert (second.looked, second.known) == (1, 1)
    assert catalogue.encounters()["photographs"].tolist() == [5, 5]


def test_a_video_that_the_catalogue_does_not_hold_is_identified_animal_by_animal(
    catalogue, tmp_path, red, model_folder
):
    for number, way in enumerate((resting, leaving)):
        write_clip(tmp_path / f"{number}.mp4", [lambda _: None] * number + [way], taken_at=NOON)
        catalogue.add(tmp_path / f"{number}.mp4")
    catalogue.detect(red)
    for number, name in ((1, "Sakura"), (2, "Ume")):
        catalogue.confirm(number, "new", name=name)
    both = write_clip(tmp_path / "query.mp4", [resting, leaving], seed=9)
    report = catalogue.identify(both, model=model_folder, detector=red)
    answers = [found.candidates[0].individual for found in report.identifications]
    assert answers == ["Sakura", "Ume"]
    assert [found.query for found in report.identifications] == [f"{both}, animal {n}" for n in (1, 2)]
    empty = write_clip(tmp_path / "empty.mp4", [])
    assert "no animal" in catalogue.identify(empty, model=model_folder, detector=red).skipped[0].reason


def test_a_video_that_nobody_looked_through_cannot_be_described(catalogue, tmp_path, model_folder):
    write_clip(tmp_path / "clip.mp4", [walking])
    catalogue.add(tmp_path / "clip.mp4")
    assert catalogue.describe(model_folder).described == 0
    (bad,) = catalogue.identify(1, model=model_folder).skipped
    assert "hanzaki detect" in bad.reason


def test_pictures_are_regrouped_and_set_aside(catalogue, tmp_path, red, model_folder):
    write_clip(tmp_path / "clip.mp4", [walking])
    catalogue.add(tmp_path / "clip.mp4", site="Kamo")
    catalogue.detect(red, best=3)
    pictures = catalogue.pictures(1)["picture"].tolist()
    made = catalogue.regroup(pictures[:1])
    assert catalogue.encounters()["photographs"].tolist() == [2, 1]
    assert set(catalogue.encounters()["site"]) == {"Kamo"}
    catalogue.regroup(pictures[:1], into=1)
    assert catalogue.encounters()["encounter"].tolist() == [1]
    assert made == 2
    assert set(catalogue.pictures(1)["aside"]) == {"aside"}  # an animal of 32 pixels can hardly be seen
    catalogue.set_aside(pictures, aside=False)
    catalogue.set_aside(pictures[:2])
    assert catalogue.pictures(1)["aside"].tolist() == ["aside", "aside", None]
    with pytest.raises(hanzaki.CatalogueError, match="no picture 99"):
        catalogue.regroup([99])


def test_senseless_wishes_are_refused(catalogue, red):
    with pytest.raises(SettingError):
        catalogue.detect(red, best=0)
    with pytest.raises(SettingError):
        catalogue.detect(red, rate=0)


def test_boxes_of_a_video_come_from_megadetector(catalogue, tmp_path):
    write_clip(tmp_path / "clip.mp4", [walking])
    detections = [{"category": "1", "conf": 0.9, "bbox": [0.25, 0.125, 0.5, 0.5], "frame_number": 5}]
    document = {
        "info": {"format_version": "1.6"},
        "detection_categories": {"1": "animal"},
        "images": [{"file": "clip.mp4", "frame_rate": 10, "detections": detections}],
    }
    (tmp_path / "md.json").write_text(json.dumps(document))
    catalogue.add(table=tmp_path / "md.json")
    (row,) = shown(catalogue)
    assert (row.frame, row.label, row.confidence) == (0.5, "animal", 0.9)
    assert records.box_of(row) == Box(48, 16, 96, 64)


def test_how_well_a_whole_picture_shows_the_animal_says_nothing_of_its_box(catalogue, tmp_path, red, model_folder):
    write_photo(tmp_path / "one.jpg", [(100, 40)])
    catalogue.add(tmp_path / "one.jpg")
    catalogue.describe(model_folder)
    (before,) = shown(catalogue)
    catalogue.detect(red)
    (after,) = shown(catalogue)
    assert before.quality["size"] > after.quality["size"]  # the animal is smaller than its picture
