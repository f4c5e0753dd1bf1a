"""The machine's word: kept beside people's, never over it, and never another model's."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hanzaki import FieldCatalogue, ModelError
from hanzaki.boxes import Box
from hanzaki.catalogue import records
from hanzaki.catalogue.gallery import annotation_table
from hanzaki.catalogue.tables import Annotation
from hanzaki.fieldwork import classify as room
from hanzaki.fieldwork.classify import classify, load_classifier
from tests.fixtures.colours import write_colour_teller
from tests.fixtures.red import write_clip, write_red_finder

RED, BLUE, VIOLET = (200, 0, 0), (0, 0, 200), (90, 0, 110)


def paint(path: Path, colour: tuple[int, int, int]) -> Path:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(np.full((40, 60, 3), colour, np.uint8)).save(path)
    return path


@pytest.fixture
def painted(catalogue: FieldCatalogue, tmp_path: Path) -> FieldCatalogue:
    """Three encounters: red, blue, and one of a red and a violet photograph of which a table tells the sides."""
    paint(tmp_path / "p" / "a.png", RED)
    paint(tmp_path / "p" / "b.png", BLUE)
    paint(tmp_path / "p" / "c.png", (210, 0, 0))
    paint(tmp_path / "p" / "d.png", VIOLET)
    (tmp_path / "p" / "t.csv").write_text(
        "path,encounter,orientation\na.png,1,\nb.png,2,\nc.png,3,right\nd.png,3,\n"
    )
    catalogue.add(table=tmp_path / "p" / "t.csv")
    return catalogue


@pytest.fixture
def origins(tmp_path: Path) -> Path:
    return write_colour_teller(tmp_path / "origins", "origin", ["hybrid", "native"], explains=True)


def matched(catalogue: FieldCatalogue, column: str) -> list[str | None]:
    """What counts for matching."""
    with catalogue.reading() as session:
        return annotation_table(session)[column].tolist()


def nobody(_file: Path) -> object:
    raise AssertionError("no video is asked about")


def test_an_animal_is_told_by_the_mean_over_its_pictures(painted, tmp_path):
    model = write_colour_teller(tmp_path / "m", "species", ["red newt", "blue newt"])
    report = painted.classify(model, sure=0.7)
    assert [(animal.name, animal.word.value, animal.word.sure) for animal in report.animals] == [
        ("encounter 1", "red newt", True),
        ("encounter 2", "blue newt", True),
        ("encounter 3", "red newt", False),
    ]
    red, violet = report.animals[2].pictures
    assert report.animals[2].word.probability == pytest.approx(
        (red.shares["red newt"] + violet.shares["red newt"]) / 2
    )
    assert (report.kept, report.known) == (4, 0)
    assert matched(painted, "species") == ["red newt", "blue newt", None, None]


def test_a_model_is_asked_once_and_may_count_from_another_probability_on(painted, tmp_path):
    model = write_colour_teller(tmp_path / "m", "species", ["red newt", "blue newt"])
    painted.classify(model, sure=0.7)
    again = painted.classify(model, sure=0.5)
    assert (again.kept, again.known, again.animals) == (0, 4, [])
    assert matched(painted, "species") == ["red newt", "blue newt", "red newt", "red newt"]


def test_a_side_is_told_of_a_picture_and_a_table_stands(painted, tmp_path):
    model = write_colour_teller(tmp_path / "m", "orientation", ["left", "right"])
    report = painted.classify(model, sure=0.9)
    assert matched(painted, "side") == ["left", "right", "right", None]
    table = painted.pictures(3)
    assert table["side"].tolist() == ["right", None]
    assert table["side_by_machine"].tolist() == ["left", "right"]
    assert [picture.told for picture in report.animals[2].pictures] == ["right", None]
    assert [animal.word for animal in report.animals] == [None] * 3


def test_a_person_stands_over_the_machine_and_the_machine_never_over_a_person(painted, origins):
    painted.tell(1, origin="native")
    painted.classify(origins)
    painted.tell(2, origin="hybrid")
    frame = painted.encounters()
    assert frame["origin"].tolist() == ["native", "hybrid", None]
    assert frame["origin_by_machine"].tolist() == ["hybrid", "native", "hybrid"]
    assert frame["origin_sure"].tolist() == [True, True, False]
    report = painted.classify(origins, [1])
    assert (report.animals[0].told, report.animals[0].word.value) == ("native", "hybrid")
    painted.undo()
    assert painted.encounters()["origin"].tolist() == ["native", None, None]
    assert painted.encounters()["origin_by_machine"].tolist() == ["hybrid", "native", "hybrid"]


def test_the_machines_species_yields_to_what_is_told_later(painted, tmp_path):
    painted.classify(write_colour_teller(tmp_path / "m", "species", ["red newt", "blue newt"]))
    painted.tell(1, species="blue newt")
    assert matched(painted, "species")[:2] == ["blue newt", "blue newt"]
    painted.undo()
    assert matched(painted, "species")[:2] == ["red newt", "blue newt"]


def test_a_changed_model_is_another_and_the_newest_counts(painted, tmp_path):
    painted.classify(write_colour_teller(tmp_path / "one", "species", ["red newt", "blue newt"]))
    later = write_colour_teller(tmp_path / "two", "species", ["blue newt", "red newt"])
    report = painted.classify(later)
    assert (report.kept, report.known) == (4, 0)
    assert matched(painted, "species")[:2] == ["blue newt", "red newt"]
    assert painted.forget_opinions(later) == 4
    assert matched(painted, "species")[:2] == ["red newt", "blue newt"]


def test_a_temperature_makes_another_model(painted, tmp_path):
    first = painted.classify(write_colour_teller(tmp_path / "one", "origin", ["hybrid", "native"]))
    second = painted.classify(
        write_colour_teller(tmp_path / "two", "origin", ["hybrid", "native"], temperature=9.0)
    )
    assert second.known == 0
    assert second.animals[0].word.probability < first.animals[0].word.probability


def test_an_individual_by_machine_is_a_candidate_and_no_decision(painted, tmp_path):
    painted.confirm(2, "new", name="Ume")
    painted.classify(write_colour_teller(tmp_path / "m", "individual", ["Sakura", "Ume"]))
    frame = painted.encounters()
    assert frame["individual"].tolist() == [None, "Ume", None]
    assert frame["individual_by_machine"].tolist() == ["Sakura", "Ume", "Sakura"]
    assert len(painted.decisions()) == 1


def test_a_quality_by_machine_leaves_the_measured_one(painted, tmp_path):
    painted.describe("sift")
    measured = painted.pictures(3)[["quality", "aside"]]
    painted.classify(write_colour_teller(tmp_path / "m", "quality", ["good", "poor"]))
    shown = painted.pictures(3)
    assert shown[["quality", "aside"]].equals(measured)
    assert shown["quality_by_machine"].tolist() == ["good", "poor"]


def test_an_individual_is_told_by_all_its_pictures(painted, origins):
    painted.confirm(1, "new", name="Sakura")
    painted.confirm(3, "Sakura")
    painted.classify(origins)
    (row,) = painted.individuals().itertuples()
    assert (row.origin, row.origin_by_machine) == (None, "hybrid")
    shares = [animal.word.shares["hybrid"] for animal in painted.classify(origins, [1, 3]).animals]
    assert row.origin_probability == pytest.approx((shares[0] + 2 * shares[1]) / 3, abs=1e-3)


def test_pictures_set_aside_do_not_count_where_there_are_others(painted, origins):
    assert not painted.classify(origins).animals[2].word.sure
    painted.set_aside([4])
    word = painted.classify(origins, [3]).animals[0].word
    assert (word.sure, word.pictures) == (True, 1)


def test_another_box_forgets_what_was_said_of_the_old_one(painted, origins):
    painted.classify(origins)
    with painted.writing() as session:
        records.set_box(session, session.get_one(Annotation, 1), Box(0, 0, 30, 20))
    assert painted.encounters()["origin_by_machine"].tolist()[0] is None
    assert painted.classify(origins).kept == 1


def test_one_photograph_that_vanished_stops_nothing(painted, origins):
    next((painted.folder / "media").rglob("*.png")).unlink()
    report = painted.classify(origins)
    assert (report.kept, len(report.skipped)) == (3, 1)


def test_what_was_told_before_a_stop_is_kept_and_the_rest_follows(painted, origins, monkeypatch):
    monkeypatch.setattr(room, "_BATCH", 2)

    def stop(_what: str, done: int, _total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    report = painted.classify(origins, progress=stop)
    assert (report.interrupted, report.kept, len(report.animals)) == (True, 2, 2)
    assert painted.classify(origins).kept == 2


def test_files_are_told_with_and_without_a_catalogue(painted, origins, tmp_path):
    stranger = paint(tmp_path / "new.png", (220, 0, 0))
    known = tmp_path / "p" / "b.png"
    report = painted.classify(origins, [stranger, known])
    assert [(animal.encounter, animal.word.value) for animal in report.animals] == [
        (None, "hybrid"),
        (2, "native"),
    ]
    assert report.kept == 1
    assert len(painted.encounters()) == 3
    alone = classify(None, load_classifier(origins), [stranger, known, tmp_path / "none.png"], watched=nobody)
    assert [animal.word.value for animal in alone.animals] == ["hybrid", "native"]
    assert alone.animals[1].word.shares == report.animals[1].word.shares
    assert [bad.path.name for bad in alone.skipped] == ["none.png"]


def test_each_animal_of_a_video_is_told(catalogue, tmp_path, origins):
    finder = write_red_finder(tmp_path / "red")
    clip = write_clip(tmp_path / "two.mp4", [lambda _: (20, 20), lambda t: (120, 60 + 20 * t)])
    strange = catalogue.classify(origins, clip, detector=finder, explain=tmp_path / "why")
    assert [animal.word.value for animal in strange.animals] == ["hybrid", "hybrid"]
    assert len(list((tmp_path / "why").iterdir())) == sum(len(animal.pictures) for animal in strange.animals)
    catalogue.add(clip)
    assert catalogue.classify(origins, 1).skipped[0].reason.endswith("run `hanzaki detect`")
    catalogue.detect(finder)
    kept = catalogue.classify(origins)
    assert [animal.encounter for animal in kept.animals] == [1, 2]
    assert kept.kept == 10


def near(path: Path, colour: tuple[int, int, int]) -> float:
    """Share of a drawing's pixels that are of about that colour."""
    with Image.open(path) as drawing:
        return float((np.abs(np.asarray(drawing).astype(int) - colour).max(axis=2) < 30).mean())


def test_a_drawing_colours_what_spoke_for_the_answer_and_nothing_else(catalogue, origins, tmp_path):
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[:, :30], picture[:, 30:] = RED, (0, 200, 0)
    Image.fromarray(picture).save(tmp_path / "half.png")
    catalogue.add(tmp_path / "half.png")
    (animal,) = catalogue.classify(origins, tmp_path / "half.png", explain=tmp_path / "why").animals
    (drawn,) = [told.drawn for told in animal.pictures]
    assert (animal.word.value, drawn.name) == ("hybrid", "1_half.png.jpg")
    assert near(drawn, (0, 200, 0)) > 0.02
    assert near(drawn, RED) < 0.002


def test_what_was_told_before_can_be_drawn_and_is_drawn_anew(painted, origins, tmp_path):
    painted.classify(origins)
    for _ in range(2):
        again = painted.classify(origins, [3], explain=tmp_path / "why")
        assert (again.kept, again.known) == (0, 2)
        assert sorted(path.name for path in (tmp_path / "why").iterdir()) == ["3_c.png.jpg", "4_d.png.jpg"]


def test_a_network_that_cannot_be_explained_says_so_and_what_it_told_of_others_stands(painted, tmp_path):
    model = write_colour_teller(tmp_path / "m", "origin", ["hybrid", "native"])
    with pytest.raises(ModelError):
        painted.classify(model, explain=tmp_path / "why")
    assert painted.classify(model).kept == 4


def test_probabilities_are_kept_as_they_are_told(painted, origins):
    report = painted.classify(origins)
    with painted.reading() as session:
        rows = session.connection().exec_driver_sql("SELECT shares FROM opinions ORDER BY annotation_id").scalars()
        kept = [json.loads(row) for row in rows]
    assert kept == [dict(picture.shares) for animal in report.animals for picture in animal.pictures]
    assert all(sum(shares.values()) == pytest.approx(1, abs=1e-5) for shares in kept)
