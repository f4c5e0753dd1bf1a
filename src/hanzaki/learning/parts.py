"""What every training is made of, whatever it teaches: the same loop runs them all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from hanzaki.errors import BadMedium
from hanzaki.learning.config import OptimiserConfig, RunConfig, ScheduleConfig

Bad = Mapping[Any, BadMedium]


class _Batches(Protocol):
    @property
    def batch(self) -> int: ...
    @property
    def accumulate(self) -> int: ...


class _Network(Protocol):
    @property
    def frozen(self) -> int: ...


class TrainingConfig(Protocol):
    """What the configs of all trainings say."""

    @property
    def sampling(self) -> _Batches:
        """How batches are made up."""
        ...

    @property
    def network(self) -> _Network:
        """The network and what it sees."""
        ...

    @property
    def schedule(self) -> ScheduleConfig:
        """Epochs and learning rates."""
        ...

    @property
    def optimiser(self) -> OptimiserConfig:
        """AdamW, and what goes beside it."""
        ...

    @property
    def run(self) -> RunConfig:
        """The machine's side of it."""
        ...


class Reads(Protocol):
    """Reads what is learnt from, in batches."""

    @property
    def bad(self) -> Bad:
        """What could not be read."""
        ...

    @property
    def all_bad(self) -> bool:
        """Whether nothing can be read."""
        ...

    def batches(
        self, epoch: int, positions: Sequence[npt.NDArray[np.int64]], start: int = 0
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Images and truths of the batches of an epoch, from batch ``start`` on."""
        ...


class Judges(Protocol):
    """Measures a network on what it does not learn from."""

    @property
    def pictures(self) -> Reads:
        """What it is measured on."""
        ...

    def measure(self, network: nn.Module, device: torch.device) -> dict[str, float]:
        """Measures by name, among them the one by which the training chooses the best epoch."""
        ...
