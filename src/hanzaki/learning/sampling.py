"""Which pictures stand in which batch: all in turn, or individuals in equal shares."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

import numpy as np
import numpy.typing as npt

from hanzaki.learning.config import EmbedderConfig


class Sampler(Protocol):
    """Says which pictures stand in which batch of an epoch."""

    def batches(self, epoch: int) -> Sequence[npt.NDArray[np.int64]]:
        """The batches of an epoch, each the positions of its pictures; the same at every call."""
        ...


class Shuffled:
    """Every picture once an epoch, in random order; what does not fill a batch waits for another epoch.

    Args:
        count: of pictures.
        batch: pictures in a batch.
        seed: of the order.
    """

    def __init__(self, count: int, batch: int, seed: int) -> None:
        self.count, self.batch, self.seed = count, min(batch, count), seed

    def batches(self, epoch: int) -> Sequence[npt.NDArray[np.int64]]:
        """The batches of an epoch."""
        order = np.random.default_rng([self.seed, epoch]).permutation(self.count)
        steps = self.count // self.batch
        return np.split(order[: steps * self.batch], steps)


class Balanced:
    """Every batch shows ``each`` pictures of ``batch / each`` classes; classes come equally often.

    An epoch has as many pictures as there are, so that rare individuals come more often than they would, and
    common ones less. A class with fewer than ``each`` pictures shows some twice, augmented differently.

    Args:
        labels: of all pictures.
        batch: pictures in a batch.
        each: pictures of a class in a batch.
        seed: of the order.
    """

    def __init__(self, labels: Sequence[int], batch: int, each: int, seed: int) -> None:
        numbers = np.asarray(labels)
        self.members = [np.flatnonzero(numbers == label) for label in np.unique(numbers)]
        self.each, self.seed = each, seed
        self.classes = max(2, min(batch // each, len(self.members)))
        self.steps = max(1, round(len(numbers) / (self.classes * each)))

    def batches(self, epoch: int) -> Sequence[npt.NDArray[np.int64]]:
        """The batches of an epoch."""
        dice = np.random.default_rng([self.seed, epoch])
        wanted = self.steps * self.classes
        rounds = -(-wanted // len(self.members))
        order = np.empty(0, np.int64)
        for _ in range(rounds):
            turn = dice.permutation(len(self.members))
            begun = order[len(order) - len(order) % self.classes :]  # a batch shows none of its classes again
            order = np.concatenate([order, turn[np.argsort(np.isin(turn, begun), kind="stable")]])
        chosen = [_some(self.members[label], self.each, dice) for label in order[:wanted]]
        return np.split(np.concatenate(chosen), self.steps)


def _some(members: npt.NDArray[np.int64], count: int, dice: np.random.Generator) -> npt.NDArray[np.int64]:
    """``count`` of the members, none twice before all came once."""
    rounds = -(-count // len(members))
    return np.concatenate([dice.permutation(members) for _ in range(rounds)])[:count]


class Mixed:
    """Each batch of one sampler with a batch of another beside it, as old data are replayed among the new.

    An epoch is one of the main sampler's; the other one goes on where it was, epoch after epoch of its own.

    Args:
        main: decides how long an epoch is.
        other: stands beside it.
        offset: added to the other's positions.
    """

    def __init__(self, main: Sampler, other: Sampler, offset: int) -> None:
        self.main, self.other, self.offset = main, other, offset
        self._others = lru_cache(maxsize=2)(other.batches)

    def batches(self, epoch: int) -> Sequence[npt.NDArray[np.int64]]:
        """The batches of an epoch."""
        batches = self.main.batches(epoch)
        beside = len(self.other.batches(0))
        first = epoch * len(batches)
        mixed = []
        for step, batch in enumerate(batches, first):
            replayed = self._others(step // beside)[step % beside]
            mixed.append(np.concatenate([batch, replayed + self.offset]))
        return mixed


def make_sampler(config: EmbedderConfig, labels: Sequence[int], new: int) -> Sampler:
    """The sampler of a config.

    Args:
        config: of the run.
        labels: of all pictures.
        new: how many of them, the first ones, are to be learnt; the others are replayed beside them.
    """
    seed, batch, each = config.run.seed, config.sampling.batch, config.sampling.each

    def of(part: Sequence[int], size: int, seed: int) -> Sampler:
        return Balanced(part, size, each, seed) if each else Shuffled(len(part), size, seed)

    if new == len(labels):
        return of(labels, batch, seed)
    replayed = min(max(1, round(config.data.replay_share * batch)), batch - 1)
    return Mixed(of(labels[:new], batch - replayed, seed), of(labels[new:], replayed, seed + 1), new)
