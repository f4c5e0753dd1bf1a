"""``hanzaki train``, as a user types it: stopped, killed, run again, and wrong."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file

from hanzaki.cli import main
from hanzaki.learning.checkpoint import CHECKPOINT, LOG
from tests.fixtures.animals import TINY, write_animals
from tests.fixtures.same import assert_same

SPEEDS = {"pictures_per_second", "waiting"}  # all that may differ between a run and the same run cut off
EPOCH = 9  # steps: 36 pictures of the six animals that are not kept aside, in fours
QUICK = ("--set", "schedule.epochs=1", "--set", "data.validation=0")

Answer = tuple[int, str, str]
Hanzaki = Callable[..., Answer]


@pytest.fixture
def hanzaki(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Hanzaki:
    """The command line in this process, which has imported torch already: exit status, output, errors."""

    def run(*words: object) -> Answer:
        monkeypatch.setattr(sys, "argv", ["hanzaki", *map(str, words)])
        with pytest.raises(SystemExit) as left:
            main()
        said = capsys.readouterr()
        return int(left.value.code or 0), said.out, said.err

    return run


@pytest.fixture
def unpublished(monkeypatch: pytest.MonkeyPatch) -> None:
    """No model folder is written, which takes longer than all the rest."""
    monkeypatch.setattr("hanzaki.learning.train.write_model_folder", lambda folder, *_, **__: folder.mkdir())


def _start(*words: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "hanzaki", "train", "embedder", *map(str, words)]
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def _step(run: Path) -> int:
    """How many steps the checkpoint knows of."""
    path = run / CHECKPOINT
    return int(torch.load(path, weights_only=True)["step"]) if path.is_file() else 0


def _killed(process: subprocess.Popen[str], run: Path, at: int) -> bool:
    """Kill a run as soon as it has saved a step; whether it was still there to be killed."""
    while process.poll() is None and _step(run) < at:
        time.sleep(0.005)
    process.kill()
    process.communicate(timeout=60)
    return process.returncode == -signal.SIGKILL


def _records(run: Path) -> list[dict[str, float]]:
    lines = (run / LOG).read_text().splitlines()
    return [{key: value for key, value in json.loads(line).items() if key not in SPEEDS} for line in lines]


# ---- stopped and killed


def test_a_killed_run_that_is_run_again_ends_with_the_very_weights_of_an_undisturbed_one(
    trained, tiny_yaml, animals, tmp_path
):
    run = tmp_path / "run"
    words = (tiny_yaml, run, "--table", animals)
    for _ in range(5):  # until it is struck in the middle of an epoch
        shutil.rmtree(run, ignore_errors=True)
        if _killed(_start(*words), run, EPOCH + 2) and _step(run) % EPOCH:
            break
    assert EPOCH < _step(run) < 3 * EPOCH
    assert _step(run) % EPOCH

    last = _start(*words)
    out, err = last.communicate(timeout=120)
    assert last.returncode == 0, err
    assert f"Made the model folder {run / 'model'}" in out
    assert _records(run) == _records(trained)
    assert [record["epoch"] for record in _records(run)] == [1, 2, 3]
    for name in ("best.safetensors", "model/model.safetensors"):
        assert_same(load_file(run / name), load_file(trained / name), name)
    assert_same(*(torch.load(folder / CHECKPOINT, weights_only=True) for folder in (run, trained)))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_asked_to_stop_saves_its_state_and_says_so(number, tiny_yaml, animals, tmp_path, hanzaki):
    run, before = tmp_path / "run", signal.getsignal(number)

    def ask() -> None:
        while _step(run) < 3:
            time.sleep(0.005)
        os.kill(os.getpid(), number)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    status, out, err = hanzaki("train", "embedder", tiny_yaml, run, "--table", animals)
    asking.join(timeout=10)
    assert (status, out) == (130, "")
    assert "hanzaki: stopped; what was done is kept, and the same command goes on" in err
    assert "Traceback" not in err
    assert 3 <= _step(run) < 3 * EPOCH
    assert not (run / "model").exists()
    assert signal.getsignal(number) is before


def test_the_drawn_curves_have_each_epoch_once_whatever_happened(trained, animals, tmp_path, hanzaki, unpublished):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    def drawn(run: Path) -> list[tuple[int, float]]:
        events = EventAccumulator(str(run / "tensorboard"))
        events.Reload()
        return [(event.step, event.value) for event in events.Scalars("loss")]

    assert drawn(trained) == [(record["step"], pytest.approx(record["loss"])) for record in _records(trained)]
    longer = _config(tmp_path, schedule={"epochs": 2})
    run = tmp_path / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hanzaki.learning.train.save", _killed_after_the_log)
        with pytest.raises(_Killed):
            hanzaki("train", "embedder", longer, run, "--table", animals)
    for _ in range(2):  # the second time there is nothing left to do
        assert hanzaki("train", "embedder", longer, run, "--table", animals)[0] == 0
        assert [step for step, _ in drawn(run)] == [EPOCH, 2 * EPOCH]
        assert [record["epoch"] for record in _records(run)] == [1, 2]


class _Killed(BaseException):
    """Nobody catches it."""


def _killed_after_the_log(folder: Path, state: dict[str, object]) -> None:
    from hanzaki.learning.checkpoint import save

    if state["epoch"] == 1:
        raise _Killed
    save(folder, state)


def test_a_finished_run_started_again_does_nothing_and_says_where_the_model_is(
    trained, tiny_yaml, animals, hanzaki
):
    def files() -> dict[Path, int]:
        return {
            path: path.stat().st_mtime_ns for path in trained.rglob("*") if path.is_file() and path.name != LOG
        }

    before, log = files(), (trained / LOG).read_text()
    status, out, _ = hanzaki("train", "embedder", tiny_yaml, trained, "--table", animals)
    assert status == 0
    assert f"Made the model folder {trained / 'model'}, of epoch " in out
    assert files() == before
    assert (trained / LOG).read_text() == log


def test_the_runs_own_config_goes_on_with_it_too(trained, hanzaki):
    assert hanzaki("train", "embedder", trained / "config.yaml", trained)[0] == 0


# ---- what is refused


def test_another_config_in_the_same_folder_is_refused_naming_the_keys(trained, tiny_yaml, animals, hanzaki):
    words = ("train", "embedder", tiny_yaml, trained, "--table", animals)
    changes = ("--set", "schedule.epochs=9", "--set", "network.arguments={drop_rate: 0.5}")
    status, out, err = hanzaki(*words, *changes)
    assert (status, out) == (1, "")
    assert "is of a run with another config" in err
    assert "schedule.epochs was 3, now 9" in err
    assert "network.arguments" in err
    assert "optimiser" not in err
    assert err.rstrip().endswith("name a new folder")


def test_where_a_run_runs_may_change(trained, tiny_yaml, animals, hanzaki):
    words = ("train", "embedder", tiny_yaml, trained, "--table", animals, "--set", "run.checkpoint_minutes=9")
    assert hanzaki(*words)[0] == 0


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path, tiny_yaml, animals, hanzaki):
    (tmp_path / "thesis.txt").write_text("all of it")
    status, _, err = hanzaki("train", "embedder", tiny_yaml, tmp_path, "--table", animals)
    assert status == 1
    assert "is not empty and no training run: name a new folder" in err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_without_tables_it_says_how_to_name_some(tmp_path, tiny_yaml, hanzaki):
    status, _, err = hanzaki("train", "embedder", tiny_yaml, tmp_path / "run")
    assert status == 1
    assert "there is nothing to learn from: name tables with --table, or under data.tables" in err


def test_a_wrong_key_is_told_before_anything_is_made(tmp_path, tiny_yaml, animals, hanzaki):
    words = ("train", "embedder", tiny_yaml, tmp_path / "run", "--table", animals, "--set", "schedule.epoch=3")
    status, _, err = hanzaki(*words)
    assert status == 1
    assert "did you mean schedule.epochs?" in err
    assert not (tmp_path / "run").exists()


def test_a_batch_that_the_devices_cannot_share_is_refused(tmp_path, tiny_yaml, animals, hanzaki):
    words = ("train", "embedder", tiny_yaml, tmp_path / "run", "--table", animals, "--set", "run.devices=3")
    status, _, err = hanzaki(*words)
    assert status == 1
    assert "sampling.batch 4 cannot be shared by 3 devices" in err


# ---- pictures that cannot be read


def _config(folder: Path, **parts: dict[str, object]) -> Path:
    values = {key: TINY.get(key, {}) | parts.get(key, {}) for key in {*TINY, *parts}}
    (folder / "config.yaml").write_text(yaml.safe_dump(values))
    return folder / "config.yaml"


def test_a_picture_that_is_cut_short_is_listed_and_the_run_goes_on(tmp_path, tiny_yaml, hanzaki, unpublished):
    table = write_animals(tmp_path / "animals", 4, 3)
    broken = table.parent / "1_2.png"
    broken.write_bytes(broken.read_bytes()[:500])
    status, out, err = hanzaki("train", "embedder", tiny_yaml, tmp_path / "run", "--table", table, *QUICK)
    assert status == 3
    assert f"Made the model folder {tmp_path / 'run' / 'model'}" in out
    assert err.count("1_2.png") == 1
    assert "truncated" in err
    assert len(_records(tmp_path / "run")) == 1


def test_a_picture_kept_aside_that_cannot_be_read_is_listed_too(tmp_path, hanzaki, unpublished):
    table = write_animals(tmp_path / "animals", 6, 3)
    for broken in table.parent.glob("*_2.png"):
        broken.write_bytes(b"")
    config = _config(tmp_path, schedule={"epochs": 1}, data={"validation": 0.5})
    status, _, err = hanzaki("train", "embedder", config, tmp_path / "run", "--table", table)
    assert status == 3
    assert err.count("_2.png") == 6


def test_where_no_picture_can_be_read_it_says_so_and_why(tmp_path, tiny_yaml, hanzaki):
    table = write_animals(tmp_path / "animals", 4, 3)
    for path in table.parent.glob("*.png"):
        path.unlink()
    status, _, err = hanzaki("train", "embedder", tiny_yaml, tmp_path / "run", "--table", table, *QUICK)
    assert status == 1
    assert "none of the pictures can be read; the first: " in err
    assert "_" in err
    assert not (tmp_path / "run" / "model").exists()


# ---- all the rest


def test_two_devices_make_one_model(tmp_path, animals):
    """Two processes on the CPU, first the head alone, then all of the network."""
    parts = {"run": {"devices": 2}, "schedule": {"epochs": 2, "head_epochs": 1}, "data": {"validation": 0.25}}
    run = tmp_path / "run"
    started = _start(_config(tmp_path, **parts), run, "--table", animals)
    out, err = started.communicate(timeout=240)
    assert started.returncode == 0, err
    assert out.count("Made the model folder") == 1
    assert [record["step"] for record in _records(run)] == [EPOCH, 2 * EPOCH]
    assert all(record["loss"] > 0 for record in _records(run))
    assert (run / "model" / "model.onnx").is_file()
    assert err.count("epoch 1 of 2") == 1


def test_shipped_configs_are_listed_and_printed(hanzaki):
    status, out, _ = hanzaki("train", "show")
    assert status == 0
    assert {"small", "miewid"} <= set(out.split())
    for name in out.split():
        assert yaml.safe_load(hanzaki("train", "show", name)[1])["name"] == name
    status, _, err = hanzaki("train", "show", "smal")
    assert status == 1
    assert "no shipped config 'smal'" in err


def test_without_torch_it_says_what_to_install(tmp_path):
    code = "import sys; sys.modules['torch'] = None; from hanzaki.cli import main; main()"
    words = ["train", "embedder", "small", str(tmp_path / "run")]
    result = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert result.returncode == 1
    assert "pip install 'hanzaki[learn]'" in result.stderr
    assert "Traceback" not in result.stderr
