"""A classifier judged on a table: what scikit-learn says of it, and what is left out, with the reason."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.special import softmax
from sklearn import metrics

from hanzaki import Annotations, ModelError, SettingError
from hanzaki.annotations import AnnotationRow
from hanzaki.evaluation.labelling import Labelled, judge_classifier, truth_of, whom
from hanzaki.evaluation.resampling import Resampling
from hanzaki.evaluation.unknown import UnknownRule
from hanzaki.exchange.table import read_table
from hanzaki.vision.classifier import Classifier
from hanzaki.vision.model import load_classifier_model
from tests.fixtures.colours import write_colour_teller

FEW = Resampling(resamples=50)
RED, BLUE, VIOLET, PINK = (200, 0, 40), (30, 0, 190), (120, 0, 118), (140, 0, 100)


def write_table(folder: Path, rows: list[tuple[str, tuple[int, int, int], str]], header: str) -> Annotations:
    """Pictures of one colour each, and the table of them."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["path," + header]
    for name, colour, cells in rows:
        Image.new("RGB", (12, 10), colour).save(folder / name)
        lines.append(f"{name},{cells}")
    (folder / "table.csv").write_text("\n".join(lines))
    return read_table(folder / "table.csv")


def teller(folder: Path, label: str = "origin", labels: tuple[str, str] = ("hybrid", "native"), **more: object):
    write_colour_teller(folder, label, list(labels), **more)
    return Classifier(load_classifier_model(folder), threads=1)


@pytest.fixture
def river(tmp_path) -> Annotations:
    rows = [
        ("a1.png", RED, "ann,hybrid"),
        ("a2.png", RED, "ann,hybrid"),
        ("a3.png", VIOLET, "ann,native"),  # the table contradicts itself
        ("b1.png", BLUE, "bob,native"),
        ("b2.png", PINK, "bob,native"),  # a mistake, but bob's other pictures outweigh it
        ("b3.png", BLUE, "bob,native"),
        ("c1.png", BLUE, ",hybrid"),  # a mistake, of nobody known
        ("d1.png", PINK, "dan,alien"),  # never learnt
        ("e1.png", RED, "eve,"),  # untold
    ]
    return write_table(tmp_path / "river", rows, "identity,origin")


@pytest.fixture
def labelled(river, tmp_path) -> Labelled:
    return judge_classifier(river, teller(tmp_path / "m", temperature=8.0), resampling=FEW)


def test_measures_are_those_of_scikit_learn(labelled):
    truth, given = labelled.frame["truth"], labelled.frame["given"]
    measures = {name: interval.value for name, interval in labelled.classification.measures.items()}
    assert measures == {
        "accuracy": pytest.approx(metrics.accuracy_score(truth, given)),
        "kappa": pytest.approx(metrics.cohen_kappa_score(truth, given)),
        "macro_f1": pytest.approx(metrics.f1_score(truth, given, average="macro")),
        "weighted_f1": pytest.approx(metrics.f1_score(truth, given, average="weighted")),
    }
    matrix = metrics.confusion_matrix(truth, given, labels=labelled.labels)
    np.testing.assert_array_equal(labelled.classification.matrix, matrix)
    assert 0 < measures["accuracy"] < 1


def test_probabilities_before_are_at_one_and_after_at_the_models_temperature(labelled):
    truth = np.array([labelled.labels.index(one) for one in labelled.frame["truth"]])
    cold, warm = softmax(labelled.logits, axis=1), softmax(labelled.logits / 8, axis=1)
    np.testing.assert_allclose(labelled.probabilities, warm)
    np.testing.assert_allclose(labelled.frame["probability"], warm.max(axis=1))
    for part, shares in ((labelled.before, cold), (labelled.after, warm)):
        expected = metrics.log_loss(truth, shares, labels=[0, 1])
        assert part.measures["log_loss"].value == pytest.approx(expected)
    assert labelled.before.measures["ece"].value != labelled.after.measures["ece"].value


def test_rows_are_the_tables_with_what_was_said_of_them(labelled, river):
    frame = labelled.frame
    assert frame["path"].tolist() == ["a1.png", "a2.png", "a3.png", "b1.png", "b2.png", "b3.png", "c1.png"]
    assert frame["given"].tolist() == ["hybrid", "hybrid", "hybrid", "native", "hybrid", "native", "native"]
    assert set(river.frame.columns) < set(frame.columns)
    np.testing.assert_array_equal(labelled.pixels(3), np.full((10, 12, 3), BLUE))


def test_an_animal_is_judged_by_the_mean_of_its_pictures(labelled):
    """Bob is native in spite of one picture; what nobody knows is no animal; ann is told to be two."""
    by_individual = labelled.by_individual
    assert by_individual.queries == 3
    np.testing.assert_array_equal(by_individual.matrix, [[1, 0], [1, 1]])


@pytest.mark.parametrize("label", ["individual", "orientation"])
def test_a_label_of_the_picture_is_not_put_together(tmp_path, label):
    column = "identity" if label == "individual" else label
    table = write_table(tmp_path / "t", [("a.png", RED, "hybrid"), ("b.png", BLUE, "native")], column)
    judged = judge_classifier(table, teller(tmp_path / "m", label), resampling=FEW)
    assert judged.by_individual is None
    assert judged.classification.measures["accuracy"].value == 1


def test_what_was_never_learnt_is_counted_and_not_judged(labelled):
    assert labelled.strangers.labels == {"alien": 1}
    assert labelled.strangers.frame["given"].tolist() == ["hybrid"]
    assert labelled.untold == 1
    assert labelled.classification.queries == 7
    values = labelled.as_json()
    assert (values["never_learnt"], values["untold"]) == ({"alien": 1}, 1)
    surer = np.abs(labelled.logits[:, 0]) > np.abs(labelled.strangers.logits[0, 0])
    expected = surer.mean() + 0.5 * (labelled.logits == labelled.strangers.logits[0]).all(axis=1).mean()
    assert values["unknown"]["margin"]["auroc"][0] == pytest.approx(expected)
    json.dumps(values, allow_nan=False)


def test_a_rule_is_measured_on_the_same_pictures(labelled):
    rule = UnknownRule(
        "margin", 0.75 * labelled.logits.max(), 2.0
    )  # half of a logit's distance: all but the surest
    judged = labelled.judge_rule(rule, FEW)
    assert (judged.known, judged.strangers) == (7, 1)
    assert judged.taken.value == 0
    assert judged.refused.value == pytest.approx(rule.unknown(labelled.logits).mean())
    alone = replace(labelled, strangers=None).judge_rule(rule, FEW)
    assert (alone.strangers, alone.refused.value) == (0, judged.refused.value)


def test_a_row_that_stands_twice_counts_once(tmp_path, river):
    doubled = Annotations(pd.concat([river.frame.assign(bbox=None)] * 2), river.source)
    judged = judge_classifier(doubled, teller(tmp_path / "m"), resampling=FEW)
    assert (judged.classification.queries, judged.strangers.logits.shape) == (7, (1, 2))


def test_pictures_that_cannot_be_read_are_listed(tmp_path, river):
    (river.folder / "a1.png").write_bytes(b"")
    (river.folder / "b1.png").unlink()
    told: list[tuple[str, int, int]] = []
    judged = judge_classifier(river, teller(tmp_path / "m"), lambda *how: told.append(how), FEW)
    assert [bad.path.name for bad in judged.bad] == ["a1.png", "b1.png"]
    assert judged.frame["path"].tolist() == ["a2.png", "a3.png", "b2.png", "b3.png", "c1.png"]
    np.testing.assert_array_equal(judged.pixels(0), np.full((10, 12, 3), RED))
    assert told[-1] == ("classifying", 8, 8)
    assert [one["path"].endswith("1.png") for one in judged.as_json()["bad"]] == [True, True]


def test_only_the_box_is_looked_at(tmp_path):
    picture = np.zeros((20, 40, 3), np.uint8)
    picture[:, :20], picture[:, 20:] = RED, BLUE
    Image.fromarray(picture).save(tmp_path / "both.png")
    (tmp_path / "t.csv").write_text("path,origin,bbox\nboth.png,hybrid,0 0 20 20\nboth.png,native,20 0 20 20")
    judged = judge_classifier(read_table(tmp_path / "t.csv"), teller(tmp_path / "m"), resampling=FEW)
    assert judged.frame["given"].tolist() == ["hybrid", "native"]


def test_a_number_is_put_into_the_classifiers_ranges(tmp_path):
    rows = [("a.png", RED, "0.1"), ("b.png", BLUE, "0.5"), ("c.png", BLUE, "0.49"), ("d.png", BLUE, "")]
    table = write_table(tmp_path / "t", rows, "quality")
    judged = judge_classifier(
        table, teller(tmp_path / "m", "quality", ("under 0.5", "0.5 and over")), resampling=FEW
    )
    assert judged.frame["truth"].tolist() == ["under 0.5", "0.5 and over", "under 0.5"]
    np.testing.assert_array_equal(judged.classification.matrix, [[1, 1], [0, 1]])
    with pytest.raises(ModelError, match="m2: 'good' is no range of numbers"):
        judge_classifier(table, teller(tmp_path / "m2", "quality", ("good", "bad")), resampling=FEW)


@pytest.mark.parametrize(
    ("label", "labels", "said"),
    [
        ("sex", ("female", "male"), "no row has the column 'sex', which this model tells \\(female, male\\)"),
        (
            "individual",
            ("x", "y"),
            "no animal's individual is one that the model learnt \\(x, y\\): ann, bob, dan, eve",
        ),
    ],
)
def test_a_table_of_something_else_is_told(tmp_path, river, label, labels, said):
    with pytest.raises(SettingError, match=f"table.csv: {said}"):
        judge_classifier(river, teller(tmp_path / "m", label, labels))


def test_a_table_without_one_good_picture_is_told(tmp_path, river):
    for row in river:
        (river.folder / row.path).write_bytes(b"")
    with pytest.raises(SettingError, match="no picture can be read; the first: .*a1.png"):
        judge_classifier(river, teller(tmp_path / "m"))


def test_truth_stands_in_the_column_of_the_label():
    row = AnnotationRow(
        "p", identity="ann", species="s", orientation="left", sex="female", origin="native", quality=0.3
    )
    told = [truth_of(row, label) for label in ("individual", "species", "orientation", "sex", "origin")]
    assert told == ["ann", "s", "left", "female", "native"]
    assert truth_of(row, "quality", ["under 0.2", "0.2 and over"]) == "0.2 and over"
    assert truth_of(AnnotationRow("p"), "quality", ["good"]) is None
    assert truth_of(AnnotationRow("p"), "individual") is None


def test_who_is_unknown_is_drawn_by_encounter_or_file():
    assert whom(AnnotationRow("p", identity="ann", encounter="e")) == ("", "ann")
    assert whom(AnnotationRow("p", encounter="e")) == whom(AnnotationRow("q", encounter="e"))
    assert (
        whom(AnnotationRow("v.mp4", frame=1.0))
        == whom(AnnotationRow("v.mp4", frame=2.0))
        != whom(AnnotationRow("q"))
    )
