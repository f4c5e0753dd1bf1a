"""``hanzaki tune``, killed, interrupted and run to its end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import optuna
import pytest
import yaml

from hanzaki.cli import main
from hanzaki.learning.config import EmbedderConfig
from hanzaki.learning.reading_config import read_config, write_config
from tests.fixtures.animals import tiny_config, write_animals

EPOCHS = 12
#: The config's own peak of 1e-3 lies outside, so that the first trial's is drawn too.
SPACE = "schedule.peak: {low: 2e-3, high: 1e-2, log: true}\nloss.margin: {low: 0.2, high: 0.7}\n"


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """A command whose trials take long enough to be killed in."""
    table = write_animals(tmp_path / "animals", individuals=6, photographs=3)
    config = tiny_config(table, data={"validation": 0.5, "tables": []}, schedule={"epochs": EPOCHS})
    write_config(config, tmp_path / "tiny.yaml")
    (tmp_path / "space.yaml").write_text(SPACE)
    given = ["--table", table, "--space", tmp_path / "space.yaml", "--trials", 2, "--set", "optimiser.clip=1"]
    return [str(word) for word in ("tune", tmp_path / "tiny.yaml", tmp_path / "study", *given)]


def stopped(words: list[str], log: Path, epoch: int, number: signal.Signals) -> tuple[int, str]:
    """Run the command, and send it a signal as soon as a run's log has an epoch: exit status and stderr."""
    process = subprocess.Popen([sys.executable, "-m", "hanzaki", *words], stderr=subprocess.PIPE, text=True)
    while process.poll() is None and len(lines(log)) < epoch:
        time.sleep(0.005)
    process.send_signal(number)
    return process.wait(), process.communicate()[1]


def lines(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.is_file() else []


def states(study: Path) -> list[tuple[str, dict[str, float]]]:
    storage = optuna.storages.RDBStorage(f"sqlite:///{study / 'study.db'}")
    trials = optuna.load_study(study_name="hanzaki", storage=storage).get_trials()
    storage.remove_session()
    storage.engine.dispose()
    return [(trial.state.name, trial.params) for trial in trials]


def hanzaki(words: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    """The command in this process: its exit status."""
    monkeypatch.setattr(sys, "argv", ["hanzaki", *words])
    with pytest.raises(SystemExit) as left:
        main()
    return int(left.value.code or 0)


def test_a_study_killed_and_interrupted_in_a_trial_goes_on_with_it(words, tmp_path, monkeypatch, capsys):
    study, first = tmp_path / "study", tmp_path / "study" / "trials" / "0000"
    status, told = stopped(words, first / "log.jsonl", 2, signal.SIGKILL)
    assert (status, told) == (-signal.SIGKILL, "")
    ((state, tried),) = states(study)
    assert state == "RUNNING"
    assert 2e-3 <= tried["schedule.peak"] <= 1e-2
    assert tried["loss.margin"] == 0.5
    chosen = (first / "config.yaml").read_text()

    status, told = stopped(words, first / "log.jsonl", 5, signal.SIGINT)
    assert status == 130
    assert "Traceback" not in told
    assert states(study) == [("RUNNING", tried)]

    # making a model folder takes seconds, and is tested elsewhere
    monkeypatch.setattr("hanzaki.learning.train.write_model_folder", lambda folder, *_, **__: folder.mkdir())
    assert hanzaki(words, monkeypatch) == 0
    output = capsys.readouterr()
    assert [state for state, _ in states(study)] == ["COMPLETE", "COMPLETE"]
    assert states(study)[0][1] == tried
    assert (first / "config.yaml").read_text() == chosen
    assert [json.loads(line)["epoch"] for line in lines(first / "log.jsonl")] == list(range(1, EPOCHS + 1))
    assert [line[:12] for line in output.err.splitlines()[:2]] == ["trial 0: mAP", "trial 1: mAP"]

    table = output.out.splitlines()
    assert table[0].split() == ["trial", "mAP", "%", "settings"]
    assert sorted(line.split()[0] for line in table[2:4]) == ["0", "1"]
    assert f"Wrote {study / 'best.yaml'}" in table[-1]
    assert sorted(path.parent.name for path in study.glob("trials/*/model")) == [table[2].split()[0].zfill(4)]
    best = read_config(study / "best.yaml", EmbedderConfig)
    assert (best.optimiser.clip, best.data.tables) == (1, [tmp_path / "animals" / "table.csv"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (["--set", "data.validation=0"], "set data.validation above 0"),
        (["--set", "loss.margn=0.1"], "did you mean loss.margin?"),
        (["--space", "papper"], "shipped spaces are paper"),
        (["--table", "nowhere.csv"], "nowhere.csv"),
    ],
)
def test_what_cannot_be_is_said_plainly(words, change, said, tmp_path, monkeypatch, capsys):
    assert hanzaki([*words, *change], monkeypatch) == 1
    assert said in capsys.readouterr().err
    assert not (tmp_path / "study").exists()


def test_pictures_that_are_missing_come_out_at_the_first_trial(words, tmp_path, monkeypatch, capsys):
    for picture in (tmp_path / "animals").glob("*.png"):
        picture.unlink()
    assert hanzaki(words, monkeypatch) == 1
    assert capsys.readouterr().err.startswith("hanzaki: no")
    assert yaml.safe_load((tmp_path / "study" / "space.yaml").read_text()) == {
        "schedule.peak": {"low": 2e-3, "high": 1e-2, "log": True},
        "loss.margin": {"low": 0.2, "high": 0.7},
    }
