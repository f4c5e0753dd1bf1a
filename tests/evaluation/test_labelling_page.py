"""The page of a classifier: its numbers, its mistakes with what spoke for them, and whether to believe it."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from PIL import Image

from hanzaki.errors import BadMedium, SettingError
from hanzaki.evaluation.labelling import judge_classifier
from hanzaki.evaluation.pointing import MEASURES, Pointing
from hanzaki.evaluation.report.labelling import Control, write_labelling_report
from hanzaki.evaluation.resampling import Interval, Resampling
from hanzaki.evaluation.unknown import UnknownRule
from hanzaki.exchange.table import read_table
from hanzaki.vision.classifier import Classifier
from hanzaki.vision.model import load_classifier_model
from tests.fixtures.colours import write_colour_teller

FEW = Resampling(resamples=30)
RED, BLUE, PINK = (200, 0, 40), (30, 0, 190), (140, 0, 100)
NASTY = "<b>bob"


class Judged:
    """Halves of pictures are red or blue, so that it is known where the heat must lie."""

    def __init__(self, folder: Path, rows: list[str], label: str = "origin", **more: object) -> None:
        folder.mkdir()
        for name, left, right in (("red", RED, BLUE), ("blue", BLUE, BLUE), ("pink", PINK, PINK)):
            picture = np.zeros((16, 16, 3), np.uint8)
            picture[:, :12], picture[:, 12:] = left, right
            Image.fromarray(picture).save(folder / f"{name}.png")
        (folder / "t.csv").write_text("\n".join(["path,identity,origin,orientation,bbox", *rows]))
        write_colour_teller(folder / "m", label, ["hybrid", "native"], **{"explains": True} | more)
        self.classifier = Classifier(load_classifier_model(folder / "m"), threads=1)
        self.labelled = judge_classifier(read_table(folder / "t.csv"), self.classifier, resampling=FEW)

    def page(self, folder: Path, crop_of: object = None, **more: object) -> BeautifulSoup:
        crops = crop_of or self.labelled.pixels
        page = write_labelling_report(folder, "Salamanders", self.labelled, crops, self.classifier, **more)
        return BeautifulSoup(page.read_text(), "html.parser")


@pytest.fixture
def judged(tmp_path) -> Judged:
    rows = [
        "red.png,ann,hybrid,left,",
        "blue.png,ann,native,left,0 0 16 8",
        f"pink.png,{NASTY},native,left,",
        f"red.png,{NASTY},native,left,",  # the surest mistake
        f"blue.png,{NASTY},native,left,",
        "blue.png,cid,native,left,0 0 8 8",
        "blue.png,,,left,",
        "pink.png,dan,alien,left,",
    ]
    return Judged(tmp_path / "t", rows, temperature=4.0)


def _sections(page: BeautifulSoup) -> dict[str, BeautifulSoup]:
    return {part.h2.text: part for part in page.select("section")}


def _pictures(part: BeautifulSoup) -> list[np.ndarray]:
    sources = [image["src"].partition(",")[2] for image in part.select("img")]
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(one))), float) for one in sources]


def test_the_page_begins_with_the_measures(judged, tmp_path):
    page = judged.page(tmp_path / "report")
    heads = {one.dt.text: one.strong.text for one in page.select("dl div")}
    measures = judged.labelled.classification.measures
    assert heads["right (accuracy)"] == f"{100 * measures['accuracy'].value:.1f}%" == "66.7%"
    assert heads["Cohen's kappa"] == f"{measures['kappa'].value:.3f}"
    assert heads["of animals right"] == "75.0%"
    assert heads["calibration error"] == f"{100 * judged.labelled.after.measures['ece'].value:.1f}%"
    assert "it was right in 4 of 6 cases" in page.text
    assert "“native” would have been right in 83.3%" in page.text
    assert "before it was set to 4 on other pictures" in page.text
    assert len(page.select("svg")) == 2


def test_mistakes_come_surest_first_one_an_animal_with_what_spoke_for_them(judged, tmp_path):
    part = _sections(judged.page(tmp_path / "report"))["The surest mistakes"]
    assert "1 of the 2 pictures labelled wrongly" in part.text
    captions = [[line.text for line in one.select("span")] for one in part.select("figcaption")]
    row = 3
    given, true = (100 * judged.labelled.probabilities[row]).tolist()
    assert captions == [
        [NASTY, "truly native", "red.png"],
        ["what speaks for hybrid", f"{given:.1f}% probable"],
        ["what speaks for native", f"{true:.1f}% probable"],
    ]
    assert [" ".join(one.get("class", [])) for one in part.select("figure")] == ["", "wrong", "right"]
    plain, wrong, right = _pictures(part)
    changed = np.abs(np.stack([wrong, right]) - plain).mean(axis=(1, 3))
    assert changed[0, :10].mean() > 4 * changed[0, 13:].mean()  # red speaks for hybrid, and stands left
    assert changed[1, 13:].mean() > 4 * changed[1, :10].mean()


def test_the_surest_right_answer_of_each_label_is_shown(judged, tmp_path):
    part = _sections(judged.page(tmp_path / "report"))["What it looks at when it is right"]
    assert "The surest right answer of each label." in part.text
    captions = [one.span.text for one in part.select("figcaption")]
    assert captions[1::2] == ["what speaks for native", "what speaks for hybrid"]


def test_animals_are_listed_hardest_first_and_names_stay_text(judged, tmp_path):
    part = _sections(judged.page(tmp_path / "report"))["Animal by animal"]
    rows = [[cell.text for cell in row.select("td")] for row in part.select("tbody tr")]
    assert rows == [[NASTY, "native", "hybrid", "3", "33.3%"]]
    assert "3 of 4 animals were labelled rightly in every picture" in part.text  # ann is told to be two
    assert not part.select("b")


def test_a_label_of_the_picture_is_listed_by_animal_alone(tmp_path):
    rows = ["red.png,ann,,hybrid,", "red.png,ann,,native,", "blue.png,ann,,native,"]
    part = _sections(Judged(tmp_path / "t", rows, "orientation").page(tmp_path / "report"))["Animal by animal"]
    assert [[cell.text for cell in row.select("td")] for row in part.select("tbody tr")] == [["ann", "3", "66.7%"]]
    assert "Put together" not in part.text


def test_where_labels_are_the_animals_the_table_of_labels_has_them(tmp_path):
    rows = ["red.png,hybrid,,,", "blue.png,native,,,"]
    page = Judged(tmp_path / "t", rows, "individual").page(tmp_path / "report")
    assert "Animal by animal" not in _sections(page)
    assert "Every picture was labelled rightly." in page.text
    assert "The heat is Grad-CAM" in _sections(page)["What it looks at when it is right"].text


def test_a_control_above_chance_is_said_in_plain_words(judged, tmp_path):
    controls = [
        Control("labels shuffled", Interval(0.52, 0.44, 0.6), 0.5),
        Control("surroundings only", Interval(0.72, 0.64, 0.8), 0.5),
        Control("one animal", Interval(0.72, np.nan, np.nan), 0.5),
        Control("named", Interval(0.7, 0.6, 0.8), 0.5, "This one speaks for itself."),
    ]
    part = _sections(judged.page(tmp_path / "report", controls=controls))["Controls"]
    said = [paragraph.text for paragraph in part.select("p")]
    assert said[1] == "Labels shuffled: 52.0% is near chance, as it should be."
    assert said[2].startswith("Surroundings only: 72.0% is above chance.")
    assert "give" in said[2]
    assert "too few animals" in said[3]
    assert said[4] == "This one speaks for itself."
    rows = [[cell.text for cell in row.select("td")] for row in part.select("tbody tr")]
    assert [row[0] for row in rows] == ["this classifier", *(control.name for control in controls)]
    assert rows[2][1:] == ["72.0% (64.0 to 80.0)", "50.0%"]


def test_what_was_never_learnt_and_what_was_left_out_is_told(judged, tmp_path):
    rule = UnknownRule("energy", np.inf)
    refusals = [("refuse all", judged.labelled.judge_rule(rule, FEW))]
    labelled = replace(judged.labelled, bad=(BadMedium("x<y.png", "truncated"),))
    judged.labelled = labelled
    parts = _sections(judged.page(tmp_path / "report", refusals=refusals))
    assert "alien (1)" in parts["What it never learnt"].text
    assert len(parts["What it never learnt"].select("tbody tr")) == 3
    assert "“refuse all” took 0.0% (0.0 to 0.0) of 1 stranger" in parts["What it never learnt"].text
    left_out = parts["What was left out"].text
    for said in (
        "does not tell the origin in 1 row",
        "1 picture: not judged",
        "1 picture could not be used",
        "x<y",
    ):
        assert said in left_out


def test_the_pointing_game_stands_beside_chance(judged, tmp_path):
    intervals = {name: Interval(place / 10, 0.0, 1.0) for place, name in enumerate(MEASURES)}
    pointing = Pointing(12, 3, 2, intervals)
    part = _sections(judged.page(tmp_path / "report", pointing=pointing))["Whether it looks at the markings"]
    rows = [[cell.text.split(" ")[0] for cell in row.select("td")[1:]] for row in part.select("tbody tr")]
    assert rows == [["0.0%", "10.0%"], ["20.0%", "30.0%"], ["50.0%", "30.0%"], ["40.0%", "-"]]
    assert "12 pictures of 3 individuals" in part.text
    assert "without any heat: 2" in part.text


def test_a_network_that_does_not_tell_gives_pictures_without_heat(tmp_path):
    rows = ["red.png,ann,native,,", "blue.png,bob,native,,"]
    parts = _sections(Judged(tmp_path / "t", rows, explains=False).page(tmp_path / "report"))
    assert len(parts["The surest mistakes"].select("img")) == 1
    assert "does not tell which places" in parts["The surest mistakes"].text
    assert "heat" not in parts["What it looks at when it is right"].text


def test_a_photograph_that_vanished_leaves_its_place_empty(judged, tmp_path):
    def gone(row: int) -> np.ndarray:
        raise BadMedium("a.png", "no such file")

    page = judged.page(tmp_path / "report", gone)
    assert not page.select("img")
    assert page.select("div.gone")


def test_beside_the_page_lie_every_answer_and_the_figures(judged, tmp_path):
    page = judged.page(tmp_path / "report")
    linked = [link["href"] for link in page.select("a")]
    assert linked == ["answers.csv", "confusion.svg", "reliability.svg"]
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == sorted([*linked, "index.html"])
    answers = pd.read_csv(tmp_path / "report" / "answers.csv")
    assert answers["given"].tolist() == judged.labelled.frame["given"].tolist()
    np.testing.assert_allclose(answers[["p(hybrid)", "p(native)"]], judged.labelled.probabilities)


def test_the_same_answers_give_the_same_page(judged, tmp_path):
    pages = [judged.page(tmp_path / name).decode() for name in ("one", "two")]
    assert pages[0] == pages[1]


def test_a_folder_that_cannot_be_written_is_told(judged, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingError, match="no report can be written there"):
        judged.page(tmp_path / "file")
