"""A run's state is on disk whole or not at all, and its log has a line for every epoch."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
import torch

from hanzaki.errors import SettingError
from hanzaki.learning.checkpoint import CHECKPOINT, LOG, Log, chance, load, restore_chance, save


def test_what_was_saved_is_loaded(tmp_path):
    assert load(tmp_path) is None
    save(tmp_path, {"step": 3, "weights": {"a": torch.arange(3)}, "average": None, "chance": chance()})
    state = load(tmp_path)
    assert (state["step"], state["average"]) == (3, None)
    assert torch.equal(state["weights"]["a"], torch.arange(3))
    save(tmp_path, {"step": 4})
    assert load(tmp_path) == {"step": 4}
    assert [path.name for path in tmp_path.iterdir()] == [CHECKPOINT]


def test_a_kill_while_it_is_written_leaves_the_state_before(tmp_path, monkeypatch):
    save(tmp_path, {"step": 3})

    def killed(state: object, path: Path) -> None:
        path.write_bytes(b"half of it")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", killed)
        with pytest.raises(KeyboardInterrupt):
            save(tmp_path, {"step": 4})
    assert load(tmp_path) == {"step": 3}
    assert [path.name for path in tmp_path.iterdir()] == [CHECKPOINT]  # what the kill left is swept away


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04"])
def test_a_damaged_file_is_named_and_what_to_do(content, tmp_path):
    (tmp_path / CHECKPOINT).write_bytes(content)
    with pytest.raises(SettingError, match=r"checkpoint\.pt cannot be read .*: delete it to begin anew"):
        load(tmp_path)


class _Malice:
    def __reduce__(self):
        return os.mkdir, ("ran",)


def test_a_checkpoint_that_would_run_code_is_refused_and_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"step": _Malice()}, tmp_path / CHECKPOINT)
    with pytest.raises(SettingError):
        load(tmp_path)
    (tmp_path / CHECKPOINT).write_bytes(pickle.dumps(_Malice()))
    with pytest.raises(SettingError):
        load(tmp_path)
    assert not Path("ran").exists()


def test_chance_goes_on_where_it_was(tmp_path):
    torch.manual_seed(5)
    torch.rand(7)
    save(tmp_path, {"chance": chance()})
    expected = torch.rand(9)
    torch.manual_seed(6)
    restore_chance(load(tmp_path)["chance"])
    assert torch.equal(torch.rand(9), expected)


def _log(folder: Path, epochs: int) -> list[int]:
    return [record["epoch"] for record in Log(folder, epochs).read()]


def test_the_log_has_a_line_for_each_epoch_that_the_checkpoint_knows_of(tmp_path):
    log = Log(tmp_path, 0)
    for epoch in (1, 2, 3):
        log.write({"epoch": epoch, "step": 10 * epoch})
    assert _log(tmp_path, 3) == [1, 2, 3]
    assert _log(tmp_path, 2) == [1, 2]  # the third was written, and then came the kill
    assert _log(tmp_path, 0) == []


def test_a_line_that_a_kill_cut_short_is_taken_out(tmp_path):
    Log(tmp_path, 0).write({"epoch": 1, "step": 10})
    with (tmp_path / LOG).open("a") as file:
        file.write('{"epoch": 2, "st')
    assert _log(tmp_path, 2) == [1]
    Log(tmp_path, 2).write({"epoch": 2, "step": 20})
    assert _log(tmp_path, 2) == [1, 2]
