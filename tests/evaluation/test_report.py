from __future__ import annotations

import csv
import json
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import hanzaki
from hanzaki.evaluation.answers import Answers
from hanzaki.evaluation.protocols import answer_all
from hanzaki.evaluation.report.cases import by_individual
from hanzaki.evaluation.report.page import Figure, Headline, Picture, Section, Strip, Table, render_page
from hanzaki.evaluation.report.report import count
from hanzaki.evaluation.report.sureness import sureness
from tests.fixtures.animals import write_animals
from tests.fixtures.photographs import pixels, write

VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """What a page says and refers to; fails where tags do not close in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.references: list[str] = []
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        self.handle_startendtag(tag, attributes)

    def handle_startendtag(self, tag, attributes):
        for name, value in attributes:
            if name in {"src", "href", "xlink:href"}:
                self.references.append(value)
            if name == "id":
                self.ids.append(value)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text += " " + " ".join(data.split())


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Path:
    """Seven animals as noisy as can be told apart sometimes; one with a wicked name, one alone, one broken."""
    folder = tmp_path_factory.mktemp("animals")
    lines = write_animals(folder, 7, 4, sides=("left", "left", "right", "right")).read_text().splitlines()
    lines = [line.replace("animal 3", "<script>alert(1)</script>") for line in lines]
    for animal in range(4, 7):  # these look like anybody: they are missed
        for number in range(4):
            Image.fromarray(pixels(100 + 4 * animal + number)).save(folder / f"{animal}_{number}.png")
    write(folder / "alone.png", 60)
    write(folder / "nobody.png", 61)
    (folder / "broken.png").write_bytes(b"")
    lines += ["alone.png,alone,Andrias japonicus,left,", "nobody.png,,Andrias japonicus,left,"]
    lines.append("broken.png,animal 0,Andrias japonicus,left,")
    (folder / "table.csv").write_text("\n".join(lines))
    return folder / "table.csv"


@pytest.fixture(scope="module")
def reported(table, model_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report") / "new" / "folder"
    result = hanzaki.evaluate(table, model=model_folder, report=folder)
    return folder, result


def test_the_page_needs_nothing_but_the_files_beside_it(reported):
    folder, _ = reported
    html = (folder / "index.html").read_text(encoding="utf-8")
    page = Page(html)
    assert {"index.html", "queries.csv", "groups.svg", "curve.svg", "map.svg"} <= {
        p.name for p in folder.iterdir()
    }
    for reference in page.references:
        if reference.startswith("#"):
            assert reference[1:] in page.ids
        elif not reference.startswith("data:image/jpeg;base64,"):
            assert (folder / reference).is_file()
    assert len(page.ids) == len(set(page.ids))  # several figures in one page
    assert "url(http" not in html
    assert "@import" not in html
    assert "script" not in page.tags
    assert "link" not in page.tags
    for figure in folder.glob("*.svg"):
        assert ElementTree.parse(figure).getroot().tag.endswith("svg")


def test_the_numbers_on_the_page_are_the_results(reported):
    folder, result = reported
    text = Page((folder / "index.html").read_text(encoding="utf-8")).text
    for name in ("top1", "top5", "map"):
        value, low, high = result.measures[name]
        assert f"{100 * value:.1f}%" in text
        assert f"{100 * low:.1f}% to {100 * high:.1f}%" in text
    assert f"{result.queries} annotations of {result.individuals} individuals were queries" in text
    hits = round(result.measures["top1"][0] * result.queries)
    assert f"first in {hits} of {result.queries} cases" in text
    assert "broken.png" in text
    assert "1 annotation of known individuals had no other" in text
    assert "1 annotation is of nobody known" in text


def test_a_name_is_text_and_never_a_tag(reported):
    folder, _ = reported
    html = (folder / "index.html").read_text(encoding="utf-8")
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


def test_every_query_stands_in_the_table(reported):
    folder, result = reported
    with (folder / "queries.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == result.queries
    for row in rows:
        assert (row["identity"] == row["identity_1"]) == (row["right"] == "True")
        assert row["path"] not in [row[f"path_{place}"] for place in range(1, 6)]
    share = np.mean([row["right"] == "True" for row in rows])
    assert share == pytest.approx(result.measures["top1"][0])  # nothing ties here


def test_the_same_question_gives_the_same_bytes(reported, table, model_folder, tmp_path):
    folder, _ = reported
    hanzaki.evaluate(table, model=model_folder, report=tmp_path)
    for file in folder.iterdir():
        assert (tmp_path / file.name).read_bytes() == file.read_bytes(), file.name


def test_an_older_report_is_replaced_with_all_its_figures(reported, table, tmp_path):
    (tmp_path / "map.svg").write_text("of a model with vectors")
    (tmp_path / "mine.txt").write_text("kept")
    lines = table.read_text().splitlines()
    few = table.with_name("four.csv")
    few.write_text("\n".join([lines[0], *lines[1:3], *lines[5:7]]))
    hanzaki.evaluate(few, model="sift", report=tmp_path)
    assert not (tmp_path / "map.svg").exists()
    assert (tmp_path / "mine.txt").read_text() == "kept"
    assert "There is no map: this model compares photographs pair by pair" in (tmp_path / "index.html").read_text()


def test_a_report_of_no_queries_says_what_to_do(table, model_folder, tmp_path):
    lines = table.read_text().splitlines()
    few = table.with_name("few.csv")
    few.write_text("\n".join([lines[0], lines[1], lines[5]]))
    hanzaki.evaluate(few, model=model_folder, report=tmp_path)
    text = Page((tmp_path / "index.html").read_text()).text
    assert "No annotation could be asked about" in text
    assert len((tmp_path / "queries.csv").read_text().splitlines()) == 1


def test_groups_that_were_asked_for_are_those_of_the_page(table, model_folder, tmp_path):
    hanzaki.evaluate(table, model=model_folder, group="orientation", report=tmp_path)
    text = Page((tmp_path / "index.html").read_text()).text
    assert "By orientation" in text


def test_a_folder_that_cannot_be_written_is_known_before_the_long_work(table, model_folder, tmp_path):
    (tmp_path / "file").write_text("")
    told: list[str] = []
    with pytest.raises(hanzaki.SettingError, match="no report can be written.*another folder"):
        hanzaki.evaluate(
            table, model=model_folder, report=tmp_path / "file", progress=lambda what, *_: told.append(what)
        )
    assert told == []


def test_without_the_extra_the_error_says_what_to_install(table, model_folder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(hanzaki.ModelError, match=r"hanzaki\[learn\]"):
        hanzaki.evaluate(table, model=model_folder, report=tmp_path / "r")
    assert hanzaki.evaluate(table, model=model_folder).queries


def test_the_command_line_writes_a_report(table, model_folder, tmp_path):
    words = ["evaluate", "--table", table, "--with", model_folder, "--report", tmp_path / "r", "--json"]
    done = subprocess.run([sys.executable, "-m", "hanzaki", *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 3, done.stderr  # one picture is broken
    assert json.loads(done.stdout)["queries"]
    assert f"report: {tmp_path / 'r' / 'index.html'}" in done.stderr
    assert (tmp_path / "r" / "index.html").is_file()


def test_a_page_escapes_everything_but_its_figures():
    svg = '<?xml version="1.0"?><svg width="800pt"><g id="a"/><use href="#a"/><path clip-path="url(#a)"/></svg>'
    wicked = "<script>'\"&"
    section = Section(
        wicked,
        [wicked],
        Figure(svg, wicked),
        Table((wicked, wicked), [(wicked, wicked)]),
        [Strip([Picture("", (wicked,)), Picture("data:,x", (wicked, wicked), "wrong")], wicked)],
        [("f.csv", wicked)],
    )
    html = render_page(wicked, [section, section], headlines=[Headline(wicked, wicked, wicked)])
    page = Page(html)
    assert "<script" not in html
    assert page.ids == ["f0-a", "f1-a"]
    assert [r for r in page.references if r.startswith("#")] == ["#f0-a", "#f1-a"]
    assert "url(#f1-a)" in html


def answers_of(seed: int, individuals: int = 40, noise: float = 0.5) -> Answers:
    rng = np.random.default_rng(seed)
    animals = np.repeat(np.arange(individuals), 4)
    vectors = rng.normal(size=(individuals, 6))[animals] + rng.normal(0, noise, (len(animals), 6))
    names = [f"animal {animal}" for animal in animals]
    frame = pd.DataFrame(
        {"identity": names, "species": "x", "orientation": None, "path": names, "bbox": None}, dtype=object
    )
    return answer_all(list(vectors.astype(np.float32)), frame)


def test_a_wider_margin_is_never_less_sure_within_a_fold_and_probabilities_mean_what_they_say():
    answers = answers_of(0, individuals=150)
    sure = sureness(answers)
    assert sure is not None
    assert np.corrcoef(sure.probability, answers.margin)[0, 1] > 0.8
    assert sure.calibration.measures["ece"].value < 0.08
    assert sure.probability.mean() == pytest.approx(answers.right.mean(), abs=0.03)


def test_no_animal_vouches_for_itself():
    answers = answers_of(0)
    before = sureness(answers)
    assert before is not None
    # all answers of one animal turn out differently: only others' probabilities may change
    other = np.isin(answers.query, np.flatnonzero(answers.frame["identity"] == "animal 3"))
    nearest = answers.nearest.copy()
    flipped = ~answers.right[other]
    nearest[other, 0] = np.where(flipped, answers.match[other], (answers.query[other] + 8) % len(answers.frame))
    changed = sureness(Answers(**{**vars(answers), "nearest": nearest}))
    assert changed is not None
    np.testing.assert_allclose(changed.probability[other], before.probability[other])
    assert not np.allclose(changed.probability[~other], before.probability[~other])


def test_where_all_answers_are_right_there_is_nothing_to_learn_from():
    assert sureness(answers_of(0, noise=0.001)) is None


def test_the_hardest_individuals_come_first():
    answers = answers_of(1)
    table = by_individual(answers)
    assert [one.top1 for one in table] == sorted(one.top1 for one in table)
    frame = answers.as_frame()
    for one in table:
        assert one.top1 == pytest.approx(frame[frame["identity"] == one.name]["right"].mean())
        assert one.photographs == len(one.queries) == 4


@pytest.mark.parametrize(("number", "said"), [(1, "1 animal"), (0, "0 animals"), (2000, "2,000 animals")])
def test_numbers_agree_with_their_nouns(number: int, said: str):
    assert count(number, "animal") == said
