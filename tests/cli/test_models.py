"""``hanzaki models``, against a local server that speaks the hub's protocol."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.learning.hub import serving
from tests.learning.layouts import MiewIdNet, linear_head, write_miewid

NAME = "conservationxlabs/miewid-msv3"


@pytest.fixture
def pull(tmp_path: Path):
    """`hanzaki models pull` of a tiny MiewID into ``tmp_path / "model"``."""
    torch.manual_seed(1)
    state = MiewIdNet("test_efficientnet").eval().state() | linear_head(256)
    with serving() as hub:
        hub.repositories[NAME] = write_miewid(tmp_path / "repository", "test_efficientnet", state)

        def run(*words: str) -> subprocess.CompletedProcess[str]:
            command = [sys.executable, "-m", "hanzaki", "models", "pull", NAME, str(tmp_path / "model"), *words]
            environment = os.environ | {"HF_ENDPOINT": hub.endpoint, "HF_HOME": str(tmp_path / "home")}
            return subprocess.run(
                command, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL
            )

        yield run


def test_a_licence_that_nobody_accepted_fetches_nothing(pull, tmp_path):
    result = pull()
    assert result.returncode == 1
    assert "cc-by-nc-4.0" in result.stderr
    assert "was not fetched, since its licence was not accepted" in result.stderr
    assert not (tmp_path / "model").exists()


def test_a_pulled_model_can_be_used_at_once(pull, tmp_path, stream):
    result = pull("--accept-licence", "--size", "64")
    assert result.returncode == 0, result.stderr
    assert json.loads((tmp_path / "model" / "config.json").read_text())["input_size"] == [64, 64]
    words = ["evaluate", "--table", stream / "annotations.csv", "--with", tmp_path / "model", "--json"]
    command = [sys.executable, "-m", "hanzaki", *map(str, words)]
    evaluated = subprocess.run(command, check=True, capture_output=True, text=True)
    assert json.loads(evaluated.stdout)["queries"] == 22
