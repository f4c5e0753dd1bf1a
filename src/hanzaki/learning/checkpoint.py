"""A training run's state on disk: whole or not at all, and read without running any code."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from hanzaki.errors import SettingError, printable

CHECKPOINT = "checkpoint.pt"
LOG = "log.jsonl"


def save(folder: Path, state: Mapping[str, Any]) -> None:
    """Write the state; a kill at any moment leaves the old one or the new one."""
    incoming = folder / f"{CHECKPOINT}.{os.getpid()}.incoming"
    torch.save(dict(state), incoming)
    with incoming.open("rb") as file:
        os.fsync(file.fileno())
    incoming.replace(folder / CHECKPOINT)


def write_whole(path: Path, text: str) -> None:
    """Write a text file; a kill at any moment leaves the old one or the new one."""
    incoming = path.with_name(f"{path.name}.incoming")
    with incoming.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    incoming.replace(path)


def load(folder: Path) -> dict[str, Any] | None:
    """The state that was saved last, or None.

    Raises:
        SettingError: if the file is damaged.
    """
    for stale in folder.glob(f"{CHECKPOINT}.*.incoming"):
        stale.unlink(missing_ok=True)
    path = folder / CHECKPOINT
    if not path.is_file():
        return None
    try:
        return dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # of a damaged file torch raises anything
        raise SettingError(
            f"{printable(path)} cannot be read ({type(error).__name__}): delete it to begin anew"
        ) from error


def chance() -> dict[str, Any]:
    """The state of torch's random generators."""
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return {"cpu": torch.get_rng_state(), "cuda": cuda}


def restore_chance(state: Mapping[str, Any]) -> None:
    """Put torch's random generators back; those of GPUs only if there are as many as there were."""
    torch.set_rng_state(state["cpu"])
    if torch.cuda.is_available() and len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda"])


class Log:
    """One JSON object a line, for each epoch; what a cut-off run wrote after its checkpoint is taken out again.

    Args:
        folder: of the run.
        epochs: that were over in the checkpoint that the run goes on from.
    """

    def __init__(self, folder: Path, epochs: int) -> None:
        self.path = folder / LOG
        kept = [line for line in self._lines() if _epoch(line) <= epochs]
        self.path.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")

    def write(self, record: Mapping[str, Any]) -> None:
        """Add a line."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")

    def read(self) -> list[dict[str, Any]]:
        """All that was written."""
        return [json.loads(line) for line in self._lines()]

    def _lines(self) -> list[str]:
        return self.path.read_text(encoding="utf-8").splitlines() if self.path.is_file() else []


def _epoch(line: str) -> float:
    try:
        return float(json.loads(line)["epoch"])
    except (ValueError, KeyError, TypeError):  # a line that a kill cut short
        return float("inf")
