"""Teaching a network to describe keypoints, from pairs of patches to a model folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hanzaki.errors import SettingError
from hanzaki.learning.checkpoint import Log, chance, load, restore_chance, save
from hanzaki.learning.fabric import stopped_between_steps
from hanzaki.learning.points.network import PatchNetwork, contrastive_loss
from hanzaki.learning.points.pairs import Pairs

_GROUP = 64  # pairs of one species in a batch: strangers of another are too easily told

Record = dict[str, Any]


@dataclass(frozen=True)
class PointsTraining:
    """How long and how fast.

    Attributes:
        steps: batches seen.
        groups: species in a batch, of 64 pairs each.
        rate: peak of the learning rate, which rises for 50 steps and then falls to nothing on a straight line.
        seed: of weights and batches.
        save_every: steps from one checkpoint to the next.
    """

    steps: int = 1600
    groups: int = 8
    rate: float = 3e-3
    seed: int = 0
    save_every: int = 50


def train_points(
    pairs: Pairs,
    folder: Path,
    training: PointsTraining | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
    report: Callable[[Record], None] | None = None,
) -> PatchNetwork:
    """Teach a network, or go on with a training that was cut off.

    Args:
        pairs: of at least as many species as a batch has groups, each with 64 pairs or more.
        folder: of the run: ``checkpoint.pt`` and ``log.jsonl``.
        training: how long and how fast.
        progress: called with how many steps are done, and how many there are.
        report: told each record of the log.

    Returns:
        the network, in evaluation mode.

    Raises:
        SettingError: if there are too few species with enough pairs, or the loss is no number any more.
    """
    training = training or PointsTraining()
    members = [np.flatnonzero(pairs.species == species) for species in np.unique(pairs.species)]
    members = [rows for rows in members if len(rows) >= _GROUP]
    if len(members) < training.groups:
        raise SettingError(f"{training.groups} species with {_GROUP} pairs are wanted; there are {len(members)}")
    torch.manual_seed(training.seed)
    network = PatchNetwork(pairs.patches.shape[-1])
    optimiser = torch.optim.AdamW(network.parameters(), lr=training.rate, weight_decay=1e-4)
    folder.mkdir(parents=True, exist_ok=True)
    state = load(folder)
    step = 0
    if state is not None:
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        restore_chance(state["chance"])
        step = int(state["step"])
    log = Log(folder, step)

    def keep() -> None:
        values = {"network": network.state_dict(), "optimiser": optimiser.state_dict()}
        save(folder, {**values, "chance": chance(), "step": step})

    with stopped_between_steps() as stopped:
        while step < training.steps:
            for group in optimiser.param_groups:
                group["lr"] = training.rate * min(1.0, (step + 1) / 50) * (1 - step / training.steps)
            record = _learn(network.train(), optimiser, pairs, _batch(members, training, step))
            step += 1
            if progress is not None:
                progress(step, training.steps)
            if step % training.save_every == 0 or step == training.steps or stopped():
                log.write({"epoch": step, **record})  # a step is what an epoch is elsewhere
                keep()
                if report is not None:
                    report({"step": step, **record})
            if stopped():
                raise KeyboardInterrupt
    return network.eval()


def _batch(members: list[np.ndarray], training: PointsTraining, step: int) -> np.ndarray:
    """The rows of a step's batch, which hang on nothing but the seed and the step."""
    rng = np.random.default_rng([training.seed, step])
    chosen = rng.choice(len(members), training.groups, replace=False)
    return np.concatenate([rng.choice(members[species], _GROUP, replace=False) for species in chosen])


def _learn(network: PatchNetwork, optimiser: torch.optim.Optimizer, pairs: Pairs, rows: np.ndarray) -> Record:
    """One step of the optimiser; half of the pairs are seen mirrored, which no animal minds."""
    patches = pairs.patches[rows]
    mirrored = np.random.default_rng(rows.tolist()).random(len(rows)) < 0.5
    patches = np.where(mirrored[:, None, None, None], patches[:, :, ::-1], patches)
    inputs = torch.from_numpy(np.ascontiguousarray(patches)).flatten(0, 1)[:, None].float()
    with torch.autocast("cpu", torch.bfloat16):
        vectors: Tensor = network(inputs.contiguous(memory_format=torch.channels_last))
    one, other = vectors.float().view(len(rows), 2, -1).unbind(1)
    individuals, places = (torch.from_numpy(part[rows]) for part in (pairs.individuals, pairs.places))
    loss, found = contrastive_loss(one, other, individuals, places)
    if not loss.isfinite():
        raise SettingError("the loss is no number any more: in a new folder, try a lower rate")
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    return {"loss": float(loss.detach()), "found": float(found)}
