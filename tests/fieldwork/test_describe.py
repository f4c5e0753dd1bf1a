from __future__ import annotations

import numpy as np
import pytest

from hanzaki.catalogue import gallery
from hanzaki.fieldwork import describe as describing
from hanzaki.vision.describing import from_bytes
from hanzaki.vision.model import load_model
from tests.fixtures.models import write_model
from tests.fixtures.photographs import write


@pytest.fixture
def river(catalogue, tmp_path):
    for number in range(5):
        write(tmp_path / "photos" / f"{number}.jpg", number)
    catalogue.add(tmp_path / "photos")
    return catalogue


def vectors(catalogue, folder) -> dict[int, np.ndarray]:
    with catalogue.reading() as session:
        found = gallery.descriptions(session, load_model(folder).fingerprint, range(1, 6))
    return {annotation: from_bytes(*value) for annotation, value in found.items()}


def test_each_animal_is_described_once(river, model_folder):
    assert (river.describe(model_folder).described, river.describe(model_folder).known) == (5, 5)


def test_another_model_never_reads_what_the_first_one_wrote(river, model_folder, tmp_path):
    river.describe(model_folder)
    other = write_model(tmp_path / "other", seed=5)
    report = river.describe(other)
    assert (report.described, report.known) == (5, 0)
    assert not np.allclose(vectors(river, model_folder)[1], vectors(river, other)[1])


def test_a_changed_preprocessing_is_another_model(river, model_folder, tmp_path):
    river.describe(model_folder)
    assert river.describe(write_model(tmp_path / "cut", crop_fraction=0.6)).described == 5


def test_an_interrupted_run_keeps_what_it_did_and_goes_on(river, model_folder, monkeypatch):
    monkeypatch.setattr(describing, "_BATCH", 2)

    def stop(_what: str, done: int, _total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    first = river.describe(model_folder, progress=stop)
    assert (first.described, first.interrupted) == (2, True)
    second = river.describe(model_folder)
    assert (second.described, second.known) == (3, 2)


def test_a_new_box_is_described_anew(river, model_folder, tmp_path):
    river.describe(model_folder)
    before = vectors(river, model_folder)[1]
    (tmp_path / "photos" / "t.csv").write_text("path,bbox\n0.jpg,0 0 20 20\n")
    river.add(tmp_path / "photos", table=tmp_path / "photos" / "t.csv")
    assert river.describe(model_folder).described == 1
    assert not np.allclose(vectors(river, model_folder)[1], before)


def test_one_photograph_that_vanished_stops_nothing(river, model_folder):
    next((river.folder / "media").glob("*/*.jpg")).unlink()
    report = river.describe(model_folder)
    assert (report.described, len(report.skipped)) == (4, 1)
    assert "is gone" in report.skipped[0].reason
    assert "restore it from a backup" in report.skipped[0].reason
