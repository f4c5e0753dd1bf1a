from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hanzaki import FieldCatalogue, ModelError
from tests.fixtures.colours import write_colour_teller


def paint(path: Path, colour: tuple[int, int, int]) -> Path:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(np.full((40, 60, 3), colour, np.uint8)).save(path)
    return path


@pytest.fixture
def painted(catalogue: FieldCatalogue, tmp_path: Path) -> FieldCatalogue:
    """Three encounters: red, blue, and one of a red and a violet photograph of which a table tells the sides."""
    paint(tmp_path / "p" / "a.png", (200, 0, 0))
    paint(tmp_path / "p" / "b.png", (0, 0, 200))
    paint(tmp_path / "p" / "c.png", (210, 0, 0))
    paint(tmp_path / "p" / "d.png", (90, 0, 110))
    (tmp_path / "p" / "t.csv").write_text(
        "path,encounter,orientation\na.png,1,\nb.png,2,\nc.png,3,right\nd.png,3,\n"
    )
    catalogue.add(table=tmp_path / "p" / "t.csv")
    return catalogue


def test_a_species_is_told_of_an_encounter_by_all_its_pictures(painted, tmp_path):
    report = painted.classify(write_colour_teller(tmp_path / "m", "species", ["red newt", "blue newt"]), sure=0.7)
    assert (report.label, report.filled, report.unsure) == ("species", 2, 1)
    assert painted.encounters()["species"].tolist() == ["red newt", "blue newt", None]
    again = painted.classify(tmp_path / "m", sure=0.5)
    assert (again.filled, again.unsure) == (1, 0)
    assert painted.encounters()["species"].tolist() == ["red newt", "blue newt", "red newt"]


def test_a_side_is_told_of_a_picture_and_what_is_known_stays(painted, tmp_path):
    report = painted.classify(write_colour_teller(tmp_path / "m", "orientation", ["left", "right"]), sure=0.9)
    assert (report.filled, report.unsure) == (2, 1)
    with painted.reading() as session:
        from hanzaki.catalogue.gallery import annotation_table

        assert annotation_table(session)["side"].tolist() == ["left", "right", "right", None]


def test_what_cannot_be_filled_in_is_refused(painted, tmp_path):
    with pytest.raises(ModelError, match="species and orientation"):
        painted.classify(write_colour_teller(tmp_path / "m", "sex", ["male", "female"]))


def test_one_photograph_that_vanished_stops_nothing(painted, tmp_path):
    next((painted.folder / "media").rglob("*.png")).unlink()
    report = painted.classify(write_colour_teller(tmp_path / "m", "orientation", ["left", "right"]))
    assert len(report.skipped) <= 1
    assert report.filled >= 1
