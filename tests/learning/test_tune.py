"""Tuning: what a space may say, and studies that are pruned, cut off, gone on with and refused."""

from __future__ import annotations

import fcntl
import json
import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from hanzaki.errors import SettingError, TableError
from hanzaki.learning import tune
from hanzaki.learning.config import EmbedderConfig
from hanzaki.learning.reading_config import read_config
from hanzaki.learning.space import Space, read_space, shipped_spaces, with_values
from hanzaki.learning.train import Diverged, Trained, train_embedder
from hanzaki.learning.tune import Outcome, Tuned, tune_embedder
from tests.fixtures.animals import tiny_config, write_animals

WIDE = {
    "schedule.peak": {"low": 1e-4, "high": 1e-2, "log": True},
    "loss.centres": {"low": 1, "high": 3},
    "network.pooling": ["gem", "avg"],
}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_animals(tmp_path_factory.mktemp("animals"), individuals=6, photographs=3)


@pytest.fixture
def config(table: Path) -> EmbedderConfig:
    return tiny_config(table, data={"validation": 0.5}, schedule={"epochs": 4})


def space_of(values: Any, config: EmbedderConfig, folder: Path) -> Space:
    path = folder / "wanted.yaml"
    path.write_text(yaml.safe_dump(values))
    return read_space(path, config)


class Faked:
    """Stands in for the training: tells of ``epochs`` epochs with whatever mAP the test wants."""

    def __init__(self, measure: Any) -> None:
        self.measure, self.configs = measure, {}

    def __call__(self, config: EmbedderConfig, folder: Path, *, progress: Any, report: Any) -> Trained:
        number = int(folder.name)
        self.configs[number] = config
        (folder / "model").mkdir(parents=True, exist_ok=True)
        for name in ("checkpoint.pt", "best.safetensors", "log.jsonl"):
            (folder / name).touch()
        history = []
        for epoch in range(1, config.schedule.epochs + 1):
            value = self.measure(number, epoch, config)
            if not math.isfinite(value):
                raise Diverged(f"the loss became {value} in epoch {epoch}")
            history.append({"epoch": epoch, "step": epoch, "loss": 1.0, "validation_map": value})
            report(history[-1])
        return Trained(folder / "model", 1, history, ())


@pytest.fixture
def faked(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tune, "_release_memory", lambda: None)

    def fake(measure: Any) -> Faked:
        made = Faked(measure)
        monkeypatch.setattr(tune, "train_embedder", made)
        return made

    return fake


def run(config: EmbedderConfig, folder: Path, trials: int, values: Any = WIDE, **more: Any) -> Tuned:
    folder.parent.mkdir(parents=True, exist_ok=True)
    return tune_embedder(config, space_of(values, config, folder.parent), folder, trials, **more)


# -- the space


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_space_reads_back_as_it_was_and_all_it_proposes_can_be_used(data):
    config = EmbedderConfig()
    ends = st.floats(0, 0.9).map(lambda end: round(end, 6))
    low, high = data.draw(st.tuples(ends, ends).filter(lambda pair: pair[0] < pair[1]))
    few, many = data.draw(st.tuples(st.integers(1, 50), st.integers(51, 99)))
    kinds = data.draw(
        st.lists(st.sampled_from(["softmax", "arcface", "subcentre_arcface"]), min_size=2, unique=True)
    )
    values = {"loss.dropout": {"low": low, "high": high}, "loss.centres": {"low": few, "high": many}}
    values |= {"loss.kind": kinds, "network.input_size": [[32, 32], [64, 48]]}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hanzaki.learning.space._read", lambda which: values)
        space = read_space("drawn", config)
        patch.setattr("hanzaki.learning.space._read", lambda which: yaml.safe_load(space.as_yaml()))
        assert read_space("written", config) == space
    drawn = {
        "loss.dropout": data.draw(st.floats(low, high)),
        "loss.centres": data.draw(st.integers(few, many)),
        "loss.kind": json.dumps(data.draw(st.sampled_from(kinds))),
        "network.input_size": "[64, 48]",
    }
    proposed = with_values(config, space.values(drawn))
    assert proposed.loss.dropout == drawn["loss.dropout"]
    assert (proposed.loss.centres, json.dumps(proposed.loss.kind)) == (drawn["loss.centres"], drawn["loss.kind"])
    assert proposed.network.input_size == (64, 48)
    assert space.parameters(proposed) == drawn


@pytest.mark.parametrize("name", shipped_spaces())
@pytest.mark.parametrize("shipped", ["small", "miewid"])
def test_shipped_spaces_hold_the_shipped_configs(name, shipped):
    config = read_config(shipped, EmbedderConfig)
    space = read_space(name, config)
    assert space.parameters(config).keys() == space.distributions.keys()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"schedule.peek": {"low": 1, "high": 2}}, "schedule.peek: no such key; did you mean schedule.peak?"),
        ({"schedule.peak": {"low": -1, "high": 2}}, "schedule.peak: Input should be greater than 0 (tried: -1.0)"),
        ({"schedule.peak": {"low": 2, "high": 1}}, "schedule.peak: low 2 is not below high 1"),
        ({"schedule.peak": {"low": 1, "hgih": 2}}, "schedule.peak.hgih: no such key; did you mean high?"),
        (
            {"schedule.start": {"low": 0, "high": 1, "log": True}},
            "schedule.start: a range with log begins above 0",
        ),
        (
            {"schedule.peak": {"low": 1, "high": 2, "log": True, "step": 1}},
            "schedule.peak: has either log or step",
        ),
        ({"schedule.peak": 0.1}, "schedule.peak: write a range, as {low"),
        ({"loss.centres": {"low": 1.5, "high": 3}}, "loss.centres: takes whole numbers"),
        (
            {"sampling.batch": {"low": 16, "high": 60, "step": 16}},
            "sampling.batch: steps of 16 from 16 do not lead to",
        ),
        ({"sampling.batch": {"low": 1, "high": 8}}, "sampling.batch: Input should be greater than or equal to 2"),
        ({"network.pooling": ["gem", "gen"]}, "network.pooling: Input should be 'gem', "),
        (
            {"network.pooling": {"low": 1, "high": 2}},
            "network.pooling: takes no range; write a list of choices, as",
        ),
        ({"network.pooling": ["gem"]}, "network.pooling: a choice is between two values or more"),
        ({"network.pooling": []}, "network.pooling: a choice is between two values or more"),
        ({"loss.kind": ["triplet", "softmax"]}, "loss.kind: the triplet loss compares pictures of one class"),
        ({"data.validation": {"low": 0.1, "high": 0.5}}, "data.validation: is the same for all trials"),
        ({"run.seed": [1, 2]}, "run.seed: is the same for all trials"),
        ({"data": [{}, {}]}, "data: is the same for all trials"),
        ([], "holds no keys"),
        ("a: [", "holds no keys"),
    ],
)
def test_what_a_space_cannot_say_is_named(values, said, tmp_path):
    with pytest.raises(SettingError) as error:
        space_of(values, EmbedderConfig(), tmp_path)
    assert said in str(error.value)
    assert "wanted.yaml" in str(error.value)


def test_all_faults_are_named_at_once(tmp_path):
    with pytest.raises(SettingError) as error:
        space_of({"loss.margn": [0.1, 0.2], "loss.scale": {"low": 0, "high": 2}}, EmbedderConfig(), tmp_path)
    assert "loss.margin?" in str(error.value)
    assert "loss.scale: Input" in str(error.value)


def test_a_space_that_is_not_there_names_those_that_are():
    with pytest.raises(SettingError, match="shipped spaces are paper"):
        read_space("papper", EmbedderConfig())


def test_values_that_only_fit_together_may_be_tried(tmp_path):
    values = {"loss.kind": ["triplet", "softmax"], "sampling.each": [0, 2]}
    assert space_of(values, EmbedderConfig(), tmp_path).distributions.keys() == values.keys()


def test_numbers_are_read_as_people_write_them(tmp_path):
    (tmp_path / "space.yaml").write_text("schedule.peak: {low: 1e-4, high: 1e-2}\nloss.dropout: [0, 1e-1]\n")
    space = read_space(tmp_path / "space.yaml", EmbedderConfig())
    assert space.distributions["schedule.peak"].low == 1e-4
    assert space.values({"loss.dropout": "0.1"}) == {"loss.dropout": 0.1}


# -- studies of a training that is not done


def test_the_first_trial_is_the_config_itself(config, tmp_path, faked):
    made = faked(lambda number, epoch, config: 0.5)
    run(config, tmp_path / "study", 2)
    assert made.configs[0] == config
    assert made.configs[1] != config


def test_the_best_epoch_of_the_best_trial_wins_and_alone_keeps_its_weights(config, tmp_path, faked):
    made = faked(lambda number, epoch, config: [0.2, 0.7, 0.4][number] - abs(epoch - 2) / 10)
    told: list[tuple[Outcome, Outcome | None]] = []
    done = run(config, tmp_path / "study", 3, report=lambda *outcomes: told.append(outcomes))
    assert [(one.number, round(one.value, 6), best.number) for one, best in told] == [
        (0, 0.2, 0),
        (1, 0.7, 1),
        (2, 0.4, 1),
    ]
    assert done.best.number == 1
    assert read_config(done.config, EmbedderConfig) == made.configs[1]
    kept = {
        number: {path.name for path in (tmp_path / f"study/trials/000{number}").iterdir()} for number in range(3)
    }
    assert kept[0] == kept[2] == {"log.jsonl"}
    assert kept[1] == {"log.jsonl", "model", "checkpoint.pt", "best.safetensors"}


def test_a_trial_that_is_worse_than_most_is_ended_early(config, tmp_path, faked):
    epochs: list[tuple[int, int]] = []

    def measure(number: int, epoch: int, config: EmbedderConfig) -> float:
        epochs.append((number, epoch))
        return 0.9 if number < 5 else 0.1

    faked(measure)
    done = run(config, tmp_path / "study", 6)
    last = done.outcomes[-1]
    assert (last.pruned, last.complete, last.value) == (True, False, 0.1)
    assert max(epoch for number, epoch in epochs if number == 5) == 1
    assert done.best.number == 0


def test_a_cut_off_study_proposes_what_an_undisturbed_one_does(config, tmp_path, faked):
    made = faked(lambda number, epoch, config: math.exp(-config.schedule.peak))
    whole = run(config, tmp_path / "whole", 12)
    for trials in (3, 11, 12):
        parts = run(config, tmp_path / "parts", trials)
    assert parts.outcomes == whole.outcomes
    assert len({json.dumps(one.settings) for one in whole.outcomes}) == 12
    assert len(made.configs) == 12


def test_finished_trials_count_and_nothing_is_done_twice(config, tmp_path, faked):
    made = faked(lambda number, epoch, config: 0.5)
    run(config, tmp_path / "study", 2)
    made.configs.clear()
    assert len(run(config, tmp_path / "study", 2).outcomes) == 2
    assert made.configs == {}


def test_a_trial_cut_off_in_an_epoch_that_was_told_of_goes_on(config, tmp_path, faked):
    def stopped(number: int, epoch: int, config: EmbedderConfig) -> float:
        if (number, epoch) == (1, 3):
            raise KeyboardInterrupt
        return 0.1 * epoch

    first = faked(stopped)
    with pytest.raises(KeyboardInterrupt):
        run(config, tmp_path / "study", 3)
    second = faked(lambda number, epoch, config: 0.1 * epoch)
    done = run(config, tmp_path / "study", 3)
    assert second.configs.keys() == {1, 2}
    assert second.configs[1] == first.configs[1]
    assert [outcome.value for outcome in done.outcomes] == [0.4, 0.4, 0.4]


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_training_whose_numbers_become_infinite_is_a_failed_trial(config, tmp_path, faked, number):
    faked(lambda trial, epoch, config: number if trial == 0 else 0.5)
    done = run(config, tmp_path / "study", 2)
    assert f"the loss became {number} in epoch 1" in done.outcomes[0].failure
    assert (done.best.number, done.outcomes[0].complete) == (1, False)


def test_memory_that_is_full_is_a_failed_trial(config, tmp_path, faked):
    def full(trial: int, epoch: int, config: EmbedderConfig) -> float:
        if trial == 0:
            raise RuntimeError("CUDA out of memory.\n Tried to allocate")
        return 0.5

    faked(full)
    done = run(config, tmp_path / "study", 2)
    assert done.outcomes[0].failure == "CUDA out of memory. Tried to allocate"
    assert done.best.number == 1


def test_settings_that_do_not_fit_each_other_are_a_failed_trial(config, tmp_path, faked):
    faked(lambda trial, epoch, config: 0.5)
    values = {"loss.kind": ["triplet", "softmax"], "sampling.each": [0, 2]}
    done = run(config, tmp_path / "study", 12, values)
    failures = [outcome for outcome in done.outcomes if outcome.failure]
    assert failures
    for outcome in failures:
        assert "set sampling.each to 2 or more" in outcome.failure
        assert outcome.settings == {"loss.kind": "triplet", "sampling.each": 0}


def test_a_study_of_nothing_but_failures_says_so(config, tmp_path, faked):
    faked(lambda trial, epoch, config: math.nan)
    with pytest.raises(SettingError, match="none of the 2 trials came to its end; the last: the loss became nan"):
        run(config, tmp_path / "study", 2)


def test_an_expected_error_comes_out_at_the_first_trial_and_is_a_failure_later(config, tmp_path, faked):
    def wrong(trial: int, epoch: int, config: EmbedderConfig) -> float:
        raise SettingError("no such network")

    faked(wrong)
    with pytest.raises(SettingError, match="no such network"):
        run(config, tmp_path / "study", 2)
    faked(lambda trial, epoch, config: 0.5)
    assert len(run(config, tmp_path / "study", 1).outcomes) == 1
    faked(wrong)
    assert run(config, tmp_path / "study", 2).outcomes[1].failure == "no such network"


def test_a_table_that_cannot_be_read_any_more_is_always_an_error(config, tmp_path, faked):
    def gone(trial: int, epoch: int, config: EmbedderConfig) -> float:
        if trial:
            raise TableError("table.csv", [])
        return 0.5

    faked(gone)
    with pytest.raises(TableError):
        run(config, tmp_path / "study", 3)


def test_a_study_works_in_a_folder_with_an_odd_name(config, tmp_path, faked):
    faked(lambda trial, epoch, config: 0.5)
    folder = tmp_path / "Süd {1} 50% ?a=b #c"
    run(config, folder, 1)
    assert (folder / "study.db").is_file()
    assert len(run(config, folder, 2).outcomes) == 2


# -- what is refused


def test_another_config_or_space_in_the_same_folder_is_refused_by_key(config, tmp_path, faked):
    faked(lambda trial, epoch, config: 0.5)
    run(config, tmp_path / "study", 1)
    other = with_values(config, {"loss.scale": 20.0})
    with pytest.raises(SettingError, match=r"another config \(loss.scale was 16.0, now 20.0\)"):
        run(other, tmp_path / "study", 2)
    fewer = {key: WIDE[key] for key in ("schedule.peak", "network.pooling")}
    with pytest.raises(SettingError, match=r"another space \(loss.centres was .*, now missing\)"):
        run(config, tmp_path / "study", 2, fewer)
    elsewhere = with_values(config, {"run.cache_mb": 1.0})
    assert len(run(elsewhere, tmp_path / "study", 2).outcomes) == 2


def test_a_folder_of_something_else_is_refused_and_left_alone(config, tmp_path):
    folder = tmp_path / "thesis"
    folder.mkdir()
    (folder / "chapter1.txt").write_text("words")
    with pytest.raises(SettingError, match="is not empty and no study"):
        run(config, folder, 1)
    assert [path.name for path in folder.iterdir()] == ["chapter1.txt"]


def test_two_processes_never_work_on_one_study(config, tmp_path, faked):
    faked(lambda trial, epoch, config: 0.5)
    run(config, tmp_path / "study", 1)
    with (tmp_path / "study" / "lock").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(SettingError, match="another hanzaki tune is at work"):
            run(config, tmp_path / "study", 2)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"data.validation": 0}, "set data.validation above 0"),
        ({"data.tables": []}, "name tables with --table"),
        ({"run.devices": 2}, "set run.devices to 1"),
        ({"data.validation": 0.05}, "too few to keep 5% aside"),
    ],
)
def test_what_cannot_be_tuned_is_said_before_anything_is_written(config, tmp_path, changes, said):
    with pytest.raises(SettingError, match=said):
        run(with_values(config, changes), tmp_path / "study", 1)
    assert not (tmp_path / "study").exists()


def test_a_database_that_is_none_is_named(config, tmp_path, faked):
    faked(lambda trial, epoch, config: 0.5)
    run(config, tmp_path / "study", 1)
    (tmp_path / "study" / "study.db").write_bytes(b"not a database" * 100)
    with pytest.raises(SettingError, match=r"study.db cannot be read"):
        run(config, tmp_path / "study", 2)


# -- a study of real, tiny trainings


def test_the_best_config_trains_to_the_best_trials_figures(table, tmp_path, monkeypatch):
    monkeypatch.setattr("hanzaki.learning.train.write_model_folder", lambda folder, *_, **__: folder.mkdir())
    config = tiny_config(table, data={"validation": 0.5})
    done = run(config, tmp_path / "study", 2, {"network.pooling": ["gem", "avg"], "loss.scale": [16, 20]})
    assert done.model.is_dir()
    again = train_embedder(read_config(done.config, EmbedderConfig), tmp_path / "run")
    assert max(record["validation_map"] for record in again.history) == done.best.value


def test_a_training_that_runs_away_ends_its_trial_alone(table, tmp_path):
    config = tiny_config(table, data={"validation": 0.5}, optimiser={"average": 0})
    values = {"schedule.peak": {"low": 1e30, "high": 1e35}, "schedule.warmup_epochs": {"low": 0, "high": 0.5}}
    with pytest.raises(SettingError, match="none of the 2 trials came to its end"):
        run(config, tmp_path / "study", 2, values)
