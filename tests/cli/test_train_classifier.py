"""``hanzaki train classifier``, as a user types it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from hanzaki.cli import main
from hanzaki.cli.options import SKIPPED
from tests.fixtures.kinds import LEARNING, TINY_CLASSIFIER, write_kinds


@pytest.fixture(autouse=True)
def _one_thread():
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(TINY_CLASSIFIER | {"schedule": {"epochs": 1, "warmup_epochs": 1}}))
    return path


def _hanzaki(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", ["hanzaki", *map(str, words)])
    with pytest.raises(SystemExit) as left:
        main()
    return int(left.value.code or 0)


def test_a_run_makes_a_model_and_a_page_and_tells_what_its_controls_gave_away(tmp_path, monkeypatch, capsys):
    (tmp_path / "learning.yaml").write_text(yaml.safe_dump(TINY_CLASSIFIER | LEARNING))
    table, run = write_kinds(tmp_path / "kinds", 16, 3, telling=True), tmp_path / "run"
    (tmp_path / "kinds" / "3_1.png").write_bytes(b"")
    words = ["train", "classifier", tmp_path / "learning.yaml", run, "--table", table, "--controls"]
    assert _hanzaki(monkeypatch, *words) == SKIPPED
    said = capsys.readouterr()
    assert f"Made the model folder {run / 'model'}, of epoch" in said.out
    assert "kept aside: right " in said.err
    assert "3_1.png" in said.err
    assert re.search(r"Tested on 1[45] pictures of 5 individuals, by individual; \d+ were learnt from", said.out)
    assert "  right: 100.0% (100.0% to 100.0%)\n  Cohen's kappa: 1.00 (" in said.out
    assert re.search(r"Control, shuffled labels: .* no better than chance", said.out)
    assert re.search(r"Control, surroundings only: .* the label can be read off the surroundings", said.out)
    assert f"Wrote the report {run / 'report' / 'index.html'}" in said.out
    assert "urroundings only" in (run / "report" / "index.html").read_text()
    assert {path.name for path in (run / "split").iterdir()} == {
        "train.csv", "validation.csv", "test.csv", "split.json",
    }  # fmt: skip
    assert [path.parent for path in run.rglob("model.onnx")] == [run / "model"]  # none of a control

    results = (run / "results.json").read_bytes()
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*.*") if path.name != "log.jsonl"}
    _hanzaki(monkeypatch, *words)
    assert (run / "results.json").read_bytes() == results
    assert {path: path.stat().st_mtime_ns for path in before} == before  # nothing was done again


def test_a_table_without_the_label_is_told_in_one_line_and_costs_no_folder(tiny, tmp_path, monkeypatch, capsys):
    (tmp_path / "table.csv").write_text("path,identity\na.png,x")
    words = ["train", "classifier", tiny, tmp_path / "run", "--table", tmp_path / "table.csv"]
    assert _hanzaki(monkeypatch, *words) == 1
    assert "no row of the tables has a label in the column origin" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_shipped_classifiers_are_listed_and_printed(monkeypatch, capsys):
    assert _hanzaki(monkeypatch, "train", "show") == 0
    assert {"classifier", "quick", "origin"} <= set(capsys.readouterr().out.split())
    assert _hanzaki(monkeypatch, "train", "show", "origin") == 0
    assert "label: origin" in capsys.readouterr().out


def test_without_torch_it_says_what_to_install(tmp_path):
    code = "import sys; sys.modules['torch'] = None; from hanzaki.cli import main; main()"
    words = ["train", "classifier", "quick", str(tmp_path / "run")]
    result = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert result.returncode == 1
    assert "pip install 'hanzaki[learn]'" in result.stderr
