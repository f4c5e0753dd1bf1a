"""The page of a detector's worst errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bs4 import BeautifulSoup

from hanzaki.errors import BadMedium, SettingError
from hanzaki.evaluation.detection import Judged, boxes_of, match
from hanzaki.evaluation.report.detections import write_detection_report
from hanzaki.evaluation.resampling import Resampling
from tests.fixtures.photographs import pixels

FEW = Resampling(resamples=20)


@pytest.fixture
def judged() -> Judged:
    there = boxes_of([[(0, (2, 2, 30, 30), 1.0), (0, (40, 10, 60, 40), 1.0)], []])
    found = boxes_of([[(0, (2, 2, 30, 24), 0.9)], [(0, (5, 5, 20, 20), 0.8)]])
    return Judged(there, found, match(there, found, 2, 1), ("<head>",), 0.5)


def _page(judged: Judged, folder: Path, shows: object = None) -> BeautifulSoup:
    page = write_detection_report(folder, "Heads", judged, shows or pixels, ["a.png", "b<i>.png"], resampling=FEW)  # type: ignore[arg-type]
    return BeautifulSoup(page.read_text(), "html.parser")


def test_every_kind_of_error_is_shown_with_its_file(judged, tmp_path):
    page = _page(judged, tmp_path / "report")
    shown = {
        part.h2.text: [caption.get_text(" ") for caption in part.select("figcaption")]
        for part in page.select("section")
    }
    assert "not found" in shown["Missed"][0]
    assert "a.png" in shown["Missed"][0]
    assert "score 0.80" in shown["False alarms"][0]
    assert "b<i>.png" in shown["False alarms"][0]
    assert "overlap 0.79" in shown["Loose boxes"][0]
    assert len(page.select("img[src^='data:image/jpeg']")) == 3
    assert "1 of 2 boxes were not found" in page.text
    assert [one.strong.text for one in page.select("dd")][2:] == ["50.0%", "50.0%"]


def test_a_photograph_that_vanished_leaves_its_place_empty(judged, tmp_path):
    def gone(number: int) -> np.ndarray:
        raise BadMedium("a.png", "no such file")

    assert len(_page(judged, tmp_path, gone).select("div.gone")) == 3


def test_a_folder_that_cannot_be_written_is_told(judged, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingError, match="no report can be written there"):
        _page(judged, tmp_path / "file")
