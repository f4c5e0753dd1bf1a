"""Whether a folder may be worked in."""

from __future__ import annotations

import pytest

from hanzaki.errors import SettingError
from hanzaki.learning.claim import CONFIG, claim_run
from hanzaki.learning.config import EmbedderConfig


def _config(**parts: object) -> EmbedderConfig:
    return EmbedderConfig.model_validate(parts)


def test_a_new_folder_is_claimed_and_claimed_again_by_the_same_config(tmp_path):
    claim_run(tmp_path / "a" / "run", _config())
    written = (tmp_path / "a" / "run" / CONFIG).read_text()
    claim_run(tmp_path / "a" / "run", _config())
    assert (tmp_path / "a" / "run" / CONFIG).read_text() == written


def test_where_a_run_runs_may_change(tmp_path):
    claim_run(tmp_path, _config())
    claim_run(tmp_path, _config(run={"accelerator": "cpu", "devices": 2, "cache_mb": 1, "checkpoint_minutes": 1}))


def test_what_differs_is_named_with_both_values(tmp_path):
    claim_run(tmp_path, _config(network={"arguments": {"pad_type": "same"}}))
    with pytest.raises(SettingError, match="another config") as caught:
        claim_run(tmp_path, _config(loss={"scale": 9}, run={"seed": 3}))
    text = str(caught.value)
    assert 'network.arguments.pad_type was "same", now missing' in text
    assert "loss.scale was 51.5, now 9.0" in text
    assert "run.seed was 0, now 3" in text


@pytest.mark.parametrize("make", [lambda path: path.write_text(""), lambda path: (path / "x").mkdir(parents=True)])
def test_what_is_of_something_else_is_left_alone(make, tmp_path):
    make(tmp_path / "other")
    with pytest.raises(SettingError, match="is not empty and no training run"):
        claim_run(tmp_path / "other", _config())
