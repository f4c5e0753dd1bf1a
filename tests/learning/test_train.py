"""Training: what comes of it follows from the config and the data, whatever happens on the way."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from hanzaki.errors import ModelError, SettingError
from hanzaki.learning import train
from hanzaki.learning.checkpoint import load
from hanzaki.learning.config import EmbedderConfig
from hanzaki.learning.start import starting_network
from hanzaki.learning.train import BEST, Diverged, Trained, train_embedder
from hanzaki.learning.validation import Validation
from hanzaki.learning.weights import read_network
from hanzaki.vision.describing import load_describer
from tests.fixtures.animals import tiny_config, write_animals
from tests.fixtures.photographs import pixels
from tests.fixtures.same import assert_same

EPOCH = 9  # steps: 36 pictures of six animals in fours
SPEEDS = {"pictures_per_second", "waiting"}

State = dict[str, torch.Tensor]


class _Killed(BaseException):
    """Nobody catches it."""


@pytest.fixture(autouse=True)
def _unpublished(monkeypatch):
    """In place of a model folder, which takes longer than all the rest, what would have gone into it."""

    def write(folder: Path, _network: nn.Module, look: object, _card: object, **_: object) -> None:
        folder.mkdir()
        (folder / "config.json").write_text(look.model_dump_json())  # type: ignore[attr-defined]

    monkeypatch.setattr(train, "write_model_folder", write)


@pytest.fixture(autouse=True)
def _one_thread():
    """Sums come out the same; and as many threads as before stand ready for other tests."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _run(config: EmbedderConfig, folder: Path, **options: Callable[..., None]) -> Trained:
    return train_embedder(config, folder, **options)


def _outcome(folder: Path, trained: Trained) -> dict[str, object]:
    """All that two runs must have alike."""
    state = load(folder)
    assert state is not None
    records = [{key: value for key, value in one.items() if key not in SPEEDS} for one in trained.history]
    return {"epoch": trained.epoch, "log": records, "best": load_file(folder / BEST), "state": state}


def _network_of(folder: Path) -> State:
    """The network of a run's last step."""
    prefix = "network."
    lesson = load(folder)["lesson"]
    return {name.removeprefix(prefix): value for name, value in lesson.items() if name.startswith(prefix)}


# ---- cut off and run again


@pytest.fixture(scope="module")
def undisturbed(animals, tmp_path_factory) -> dict[str, object]:
    """What comes of two epochs with chance and memory everywhere: dropout, augmentation, moving average."""
    folder = tmp_path_factory.mktemp("undisturbed")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "write_model_folder", lambda folder, *_, **__: folder.mkdir())
        result = _outcome(folder, train_embedder(tiny_config(animals), folder))
    torch.set_num_threads(threads)
    return result


@pytest.mark.parametrize("steps", [(1,), (EPOCH,), (EPOCH + 1,), (2 * EPOCH,), (2, 5, EPOCH - 1, EPOCH + 4)])
def test_a_run_killed_at_any_step_comes_to_the_very_same_end(steps, animals, undisturbed, tmp_path):
    """A kill before the step was saved costs the step, which is done again."""
    for deadly in steps:

        def progress(_what: str, done: int, total: int, deadly: int = deadly) -> None:
            assert total == 2 * EPOCH
            if done == deadly:
                raise _Killed

        with pytest.raises(_Killed):
            _run(tiny_config(animals), tmp_path, progress=progress)
    assert_same(_outcome(tmp_path, _run(tiny_config(animals), tmp_path)), undisturbed)


@pytest.mark.parametrize("minutes", [0.0, 1000.0], ids=["saved every step", "saved every epoch"])
def test_a_kill_between_the_log_and_the_checkpoint_writes_no_line_twice(
    minutes, animals, undisturbed, tmp_path, monkeypatch
):
    config = tiny_config(animals, run={"accelerator": "cpu", "checkpoint_minutes": minutes})

    def killed(folder: Path, state: dict[str, object]) -> None:
        if state["epoch"] == 1:
            raise _Killed
        save(folder, state)

    save = train.save
    with monkeypatch.context() as patch, pytest.raises(_Killed):
        patch.setattr(train, "save", killed)
        _run(config, tmp_path)
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 1
    assert_same(_outcome(tmp_path, _run(config, tmp_path)), undisturbed)


@pytest.mark.parametrize("step", [4, EPOCH, 2 * EPOCH])
def test_a_run_asked_to_stop_saves_the_step_and_comes_to_the_very_same_end(
    step, animals, undisturbed, tmp_path, monkeypatch
):
    config = tiny_config(animals, run={"accelerator": "cpu", "checkpoint_minutes": 1000})
    asked = threading.Event()

    def progress(_what: str, done: int, _total: int) -> None:
        if done == step:
            asked.set()

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(train, "stopped_between_steps", lambda: nullcontext(asked.is_set))
        _run(config, tmp_path, progress=progress)
    assert load(tmp_path)["step"] == step
    assert_same(_outcome(tmp_path, _run(config, tmp_path)), undisturbed)


def test_another_seed_gives_other_weights(animals, undisturbed, tmp_path):
    other = _outcome(tmp_path, _run(tiny_config(animals, run={"seed": 1}), tmp_path))
    assert not torch.equal(other["best"]["bn.weight"], undisturbed["best"]["bn.weight"])
    assert other["log"] != undisturbed["log"]


def test_the_log_has_a_line_an_epoch_with_loss_rate_and_speed(undisturbed, animals, tmp_path):
    reported = []
    trained = _run(tiny_config(animals), tmp_path, report=reported.append)
    written = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert written == reported == trained.history
    assert [(record["epoch"], record["step"]) for record in written] == [(1, EPOCH), (2, 2 * EPOCH)]
    for record in written:
        assert np.isfinite(record["loss"])
        assert record["pictures_per_second"] > 0
        assert 0 <= record["waiting"] <= 1
        assert 0 <= record["validation_map"] <= 1
    assert written[0]["rate"] == pytest.approx(1e-3)  # the warm-up's end
    assert written[1]["rate"] == pytest.approx(0, abs=1e-9)


def test_a_loss_that_is_no_number_any_more_ends_the_run_and_says_what_to_do(animals, tmp_path):
    config = tiny_config(animals, schedule={"epochs": 2, "peak": 1e30, "start": 1e30, "warmup_epochs": 0})
    with pytest.raises(
        Diverged, match=r"the loss became (nan|inf) in epoch \d: in a new folder, try a lower schedule.peak"
    ):
        _run(config, tmp_path)
    assert not (tmp_path / "model").exists()


def test_it_learns(animals, tmp_path):
    config = tiny_config(
        animals, schedule={"epochs": 8, "peak": 0.01}, loss={"dropout": 0}, data={"validation": 0},
        augmentation={"blur": 0, "noise": 0, "erase": 0}, sampling={"batch": 8},
    )  # fmt: skip
    losses = [record["loss"] for record in _run(config, tmp_path).history]
    assert losses[-1] < 0.7 * losses[0]


# ---- which epoch


def _scores(monkeypatch, *maps: float) -> list[State]:
    """Validations that find these; gives the networks that were measured."""
    seen: list[State] = []
    left = iter(maps)

    def measure(_self: Validation, network: nn.Module, _device: torch.device) -> dict[str, float]:
        assert not network.training
        seen.append({name: value.clone() for name, value in network.state_dict().items()})
        return {"top1": 0.0, "map": next(left)}

    monkeypatch.setattr(Validation, "measure", measure)
    return seen


@pytest.mark.parametrize("average", [0.0, 0.9])
def test_the_best_epoch_is_the_one_that_finds_animals_kept_aside_best(average, animals, tmp_path, monkeypatch):
    seen = _scores(monkeypatch, 0.3, 0.7, 0.7)
    config = tiny_config(animals, schedule={"epochs": 3}, optimiser={"average": average})
    assert _run(config, tmp_path).epoch == 2
    assert_same(load_file(tmp_path / BEST), seen[1])
    assert not torch.equal(seen[1]["bn.weight"], seen[2]["bn.weight"])


def test_what_is_measured_is_the_moving_average_where_there_is_one(animals, tmp_path, monkeypatch):
    seen = _scores(monkeypatch, 0.1)
    _run(tiny_config(animals, schedule={"epochs": 1}), tmp_path)
    state = load(tmp_path)["average"]
    assert_same(seen[0], {name.removeprefix("module."): value for name, value in state.items()})
    assert not torch.equal(seen[0]["bn.weight"], _network_of(tmp_path)["bn.weight"])


def test_the_best_epoch_is_remembered_over_a_kill(animals, tmp_path, monkeypatch):
    config = tiny_config(animals, schedule={"epochs": 3})

    def progress(_what: str, done: int, _total: int) -> None:
        if done == EPOCH + 3:
            raise _Killed

    seen = _scores(monkeypatch, 0.9, 0.5, 0.6)
    with pytest.raises(_Killed):
        _run(config, tmp_path, progress=progress)
    assert _run(config, tmp_path).epoch == 1
    assert_same(load_file(tmp_path / BEST), seen[0])


def test_validation_every_other_epoch_and_after_the_last(animals, tmp_path, monkeypatch):
    seen = _scores(monkeypatch, 0.2, 0.1)
    trained = _run(tiny_config(animals, schedule={"epochs": 3}, run={"validate_every": 2}), tmp_path)
    assert trained.epoch == 2
    assert len(seen) == 2
    assert ["validation_map" in record for record in trained.history] == [False, True, True]


def test_without_validation_it_is_the_last_epoch_and_all_animals_are_learnt_from(animals, tmp_path):
    config = tiny_config(animals, data={"validation": 0}, optimiser={"average": 0})
    trained = _run(config, tmp_path)
    assert trained.epoch == 2
    assert_same(load_file(tmp_path / BEST), _network_of(tmp_path))
    assert not any("validation_map" in record for record in trained.history)
    assert "48 pictures of 8 individuals" in (trained.model / "config.json").read_text()


# ---- the model folder


def test_the_model_gives_the_vectors_that_torch_gives_and_says_how_it_was_made(trained):
    describer = load_describer(trained / "model")
    network, look = read_network(trained / "model")
    prepared = [describer.prepare(pixels(seed)) for seed in range(5)]
    with torch.inference_mode():
        expected = network(torch.from_numpy(np.stack(prepared))).numpy()
    np.testing.assert_allclose(np.stack(describer.describe(prepared)), expected, atol=1e-4)
    assert_same(network.state_dict(), load_file(trained / BEST))
    assert (look.input_size, look.resize, look.crop_fraction) == ((32, 32), "squash", 1.0)
    assert (look.mean, look.std) == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    assert look.architecture == "test_efficientnet"
    assert look.training_data.startswith("Andrias japonicus, 36 pictures of 6 individuals; ")
    assert "| Andrias japonicus | unknown | 36 | 6 | 1 |" in (trained / "model" / "README.md").read_text()


# ---- fine-tuning


def _tuned(start: Path, table: Path, folder: Path, **parts: dict[str, object]) -> tuple[State, Trained]:
    parts = {"network": {"start": start}, "schedule": {"epochs": 1}, "data": {"validation": 0}} | parts
    trained = _run(tiny_config(table, **parts), folder)
    return load_file(folder / BEST), trained


@pytest.fixture(scope="module")
def few(tmp_path_factory) -> Path:
    """25 animals that the trained model has never seen, two pictures each."""
    return write_animals(tmp_path_factory.mktemp("few"), 25, 2, first=100)


def test_while_the_head_learns_alone_the_backbone_stays_bit_for_bit(trained, few, tmp_path):
    schedule = {"epochs": 2, "head_epochs": 2}
    after, _ = _tuned(trained / "model", few, tmp_path, schedule=schedule)
    before = load_file(trained / "model" / "model.safetensors")
    last = _network_of(tmp_path)
    for name, value in before.items():
        if name.startswith("backbone."):  # weights, running means and variances, counters
            assert torch.equal(value, after[name]), name
            assert torch.equal(value, last[name]), name
    for name in ("pooling.p", "bn.weight", "bn.running_mean"):
        assert not torch.equal(before[name], last[name]), name


def test_afterwards_the_whole_network_learns(trained, few, tmp_path):
    schedule = {"epochs": 2, "head_epochs": 1, "peak": 0.01}
    _tuned(trained / "model", few, tmp_path, schedule=schedule)
    before, last = load_file(trained / "model" / "model.safetensors"), _network_of(tmp_path)
    same = {name for name, value in before.items() if torch.equal(value, last[name])}
    assert not same


def test_a_kill_while_the_head_learns_alone_changes_nothing(trained, few, tmp_path):
    config = tiny_config(
        few, network={"start": trained / "model", "frozen": 1}, data={"validation": 0},
        schedule={"epochs": 2, "head_epochs": 1},
    )  # fmt: skip
    once = _outcome(tmp_path / "once", _run(config, tmp_path / "once"))
    for deadly in (5, 15):  # twelve steps an epoch

        def progress(_what: str, done: int, _total: int, deadly: int = deadly) -> None:
            if done == deadly:
                raise _Killed

        with pytest.raises(_Killed):
            _run(config, tmp_path / "cut", progress=progress)
    assert_same(_outcome(tmp_path / "cut", _run(config, tmp_path / "cut")), once)


def test_frozen_stages_stay_bit_for_bit_and_the_others_learn(trained, few, tmp_path):
    network = {"start": trained / "model", "frozen": 3}
    after, _ = _tuned(trained / "model", few, tmp_path, network=network, schedule={"epochs": 1, "peak": 0.01})
    before, last = load_file(trained / "model" / "model.safetensors"), _network_of(tmp_path)
    frozen = ("backbone.conv_stem.", "backbone.bn1.", "backbone.blocks.0.")
    assert {name for name, value in before.items() if torch.equal(value, last[name])} == {
        name for name in before if name.startswith(frozen)
    }
    assert all(torch.equal(before[name], after[name]) for name in before if name.startswith(frozen))


def test_25_animals_are_enough_and_the_best_epoch_is_chosen_on_some_of_them(trained, few, tmp_path):
    _, made = _tuned(trained / "model", few, tmp_path, data={"validation": 0.2})
    assert "40 pictures of 20 individuals" in (made.model / "config.json").read_text()
    assert 0 <= made.history[0]["validation_map"] <= 1


def test_old_animals_are_replayed_among_the_new_ones(trained, few, animals, tmp_path, monkeypatch):
    batches = []

    def learn(self: train.Training, images: torch.Tensor, labels: torch.Tensor) -> None:
        batches.append([self.data.classes[label][1] for label in labels.tolist()])
        learnt(self, images, labels)

    learnt = train.Training._learn
    monkeypatch.setattr(train.Training, "_learn", learn)
    data = {"validation": 0, "replay": [animals], "replay_share": 0.25}
    _, made = _tuned(trained / "model", few, tmp_path, data=data, sampling={"batch": 8})
    new = {f"animal {number}" for number in range(100, 125)}
    assert len(batches) == 50 // 6  # an epoch is the new animals'
    assert all(sum(name in new for name in batch) == 6 for batch in batches)
    assert all(sum(name not in new for name in batch) == 2 for batch in batches)
    assert "98 pictures of 33 individuals" in (made.model / "config.json").read_text()


def test_a_start_that_is_no_model_is_refused(animals, tmp_path):
    with pytest.raises(ModelError, match="is no model folder"):
        _tuned(tmp_path / "nothing", animals, tmp_path / "run")


# ---- losses, precision, memory


@pytest.mark.parametrize("kind", ["subcentre_arcface", "arcface", "softmax", "triplet"])
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_every_loss_trains_in_full_and_in_mixed_precision(kind, precision, animals, tmp_path):
    config = tiny_config(
        animals, loss={"kind": kind}, sampling={"batch": 8, "each": 2}, schedule={"epochs": 1},
        run={"precision": precision},
    )  # fmt: skip
    (record,) = _run(config, tmp_path).history
    assert np.isfinite(record["loss"])
    assert record["loss"] > 0
    state = load_file(tmp_path / BEST)
    assert all(value.isfinite().all() for value in state.values())
    assert {value.dtype for value in state.values()} == {torch.float32, torch.int64}


def test_mixed_precision_is_lower_precision(animals, tmp_path):
    """A run in bfloat16 that came to the losses of float32 would not have been one."""
    losses = [
        _run(tiny_config(animals, schedule={"epochs": 1}, run={"precision": one}), tmp_path / one).history[0][
            "loss"
        ]
        for one in ("32-true", "bf16-mixed")
    ]
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], rel=0.1)


def _without_batch_statistics(config: EmbedderConfig):
    network, look = starting_network(config)
    network.bn = nn.GroupNorm(1, network.embedding_size)
    return network, look


@pytest.mark.parametrize("parts", [2, 3, 5])
def test_a_batch_computed_in_parts_moves_the_weights_as_the_whole_batch_does(
    parts, animals, tmp_path, monkeypatch
):
    monkeypatch.setattr(train, "starting_network", _without_batch_statistics)
    monkeypatch.setattr(torch.optim, "AdamW", lambda groups, lr: torch.optim.SGD(groups, lr=lr))

    def moved(accumulate: int) -> State:
        config = tiny_config(
            animals, network={"backbone": "test_efficientnet_gn"}, loss={"dropout": 0}, optimiser={"average": 0},
            sampling={"batch": 11, "accumulate": accumulate}, data={"validation": 0, "least": 1},
            schedule={"epochs": 1, "warmup_epochs": 0, "peak": 1e-3, "decay": "exponential"},
        )  # fmt: skip
        folder = tmp_path / str(accumulate)

        def progress(_what: str, _done: int, _total: int) -> None:
            raise _Killed

        state: State = {}
        learn = train.Training._learn

        def remember(self: train.Training, images: torch.Tensor, labels: torch.Tensor) -> None:
            before = {name: value.detach().clone() for name, value in self.lesson.named_parameters()}
            learn(self, images, labels)
            state.update({name: value - before[name] for name, value in self.lesson.named_parameters()})

        with monkeypatch.context() as patch, pytest.raises(_Killed):
            patch.setattr(train.Training, "_learn", remember)
            _run(config, folder, progress=progress)
        return {name: value.detach() for name, value in state.items()}

    whole, in_parts = moved(1), moved(parts)
    for name, value in whole.items():
        largest = float(value.abs().max())
        assert largest > 0 or name.endswith("pooling.p"), name
        torch.testing.assert_close(in_parts[name], value, rtol=1e-2, atol=1e-2 * largest + 1e-9, msg=name)


@pytest.mark.parametrize(("batch", "parts"), [(7, 3), (13, 4), (5, 2)])
def test_no_part_of_a_batch_is_a_picture_alone(batch, parts, animals, tmp_path):
    """A batch norm cannot take one picture."""
    config = tiny_config(
        animals, sampling={"batch": batch, "accumulate": parts}, schedule={"epochs": 1}, data={"validation": 0}
    )
    assert np.isfinite(_run(config, tmp_path).history[0]["loss"])


def test_a_clipped_gradient_still_learns(animals, tmp_path):
    config = tiny_config(animals, optimiser={"clip": 0.1}, schedule={"epochs": 1})
    assert np.isfinite(_run(config, tmp_path).history[0]["loss"])


# ---- data


def test_two_species_are_learnt_together(animals, tmp_path):
    other = write_animals(tmp_path / "seals", 4, 4, species="Phoca vitulina")  # of the same names
    made = _run(tiny_config([animals, other], data={"validation": 0}, schedule={"epochs": 1}), tmp_path / "run")
    said = (made.model / "config.json").read_text()
    assert "Andrias japonicus, Phoca vitulina, 64 pictures of 12 individuals" in said


def test_mirrored_flanks_make_twice_the_animals_and_no_more_photographs(animals, tmp_path):
    counted = []

    def progress(_what: str, _done: int, total: int) -> None:
        counted.append(total)

    config = tiny_config(animals, data={"validation": 0, "mirror": True}, schedule={"epochs": 1})
    made = _run(config, tmp_path, progress=progress)
    assert counted[0] == 2 * 48 // 4
    assert "48 pictures of 8 individuals" in (made.model / "config.json").read_text()
    assert load(tmp_path)["lesson"]["loss.margins"].shape == (16,)


def test_too_few_animals_to_keep_any_aside_says_what_to_do(tmp_path):
    table = write_animals(tmp_path / "animals", 3, 2)
    with pytest.raises(
        SettingError, match=r"3 individuals are too few to keep 20% aside: set data\.validation to 0"
    ):
        _run(tiny_config(table), tmp_path / "run")


def test_a_run_whose_pictures_went_bad_before_the_model_was_written_still_writes_it(tmp_path, monkeypatch):
    table = write_animals(tmp_path / "animals", 4, 3)
    config = tiny_config(table, data={"validation": 0}, schedule={"epochs": 1})
    broken = table.parent / "0_0.png"
    broken.write_bytes(b"")

    def killed(*_: object, **__: object) -> None:
        raise _Killed

    with monkeypatch.context() as patch, pytest.raises(_Killed):
        patch.setattr(train, "write_model_folder", killed)
        _run(config, tmp_path / "run")
    assert _run(config, tmp_path / "run").model.is_dir()
