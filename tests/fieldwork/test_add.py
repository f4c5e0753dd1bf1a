from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import pytest

import hanzaki
from hanzaki import FieldCatalogue
from hanzaki.fieldwork import add as adding
from tests.fixtures.photographs import bomb, encoded, write


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Five photographs in two folders."""
    folder = tmp_path / "photos"
    for number in range(3):
        write(folder / f"IMG_{number}.jpg", number)
    write(folder / "more" / "IMG_3.PNG", 3)
    write(folder / "more" / "IMG_4.heic", 4, taken_at=datetime(2022, 8, 20, 18, 5))
    return folder


def stored(catalogue: FieldCatalogue) -> list[Path]:
    return sorted(path for path in (catalogue.folder / "media").rglob("*.*") if path.is_file())


def test_photographs_are_added_once_each_as_an_encounter_of_its_own(catalogue, photos):
    report = catalogue.add(photos, species="Andrias japonicus", site="Kamo", survey="August")
    assert (report.added, report.known, report.skipped) == (5, 0, [])
    encounters = catalogue.encounters()
    assert encounters["photographs"].tolist() == [1] * 5
    assert set(encounters["site"]) == {"Kamo"}
    assert set(encounters["survey"]) == {"August"}
    assert encounters["starts"].tolist()[-1] == datetime(2022, 8, 20, 18, 5)
    assert len(stored(catalogue)) == 5


def test_the_originals_are_left_as_they_are(catalogue, photos):
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in photos.rglob("*.*")}
    catalogue.add(photos)
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in photos.rglob("*.*")} == before


def test_adding_again_adds_nothing(catalogue, photos):
    catalogue.add(photos)
    again = catalogue.add([photos, photos / "IMG_1.jpg"])
    assert (again.added, again.known) == (0, 5)
    assert len(catalogue.encounters()) == 5


def test_the_same_bytes_under_another_name_are_known(catalogue, photos):
    (photos / "copy.jpg").write_bytes((photos / "IMG_0.jpg").read_bytes())
    report = catalogue.add(photos)
    assert (report.added, report.known) == (5, 1)


def test_what_was_not_told_at_first_is_filled_in_later(catalogue, photos):
    catalogue.add(photos)
    catalogue.add(photos, species="Andrias japonicus", site="Kamo")
    catalogue.add(photos, species="Equus quagga", site="Elsewhere")  # what is known stays
    encounters = catalogue.encounters()
    assert set(encounters["species"]) == {"Andrias japonicus"}
    assert set(encounters["site"]) == {"Kamo"}


def test_every_bad_file_is_listed_with_its_reason_and_stops_nothing(catalogue, photos):
    (photos / "empty.jpg").touch()
    (photos / "truncated.jpg").write_bytes(encoded(9, size=(640, 480))[:4000])
    (photos / "letter.jpg").write_text("Dear zoo")
    (photos / "bomb.png").write_bytes(bomb())
    (photos / "notes.txt").write_text("no photograph")
    Path(os.fsdecode(os.fsencode(photos) + b"/caf\xe9.jpg")).write_bytes(encoded(10))
    report = catalogue.add([photos, photos / "gone.jpg"])
    reasons = {bad.path.name: bad.reason for bad in report.skipped}
    assert report.added == 5
    assert "empty" in reasons["empty.jpg"]
    assert "truncated" in reasons["truncated.jpg"]
    assert "not an image" in reasons["letter.jpg"]
    assert "decompression bomb" in reasons["bomb.png"]
    assert "not UTF-8" in reasons["caf\udce9.jpg"]
    assert "no such file" in reasons["gone.jpg"]
    assert len(reasons) == 6
    assert dict(report.others) == {".txt": 1}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything; the next test stands in")
def test_a_file_without_permission_is_listed(catalogue, photos):
    (photos / "IMG_0.jpg").chmod(0)
    (bad,) = catalogue.add(photos).skipped
    assert bad.reason == "no permission to read it"


def test_a_file_that_the_system_refuses_is_listed(catalogue, photos, monkeypatch):
    open_ = Path.open

    def refuse(path: Path, *how: object, **more: object) -> object:
        if path.name == "IMG_0.jpg":
            raise PermissionError(13, "Permission denied")
        return open_(path, *how, **more)

    monkeypatch.setattr(Path, "open", refuse)
    report = catalogue.add(photos)
    assert [(bad.path.name, bad.reason) for bad in report.skipped] == [("IMG_0.jpg", "no permission to read it")]
    assert report.added == 4


def test_hidden_files_and_circles_of_links_are_passed_over(catalogue, photos):
    write(photos / ".hidden.jpg", 20)
    (photos / "circle").symlink_to(photos)
    assert catalogue.add(photos).added == 5


def test_linked_photographs_stay_where_they_are(catalogue, photos):
    report = catalogue.add(photos, link=True)
    assert report.added == 5
    assert stored(catalogue) == []
    assert catalogue.add(photos, link=True).known == 5


def test_a_linked_photograph_that_changed_is_noticed(catalogue, photos, model_folder):
    catalogue.add(photos, link=True)
    write(photos / "IMG_0.jpg", 99)
    (bad,) = catalogue.add(photos, link=True).skipped
    assert (bad.path.name, "changed since it was linked" in bad.reason) == ("IMG_0.jpg", True)
    (bad,) = catalogue.describe(model_folder).skipped
    assert "changed since it was added" in bad.reason
    (photos / "IMG_1.jpg").unlink()
    reasons = [bad.reason for bad in catalogue.describe(model_folder).skipped]
    assert len(reasons) == 1  # the vanished one was described before it vanished


def test_a_linked_photograph_that_is_gone_says_so(catalogue, photos, model_folder):
    catalogue.add(photos, link=True)
    (photos / "IMG_1.jpg").unlink()
    (bad,) = catalogue.describe(model_folder).skipped
    assert "IMG_1.jpg is gone" in bad.reason


def test_a_table_brings_identities_boxes_sides_encounters_and_dates(catalogue, photos, tmp_path):
    table = tmp_path / "annotations.csv"
    table.write_text(
        "path,identity,species,orientation,encounter,date,bbox,site\n"
        "photos/IMG_0.jpg,Sakura,Andrias japonicus,top,e1,2022-08-20T11:00,1 2 30 40,Kamo\n"
        "photos/IMG_1.jpg,Sakura,Andrias japonicus,top,e1,2022-08-20T11:01,,Kamo\n"
        "photos/IMG_2.jpg,unknown,Andrias japonicus,top,,2022-08-21,,\n"
        "photos/gone.jpg,Ume,,,,,,\n"
    )
    report = catalogue.add(photos, table=table)
    assert (report.added, report.annotated, report.absent) == (5, 3, ["photos/gone.jpg"])
    frame = catalogue.encounters().sort_values("encounter")
    known = frame[frame["label"] == "e1"].iloc[0]
    assert (known["individual"], known["photographs"], known["site"]) == ("Sakura", 2, "Kamo")
    assert known["starts"] == datetime(2022, 8, 20, 11)
    assert len(frame) == 4
    assert catalogue.individuals()["individual"].tolist() == ["Sakura"]
    assert catalogue.decisions()[["origin", "action"]].to_numpy().tolist() == [["table", "assign"]]


def test_a_table_alone_names_its_photographs(catalogue, photos):
    (photos / "t.csv").write_text("path,identity\nIMG_0.jpg,Sakura\nmore/IMG_3.PNG,Ume\nlost.jpg,Ume\n")
    report = catalogue.add(table=photos / "t.csv")
    assert (report.added, report.annotated) == (2, 2)
    assert [bad.reason for bad in report.skipped] == ["no such file"]


def test_a_table_that_comes_later_fills_in_what_was_added_before(catalogue, photos):
    catalogue.add(photos)
    (photos / "t.csv").write_text(
        "path,identity,bbox,encounter\nIMG_0.jpg,Sakura,1 1 9 9,e1\nIMG_1.jpg,Sakura,,e1\n"
    )
    report = catalogue.add(photos, table=photos / "t.csv")
    assert (report.added, report.known, report.annotated) == (0, 5, 2)
    frame = catalogue.encounters()
    assert frame["photographs"].sum() == 5  # no photograph is annotated twice
    assert frame.loc[frame["individual"] == "Sakura", "photographs"].tolist() == [2]
    again = catalogue.add(photos, table=photos / "t.csv")
    assert (again.annotated, len(catalogue.encounters())) == (0, len(frame))


def test_a_table_never_overrides_a_persons_decision(catalogue, photos):
    catalogue.add(photos)
    catalogue.confirm(1, "new", name="Ume")
    (photos / "t.csv").write_text("path,identity\nIMG_0.jpg,Sakura\n")
    catalogue.add(photos, table=photos / "t.csv")
    assert catalogue.encounters()["individual"].tolist()[0] == "Ume"


def test_two_animals_in_one_photograph(catalogue, photos):
    (photos / "t.csv").write_text("path,identity,bbox\nIMG_0.jpg,Sakura,0 0 20 20\nIMG_0.jpg,Ume,30 0 20 20\n")
    catalogue.add(photos / "IMG_0.jpg", table=photos / "t.csv")
    catalogue.add(photos / "IMG_0.jpg", table=photos / "t.csv")
    assert catalogue.encounters()["individual"].tolist() == ["Sakura", "Ume"]


def test_one_bad_table_adds_nothing(catalogue, photos):
    (photos / "t.csv").write_text("path,bbox\nIMG_0.jpg,1 2 3\n")
    with pytest.raises(hanzaki.TableError, match="row 2, column 'bbox'"):
        catalogue.add(photos, table=photos / "t.csv")
    assert catalogue.encounters().empty


def test_an_interrupted_run_keeps_what_it_did_and_goes_on(catalogue, photos, monkeypatch):
    monkeypatch.setattr(adding, "_BATCH", 2)

    def stop(_what: str, done: int, _total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    first = catalogue.add(photos, progress=stop)
    assert (first.added, first.interrupted) == (2, True)
    second = catalogue.add(photos)
    assert (second.added, second.known, second.interrupted) == (3, 2, False)


def test_progress_ends_at_the_total(catalogue, photos):
    told: list[tuple[str, int, int]] = []
    catalogue.add(photos, progress=lambda *state: told.append(state))
    assert told[-1] == ("adding", 5, 5)


def test_a_table_with_identities_and_sides_alone_fills_them_in(catalogue, photos):
    catalogue.add(photos, species="Andrias japonicus", site="Kamo", survey="August")
    (photos / "t.csv").write_text("path,identity,orientation\nIMG_0.jpg,Sakura,Top\nIMG_1.jpg,Ume,\n")
    report = catalogue.add(table=photos / "t.csv")
    assert (report.known, report.annotated) == (2, 2)
    encounters = catalogue.encounters()
    assert encounters["individual"].tolist()[:2] == ["Sakura", "Ume"]
    assert set(encounters["species"]) == {"Andrias japonicus"}
    assert set(catalogue.individuals()["species"]) == {"Andrias japonicus"}


def test_joining_an_encounter_of_a_table_loses_nothing_that_was_told_before(catalogue, photos):
    catalogue.add(photos, species="Andrias japonicus", site="Kamo", survey="August")
    (photos / "t.csv").write_text("path,identity,encounter\nIMG_0.jpg,Sakura,e1\nIMG_1.jpg,Sakura,e1\n")
    catalogue.add(table=photos / "t.csv")
    joined = catalogue.encounters().set_index("label").loc["e1"]
    assert joined[["individual", "species", "site", "survey", "photographs"]].tolist() == [
        "Sakura",
        "Andrias japonicus",
        "Kamo",
        "August",
        2,
    ]


@pytest.mark.parametrize("box", ["", "1 1 30 30"])
def test_identities_that_are_filled_in_later_double_nothing(catalogue, photos, box):
    for name in ("", "Sakura", "Sakura"):
        rows = [f"IMG_{number}.jpg,{name},e1,{box}" for number in range(3)]
        (photos / "t.csv").write_text("\n".join(["path,identity,encounter,bbox", *rows]))
        catalogue.add(table=photos / "t.csv")
    assert catalogue.encounters()[["individual", "photographs"]].to_numpy().tolist() == [["Sakura", 3]]


def test_a_row_that_names_another_animal_is_counted_and_changes_nothing(catalogue, photos):
    (photos / "t.csv").write_text("path,identity\nIMG_0.jpg,Sakura\n")
    catalogue.add(table=photos / "t.csv")
    (photos / "t.csv").write_text("path,identity\nIMG_0.jpg,Ume\n")
    assert catalogue.add(table=photos / "t.csv").kept == 1
    assert catalogue.encounters()["individual"].tolist() == ["Sakura"]


def test_the_tables_date_is_believed_and_the_camera_tells_the_hour(catalogue, tmp_path):
    taken = datetime(2022, 8, 20, 18, 5)
    write(tmp_path / "same.jpg", 1, taken_at=taken)
    write(tmp_path / "other.jpg", 2, taken_at=taken)
    (tmp_path / "t.csv").write_text("path,date\nother.jpg,2019-01-01\nsame.jpg,2022-08-20\n")
    catalogue.add(table=tmp_path / "t.csv")
    assert catalogue.encounters()["starts"].tolist() == [datetime(2019, 1, 1), taken]


def test_a_box_outside_of_its_photograph_is_listed(catalogue, photos):
    (photos / "t.csv").write_text("path,identity,bbox\nIMG_0.jpg,Sakura,5000 0 10 10\nIMG_1.jpg,Ume,0 0 10 10\n")
    report = catalogue.add(table=photos / "t.csv")
    assert [bad.path.name for bad in report.skipped] == ["IMG_0.jpg"]
    assert "lies outside" in report.skipped[0].reason
    assert catalogue.individuals()["individual"].tolist() == ["Ume"]


def test_a_table_made_on_windows(catalogue, photos):
    (photos / "t.csv").write_text("path,identity\nmore\\IMG_3.PNG,Ume\n")
    assert catalogue.add(photos, table=photos / "t.csv").annotated == 1


def test_the_same_bytes_under_other_endings_are_one_file(catalogue, photos):
    for name in ("a.jpeg", "b.png", "c.JPE"):
        (photos / name).write_bytes((photos / "IMG_0.jpg").read_bytes())
    catalogue.add(photos)
    assert len(stored(catalogue)) == 5


def test_a_linked_photograph_that_moved_is_found_again(catalogue, photos, tmp_path, model_folder):
    catalogue.add(photos, link=True)
    photos.rename(tmp_path / "moved")
    assert len(catalogue.describe(model_folder).skipped) == 5
    assert catalogue.add(tmp_path / "moved", link=True).known == 5
    assert catalogue.describe(model_folder).described == 5


def test_a_copy_that_was_lost_is_stored_again(catalogue, photos):
    catalogue.add(photos)
    stored(catalogue)[0].unlink()
    assert catalogue.add(photos).known == 5
    assert len(stored(catalogue)) == 5


def test_a_pipe_is_no_photograph(catalogue, photos):
    os.mkfifo(photos / "pipe.jpg")
    (bad,) = catalogue.add(photos).skipped
    assert "a pipe or a device" in bad.reason
