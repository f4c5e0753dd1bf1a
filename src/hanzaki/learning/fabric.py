"""What a run trains on, and how it is asked to stop."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Literal

import torch
from lightning.fabric import Fabric

from hanzaki.errors import SettingError
from hanzaki.learning.parts import TrainingConfig

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def make_fabric(config: TrainingConfig) -> Fabric:
    """Lightning Fabric for a run, launched.

    Raises:
        SettingError: if the machine has not what the config asks for.
    """
    run = config.run
    for name in ("lightning.fabric", "lightning.pytorch"):
        logging.getLogger(name).setLevel(logging.WARNING)  # it tells of its choices, which are ours
    if config.sampling.batch % run.devices:
        raise SettingError(f"sampling.batch {config.sampling.batch} cannot be shared by {run.devices} devices")
    # where only the head learns at first, the rest of the network gets no gradient, which DDP wants to be told
    several = "ddp_find_unused_parameters_true" if config.schedule.head_epochs else "ddp"
    try:
        fabric = Fabric(
            accelerator=run.accelerator,
            devices=run.devices,
            strategy=several if run.devices > 1 else "auto",
            precision=_precision(config),
        )
        fabric.launch()
    except Exception as error:  # it raises its own of many kinds
        raise SettingError(f"run.accelerator {run.accelerator} x {run.devices} cannot be had: {error}") from error
    return fabric


def _precision(config: TrainingConfig) -> Literal["32-true", "bf16-mixed", "16-mixed"]:
    run = config.run
    if run.precision != "auto":
        return run.precision
    if run.accelerator == "cpu" or not torch.cuda.is_available():
        return "32-true"
    return "bf16-mixed" if torch.cuda.is_bf16_supported() else "16-mixed"


@contextmanager
def stopped_between_steps() -> Iterator[Callable[[], bool]]:
    """While it lasts, Ctrl-C and a polite kill are only noted, so that a run can save its state; twice kills.

    Yields:
        says whether the run was asked to stop.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set  # Python delivers signals to the main thread alone
        return

    def note(_number: int, _frame: FrameType | None) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    before = {number: signal.signal(number, note) for number in _SIGNALS}
    try:
        yield asked.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if asked.is_set():
            raise KeyboardInterrupt  # also where something else ended the run: who asked to stop must be heard
