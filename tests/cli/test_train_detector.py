"""``hanzaki train detector``, as a user types it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from hanzaki.cli import main
from tests.fixtures.scenes import TINY_DETECTOR, write_scenes


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(TINY_DETECTOR | {"schedule": {"epochs": 1, "warmup_epochs": 1}}))
    return path


def _hanzaki(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", ["hanzaki", *map(str, words)])
    with pytest.raises(SystemExit) as left:
        main()
    return int(left.value.code or 0)


def test_a_run_makes_a_model_folder_and_a_page_and_lists_what_it_could_not_read(
    tiny, tmp_path, monkeypatch, capsys
):
    table, run = write_scenes(tmp_path / "scenes", 12), tmp_path / "run"
    (tmp_path / "scenes" / "scene-003.png").write_bytes(b"")
    table.write_text(table.read_text() + "\nsomewhere.png,head,")
    assert _hanzaki(monkeypatch, "train", "detector", tiny, run, "--table", table) == 3
    said = capsys.readouterr()
    assert f"Made the model folder {run / 'model'}, of epoch 1" in said.out
    assert said.err.count("scene-003.png") == 1
    assert "kept aside: mAP@50 " in said.err
    assert "left out, since an animal in them has no box: 1 photographs" in said.err
    assert (run / "model" / "model.onnx").is_file()
    assert (run / "report" / "index.html").is_file()


def test_a_table_without_boxes_is_told_in_one_line(tiny, tmp_path, monkeypatch, capsys):
    (tmp_path / "table.csv").write_text("path\na.png")
    assert (
        _hanzaki(monkeypatch, "train", "detector", tiny, tmp_path / "run", "--table", tmp_path / "table.csv") == 1
    )
    assert "no table has a box to learn from" in capsys.readouterr().err


def test_without_torch_it_says_what_to_install(tmp_path):
    code = "import sys; sys.modules['torch'] = None; from hanzaki.cli import main; main()"
    words = ["train", "detector", "detector", str(tmp_path / "run")]
    result = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert result.returncode == 1
    assert "pip install 'hanzaki[learn]'" in result.stderr
