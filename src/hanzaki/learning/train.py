"""Training: from a config and tables to a model folder, whatever happens on the way; and that of an embedder."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from safetensors.torch import load_file, save_file
from timm.utils.model_ema import ModelEmaV3
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

from hanzaki.errors import BadMedium, SettingError
from hanzaki.exchange.table import read_table
from hanzaki.learning.card import Card
from hanzaki.learning.checkpoint import Log, chance, load, restore_chance, save
from hanzaki.learning.claim import claim_run
from hanzaki.learning.config import EmbedderConfig
from hanzaki.learning.data import Pictures, kept_aside, readable, training_set
from hanzaki.learning.fabric import make_fabric, stopped_between_steps
from hanzaki.learning.lesson import Lesson
from hanzaki.learning.parts import Judges, Reads, TrainingConfig
from hanzaki.learning.publish import write_model_folder
from hanzaki.learning.sampling import Sampler, make_sampler
from hanzaki.learning.schedule import freeze, learning_rate, parameter_groups
from hanzaki.learning.start import base_name, starting_network
from hanzaki.learning.validation import Validation

MODEL = "model"
BEST = "best.safetensors"
CHECKED = 4  # pictures on which what is published is compared with what was learnt

Progress = Callable[[str, int, int], None]
Record = dict[str, Any]
Config = TypeVar("Config", bound=TrainingConfig)


class Diverged(SettingError):
    """The loss is no number any more: these settings lead nowhere."""


@dataclass(frozen=True)
class Trained:
    """What came of a run.

    Attributes:
        model: the model folder.
        epoch: that its weights are of.
        history: a record of each epoch, as ``log.jsonl`` holds them.
        bad: pictures that could not be read.
        notes: what else the user should be told, a sentence each.
    """

    model: Path
    epoch: int
    history: list[Record]
    bad: tuple[BadMedium, ...]
    notes: tuple[str, ...] = ()


def train_embedder(
    config: EmbedderConfig,
    folder: Path,
    *,
    progress: Progress | None = None,
    report: Callable[[Record], None] | None = None,
) -> Trained:
    """Train an embedder, or go on with a training that was cut off.

    The run's folder holds ``config.yaml``, ``log.jsonl`` and TensorBoard's files, ``checkpoint.pt``, and at the
    end the model folder ``model``. A run that was killed goes on from its checkpoint, and on one CPU comes to the
    very weights that it would have come to undisturbed. A run that is finished is not begun again.

    Args:
        config: all that decides the training.
        folder: of the run; new, or of a run with the same config.
        progress: told how far it is.
        report: told each epoch's record, as ``log.jsonl`` gets it.

    Raises:
        SettingError: if the config asks for what cannot be, or the folder is of another run.
        Diverged: if the loss is no number any more.
        ModelError: if the network that the config starts from cannot be used.
        TableError: if a table cannot be read.
    """
    if not config.data.tables:
        raise SettingError("there is nothing to learn from: name tables with --table, or under data.tables")
    claim_run(folder, config)
    return _EmbedderTraining(config, folder, progress, report).run()


class Training(ABC, Generic[Config]):
    """One run: what it is made of, and where it stands.

    Args:
        config: all that decides the training.
        folder: of the run.
        progress: told how far it is.
        report: told each epoch's record.

    Attributes:
        network: what is taught; its ``backbone`` is what may stay as it is.
        lesson: the network with what it is trained against: images and truths to one number.
        sampler: which pictures stand in which batch.
        pictures: reads them.
        validation: judges by what is not learnt from; None judges by the last epoch.
        notes: what the user should be told of the data.
        chosen_by: which of the validation's measures decides the best epoch; the higher the better, 0 at least.
    """

    chosen_by = "map"
    network: nn.Module
    lesson: nn.Module
    sampler: Sampler
    pictures: Reads
    validation: Judges | None
    notes: tuple[str, ...] = ()

    def __init__(
        self, config: Config, folder: Path, progress: Progress | None, report: Callable[[Record], None] | None
    ) -> None:
        self.config, self.folder = config, folder
        self.progress, self.report = progress or (lambda *_: None), report or (lambda _: None)
        self.fabric = make_fabric(config)
        torch.manual_seed(config.run.seed)
        self._begin()
        self.steps = len(self.sampler.batches(0))
        self._set_up()
        self.step = self.epoch = self.best_epoch = 0
        self.loss_sum, self.best = 0.0, -1.0
        self.seconds = self.waiting = 0.0
        self.pictures_seen = 0

    @abstractmethod
    def _begin(self) -> None:
        """Make the network, the data and the lesson."""

    @abstractmethod
    def _groups(self) -> list[dict[str, Any]]:
        """What the optimiser moves, in groups with their share of the rate (``lr_scale``)."""

    @abstractmethod
    def _publish(self) -> None:
        """Write the best weights as a model folder, unless it is there."""

    def _set_up(self) -> None:
        config = self.config
        self.frozen = freeze(self.network, config.network.frozen)
        optimiser = torch.optim.AdamW(self._groups(), lr=config.schedule.peak)
        if config.run.channels_last:
            self.lesson = self.lesson.to(memory_format=torch.channels_last)
        self.average = None
        if config.optimiser.average:
            self.average = ModelEmaV3(self.network, decay=config.optimiser.average, use_warmup=True)
            self.average.to(self.fabric.device)
        self.taught, self.optimiser = self.fabric.setup(self.lesson, optimiser)

    def run(self) -> Trained:
        """Learn to the last epoch, and write the model folder."""
        self._take_up()
        log = Log(self.folder, self.epoch) if self.fabric.is_global_zero else None
        with stopped_between_steps() as stopped, ExitStack() as opened:
            board = None
            if log is not None and self.epoch < self.config.schedule.epochs:
                unfinished = self.epoch * self.steps + 1  # what was drawn of it before a kill is drawn again
                board = opened.enter_context(SummaryWriter(self.folder / "tensorboard", purge_step=unfinished))
            while self.epoch < self.config.schedule.epochs:
                self._learn_epoch(stopped)
                record = self._judge()
                self.epoch += 1
                if log is not None and board is not None:
                    log.write(record)
                    for key in record.keys() - {"epoch", "epochs", "step"}:
                        board.add_scalar(key, record[key], record["step"])
                    board.flush()
                    self.report(record)
                self._save()
                if stopped():
                    raise KeyboardInterrupt
        if self.fabric.is_global_zero:
            self._publish()
        self.fabric.barrier()
        bad = {**self.pictures.bad, **(self.validation.pictures.bad if self.validation else {})}
        told = {str(one): one for one in bad.values()}  # once, however many animals are in a photograph
        history = log.read() if log else []
        return Trained(self.folder / MODEL, self.best_epoch, history, tuple(told.values()), self.notes)

    def _learn_epoch(self, stopped: Callable[[], bool]) -> None:
        self._wake(head_only=self.epoch < self.config.schedule.head_epochs)
        batches = self.sampler.batches(self.epoch)
        done = self.step - self.epoch * self.steps
        mine = [batch[self.fabric.global_rank :: self.fabric.world_size] for batch in batches]
        saved = time.monotonic()
        before = time.perf_counter()
        for images, labels in self.pictures.batches(self.epoch, mine, done):
            ready = time.perf_counter()
            self._learn(images, labels)
            self.step += 1
            after = time.perf_counter()
            self.waiting, self.seconds = self.waiting + ready - before, self.seconds + after - before
            self.pictures_seen += len(labels) * self.fabric.world_size
            if self.fabric.is_global_zero:
                self.progress("training", self.step, self.steps * self.config.schedule.epochs)
            if stopped():
                self._save()
                raise KeyboardInterrupt
            if time.monotonic() - saved > 60 * self.config.run.checkpoint_minutes:
                self._save()
                saved = time.monotonic()
            before = time.perf_counter()

    def _wake(self, head_only: bool) -> None:
        """Everything into training mode, but for what stays as it is."""
        self.lesson.train()
        asleep = [*self.frozen, *([self._backbone] if head_only else [])]
        frozen = {id(parameter) for stage in self.frozen for parameter in stage.parameters()}
        for parameter in self._backbone.parameters():
            parameter.requires_grad_(not head_only and id(parameter) not in frozen)
        for module in asleep:
            module.eval()  # running means and variances of a batch norm move without any gradient

    @property
    def _backbone(self) -> nn.Module:
        backbone: nn.Module = self.network.backbone  # type: ignore[assignment]
        return backbone

    def _learn(self, images: Tensor, labels: Tensor) -> None:
        """One step of the optimiser."""
        rate = learning_rate(self.config.schedule, self.step / self.steps)
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group["lr_scale"]
        if not self._enough(labels):
            return
        form = torch.channels_last if self.config.run.channels_last else torch.contiguous_format
        images = images.to(self.fabric.device, non_blocking=True).contiguous(memory_format=form)
        labels = labels.to(self.fabric.device, non_blocking=True)
        parts = min(self.config.sampling.accumulate, len(labels) // 2)
        # torch's chunk may leave a part of one picture, which a batch norm cannot take
        pieces = zip(images.tensor_split(parts), labels.tensor_split(parts), strict=True)
        for number, (some, theirs) in enumerate(pieces):
            with self.fabric.no_backward_sync(self.taught, enabled=number < parts - 1):
                loss = self.taught(some, theirs) * (len(theirs) / len(labels))
                self.fabric.backward(loss)
            self.loss_sum += float(loss.detach())
        if self.config.optimiser.clip:
            self.fabric.clip_gradients(self.taught, self.optimiser, max_norm=self.config.optimiser.clip)
        self.optimiser.step()
        self.optimiser.zero_grad()
        if self.average is not None:
            self.average.update(self.network, self.step)

    def _enough(self, labels: Tensor) -> bool:
        """Whether there are two pictures on every device, which a batch norm needs."""
        least = len(labels)
        if self.fabric.world_size > 1:
            least = int(self.fabric.all_reduce(torch.tensor(float(least)), reduce_op="min"))  # type: ignore[arg-type]
        if not least and self.pictures.all_bad:
            raise SettingError(
                f"none of the pictures can be read; the first: {next(iter(self.pictures.bad.values()))}"
            )
        return least >= 2

    def _judge(self) -> Record:
        """The epoch's record; its weights are kept if they are the best so far, or there is no telling."""
        if not math.isfinite(self.loss_sum):
            raise Diverged(
                f"the loss became {self.loss_sum} in epoch {self.epoch + 1}: in a new folder, try a lower"
                " schedule.peak, or optimiser.clip=1"
            )
        record: Record = {
            "epoch": self.epoch + 1,
            "epochs": self.config.schedule.epochs,
            "step": self.step,
            "loss": self.loss_sum / self.steps,
            "rate": learning_rate(self.config.schedule, self.step / self.steps),
            "pictures_per_second": self.pictures_seen / max(self.seconds, 1e-9),
            "waiting": self.waiting / max(self.seconds, 1e-9),
        }
        self.loss_sum, self.waiting, self.seconds, self.pictures_seen = 0.0, 0.0, 0.0, 0
        last = self.epoch + 1 == self.config.schedule.epochs
        score = float(self.epoch)
        if self.validation is not None:
            if (self.epoch + 1) % self.config.run.validate_every and not last:
                return record
            measures = (
                self.validation.measure(self._learnt(), self.fabric.device) if self.fabric.is_global_zero else {}
            )
            record |= {f"validation_{name}": value for name, value in measures.items()}
            score = measures.get(self.chosen_by, 0.0)
        if score > self.best and self.fabric.is_global_zero and (last or self.validation is not None):
            self.best, self.best_epoch = score, self.epoch + 1
            save_file(_on_cpu(self._learnt().state_dict()), self.folder / BEST)
        return record

    def _learnt(self) -> nn.Module:
        """The network as it would be used: the average of its weights, where one is kept."""
        return (self.average.module if self.average is not None else self.network).eval()

    def _best_network(self) -> nn.Module:
        network = self.network.cpu()
        network.load_state_dict(load_file(self.folder / BEST))
        return network.requires_grad_(True)

    # -- what a kill must not cost

    def _save(self) -> None:
        if not self.fabric.is_global_zero:
            return
        save(
            self.folder,
            {
                **{name: getattr(self, name) for name in _PLACE},
                "lesson": self.lesson.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "average": self.average.state_dict() if self.average is not None else None,
                "precision": self.fabric.strategy.precision.state_dict(),
                "chance": chance(),
            },
        )

    def _take_up(self) -> None:
        state = load(self.folder)
        if state is None:
            return
        for name in _PLACE:
            setattr(self, name, state[name])
        self.lesson.load_state_dict(state["lesson"])
        self._wake(head_only=self.epoch < self.config.schedule.head_epochs)
        self.optimiser.load_state_dict(state["optimiser"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.fabric.strategy.precision.load_state_dict(state["precision"])
        restore_chance(state["chance"])


class _EmbedderTraining(Training[EmbedderConfig]):
    """The training of an embedder."""

    def _begin(self) -> None:
        self.embedding, self.look = starting_network(self.config)
        self.network = self.embedding
        self._read_data()
        self.judged = Lesson(self.embedding, self.config.loss, self.data.counts)
        self.lesson = self.judged

    def _read_data(self) -> None:
        data, run = self.config.data, self.config.run
        learnt, aside = kept_aside([read_table(table) for table in data.tables], data.validation, run.seed)
        self.data = training_set(learnt, mirror=data.mirror, least=data.least)
        new = len(self.data.pictures)
        if data.replay:
            replayed = [read_table(table) for table in data.replay]
            self.data = self.data.with_others(training_set(replayed, mirror=data.mirror, least=data.least))
        self.sampler = make_sampler(self.config, [picture.label for picture in self.data.pictures], new)
        self.pictures = Pictures(
            self.data.pictures, self.look, self.config.augmentation, seed=run.seed, cache_mb=run.cache_mb
        )
        self.validation = Validation(aside, self.look, run.cache_mb / 4) if aside else None

    def _groups(self) -> list[dict[str, Any]]:
        return parameter_groups(self.embedding, self.judged.loss, self.config.optimiser)

    def _publish(self) -> None:
        if (self.folder / MODEL).exists():
            return
        learnt = self.data.described(self.config.data.licence)
        card = Card(self.config.about or _ABOUT, training=[learnt], base=base_name(self.config.network))
        network = self._best_network()
        worth = None
        if isinstance(self.validation, Validation):
            worth = self.validation.worth(network.eval(), torch.device("cpu"))
        write_model_folder(
            self.folder / MODEL,
            network,
            self.look.model_copy(update={"training_data": str(learnt), "calibration": worth}),
            card,
            pictures=list(islice(readable(self.data.pictures), CHECKED)),
            half=self.config.half,
        )


_ABOUT = "An embedding network for telling individual animals apart by their natural markings."
_PLACE = ("epoch", "step", "loss_sum", "best", "best_epoch")


def _on_cpu(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().cpu().contiguous() for name, value in state.items()}
