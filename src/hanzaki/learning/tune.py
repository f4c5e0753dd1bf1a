"""Tuning: a study of trainings that differ in a few settings, whatever happens on the way.

Everything that a study knows is in its folder: ``config.yaml`` and ``space.yaml``, which say what is tried,
``study.db`` with what was, a run's folder for each trial under ``trials/``, and ``best.yaml``. Since each trial's
chance follows from the seed and its number, a study that was cut off goes on as if it had not been.
"""

from __future__ import annotations

import fcntl
import gc
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import torch
import yaml
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import QueuePool

from hanzaki.errors import BadMedium, HanzakiError, SettingError, TableError, printable
from hanzaki.exchange.table import read_table
from hanzaki.learning.checkpoint import CHECKPOINT, write_whole
from hanzaki.learning.claim import CONFIG, require_same, require_same_config
from hanzaki.learning.config import EmbedderConfig
from hanzaki.learning.data import kept_aside, training_set
from hanzaki.learning.reading_config import as_yaml
from hanzaki.learning.space import Space, read_space, with_values
from hanzaki.learning.train import BEST, MODEL, Diverged, Progress, Record, train_embedder

SPACE = "space.yaml"
DATABASE = "study.db"
TRIALS = "trials"
BEST_CONFIG = "best.yaml"
LOCK = "lock"


@dataclass(frozen=True)
class Outcome:
    """What came of a trial.

    Attributes:
        number: of the trial, from 0; its run is in ``trials/`` under it.
        value: mAP of its best epoch on the animals kept aside; of a pruned trial, of its last one.
        settings: what it tried, by dotted key.
        pruned: whether it was ended early, being worse than most at the same epoch.
        failure: why it failed; None if it did not.
    """

    number: int
    value: float | None
    settings: dict[str, Any]
    pruned: bool = False
    failure: str | None = None

    @property
    def complete(self) -> bool:
        """Whether it came to its end."""
        return not self.pruned and self.failure is None


@dataclass(frozen=True)
class Tuned:
    """What came of a study.

    Attributes:
        outcomes: of all its trials, in their order.
        best: the best one.
        config: file with the best config.
        model: model folder of the best trial.
        bad: pictures that could not be read.
    """

    outcomes: tuple[Outcome, ...]
    best: Outcome
    config: Path
    model: Path
    bad: tuple[BadMedium, ...]


Report = Callable[[Outcome, Outcome | None], None]


def tune_embedder(
    config: EmbedderConfig,
    space: Space,
    folder: Path,
    trials: int,
    *,
    progress: Progress | None = None,
    report: Report | None = None,
) -> Tuned:
    """Search for better settings of a training, or go on with a search that was cut off.

    The first trial is the config itself, as far as it lies in the space; later ones are proposed by a
    tree-structured Parzen estimator (Bergstra et al. 2011). What is sought is the mAP on the individuals that
    ``data.validation`` keeps aside, the same ones in every trial. Of all trials but the best only the logs stay.

    Args:
        config: that the trials start from.
        space: what they try.
        folder: of the study; new, or of a study with the same config and space.
        trials: how many there are to be in all, those of earlier calls included.
        progress: told how far it is.
        report: told each trial's outcome, and that of the best so far.

    Raises:
        SettingError: if the config cannot be tuned, the folder is of something else or in use, or all trials fail.
        ModelError: if the network that the config starts from cannot be used.
        TableError: if a table cannot be read.
    """
    _see_that_it_can_be_tuned(config)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with _alone(folder):
        space = _claim(folder, config, space)
        with _opened(folder, config) as study:
            work = _Tuning(
                config, space, folder, study, progress or (lambda *_: None), report or (lambda *_: None)
            )
            return work.run(trials)


def _see_that_it_can_be_tuned(config: EmbedderConfig) -> None:
    data, run = config.data, config.run
    if not data.validation:
        raise SettingError("trials are compared on animals kept aside: set data.validation above 0, as 0.2")
    if run.devices > 1:
        raise SettingError("a study's trials run on one device each: set run.devices to 1")
    if not data.tables:
        raise SettingError("there is nothing to learn from: name tables with --table, or under data.tables")
    learnt, _ = kept_aside([read_table(table) for table in data.tables], data.validation, run.seed)
    training_set(learnt, mirror=data.mirror)


# -- the folder


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder against other processes; the system lets go of it however this one ends."""
    ours = (SPACE, LOCK, f"{SPACE}.incoming")
    if folder.exists() and not (folder.is_dir() and _holds_only_or_any(folder, ours)):
        raise SettingError(f"{printable(folder)} is not empty and no study: name a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SettingError(f"another hanzaki tune is at work on {printable(folder)}") from None
        yield


def _holds_only_or_any(folder: Path, ours: tuple[str, ...]) -> bool:
    names = {path.name for path in folder.iterdir()}
    return SPACE in names or names <= set(ours)


def _claim(folder: Path, config: EmbedderConfig, space: Space) -> Space:
    """See that the folder is new, or of a study with the same config and space; the space in its first order."""
    for name, text in ((CONFIG, as_yaml(config)), (SPACE, space.as_yaml())):
        # the space comes last: the folder is a study as soon as it has one
        if not (folder / SPACE).is_file():
            write_whole(folder / name, text)
    earlier = require_same_config(folder, config, "study with another config")
    written = read_space(folder / SPACE, earlier)
    before, now = (yaml.safe_load(one.as_yaml()) for one in (written, space))
    require_same(folder, before, now, "study of another space")
    return written


@contextmanager
def _opened(folder: Path, config: EmbedderConfig) -> Iterator[optuna.Study]:
    database = folder / DATABASE
    # a connection of our own, since a path within a URL may not hold every character that a path may
    engine = {"creator": lambda: _connection(database), "poolclass": QueuePool}
    try:
        storage = optuna.storages.RDBStorage("sqlite://", engine_kwargs=engine)
    except (SQLAlchemyError, sqlite3.Error, optuna.exceptions.OptunaError, RuntimeError) as error:
        raise SettingError(f"{printable(database)} cannot be read: {error}") from error
    # a trial may need a while to come off the ground: none is ended in the first quarter of its epochs
    pruner = optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=config.schedule.epochs // 4)
    try:
        yield optuna.create_study(
            storage=storage, pruner=pruner, study_name="hanzaki", direction="maximize", load_if_exists=True
        )
    finally:
        storage.remove_session()
        storage.engine.dispose()


def _connection(database: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(database, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


# -- the trials


class _UnfitError(Exception):
    """The settings of a trial do not fit each other, or lead nowhere."""


#: What ends a trial and no study: torch's errors, as of memory that is full, and those of numbers that are none.
_TRIALS_OWN = (_UnfitError, Diverged, RuntimeError, ArithmeticError, ValueError)


class _Tuning:
    """One call's work on a study."""

    def __init__(
        self,
        config: EmbedderConfig,
        space: Space,
        folder: Path,
        study: optuna.Study,
        progress: Progress,
        report: Report,
    ) -> None:
        self.config, self.space, self.folder, self.study = config, space, folder, study
        self.progress, self.report = progress, report
        self.bad: dict[Path, BadMedium] = {}

    def run(self, trials: int) -> Tuned:
        """Try until there are as many trials as asked for."""
        if not self.study.get_trials(deepcopy=False):
            self.study.enqueue_trial(self.space.parameters(self.config))
        self._tidy()
        while (finished := len(self.outcomes())) < trials:
            self.progress("trials", finished, trials)
            trial = self._next(finished)
            self._try(trial)
            self._tidy()
            self.report(self.outcomes()[-1], self.best())
        self.progress("trials", trials, trials)
        best, outcomes = self.best(), self.outcomes()
        if best is None:
            raise SettingError(
                f"none of the {len(outcomes)} trials came to its end; the last: {outcomes[-1].failure}"
            )
        model = self._folder(best.number) / MODEL
        return Tuned(tuple(outcomes), best, self.folder / BEST_CONFIG, model, tuple(self.bad.values()))

    def outcomes(self) -> list[Outcome]:
        """Of all trials that are over."""
        trials = self.study.get_trials(deepcopy=False)
        return [_outcome(trial, self.space) for trial in trials if trial.state.is_finished()]

    def best(self) -> Outcome | None:
        """The best of those that came to their end; of equals the first."""
        complete = [outcome for outcome in self.outcomes() if outcome.complete and outcome.value is not None]
        return max(complete, key=lambda outcome: outcome.value or 0.0, default=None)

    def _next(self, finished: int) -> optuna.Trial:
        """The trial that was cut off, or a new one."""
        seed = int(np.random.SeedSequence([self.config.run.seed, finished]).generate_state(1)[0])
        self.study.sampler = optuna.samplers.TPESampler(seed=seed)
        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            # nobody is at it any more, since this process is alone
            return optuna.Trial(self.study, trial._trial_id)
        return self.study.ask()

    def _try(self, trial: optuna.Trial) -> None:
        """Run a trial, and write down what came of it."""
        try:
            value = self._value(trial)
        except optuna.TrialPruned:
            self.study.tell(trial, state=TrialState.PRUNED)
        except _TRIALS_OWN as error:
            self._fail(trial, error)
        except TableError:
            raise
        except HanzakiError as error:
            if not any(outcome.failure is None for outcome in self.outcomes()):
                raise  # it will hardly be the trial's own fault
            self._fail(trial, error)
        else:
            self.study.tell(trial, value)
        _release_memory()

    def _fail(self, trial: optuna.Trial, error: Exception) -> None:
        trial.set_user_attr(_FAILURE, " ".join(str(error).split())[:_LONGEST_FAILURE] or type(error).__name__)
        self.study.tell(trial, state=TrialState.FAIL)

    def _value(self, trial: optuna.Trial) -> float:
        """The objective: train, and give the mAP of the best epoch."""
        known = set(self.study.get_trials(deepcopy=False)[trial.number].intermediate_values)

        def judge(record: Record) -> None:
            if _MEASURE in record:
                if record["epoch"] not in known:  # an epoch is told again if its checkpoint was not written
                    trial.report(record[_MEASURE], record["epoch"])
                if trial.should_prune():
                    raise optuna.TrialPruned

        try:
            config = with_values(self.config, self.space.suggest(trial))
        except SettingError as error:  # each value can be used, but not all of these together
            raise _UnfitError(str(error)) from error
        trained = train_embedder(config, self._folder(trial.number), progress=self.progress, report=judge)
        self.bad |= {bad.path: bad for bad in trained.bad}
        return max(float(record[_MEASURE]) for record in trained.history if _MEASURE in record)

    def _folder(self, number: int) -> Path:
        folder = self.folder / TRIALS / f"{number:04d}"
        folder.parent.mkdir(exist_ok=True)
        return folder

    def _tidy(self) -> None:
        """Write the best config, and remove the weights of all others."""
        best = self.best()
        for outcome in self.outcomes():
            if best is None or outcome.number != best.number:
                _remove_weights(self._folder(outcome.number))
        if best is not None:
            note = f"# Trial {best.number} of a study: mAP {best.value:.1%} on the animals kept aside\n"
            write_whole(self.folder / BEST_CONFIG, note + as_yaml(with_values(self.config, best.settings)))


_MEASURE = "validation_map"
_FAILURE = "failure"
_LONGEST_FAILURE = 500


def _outcome(trial: FrozenTrial, space: Space) -> Outcome:
    failed = trial.state == TrialState.FAIL
    return Outcome(
        trial.number,
        trial.value,
        space.values(trial.params),
        pruned=trial.state == TrialState.PRUNED,
        failure=str(trial.user_attrs.get(_FAILURE, "unknown")) if failed else None,
    )


def _release_memory() -> None:
    """Give back what the last training held, before the next one needs it."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _remove_weights(run: Path) -> None:
    for folder in (run / MODEL, run / f"{MODEL}.incoming"):
        shutil.rmtree(folder, ignore_errors=True)
    for file in (run / BEST, *run.glob(f"{CHECKPOINT}*")):
        file.unlink(missing_ok=True)
