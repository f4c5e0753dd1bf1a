"""The bench: a folder where all that experiments need is made once and kept, so that a run can be taken up again.

A model is kept under a digest of all that decides it (config, rows learnt from, model gone on from), so that
experiments which ask for the same model share it, and none reads another's.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from hanzaki.errors import BadMedium
from hanzaki.evaluation.labelling import Labelled, judge_classifier
from hanzaki.evaluation.protocols import MEASURES, Described, describe_table, one_against_all
from hanzaki.exchange.identity_csv import read_identity_csv
from hanzaki.learning.classifier.config import classifier_config
from hanzaki.learning.classifier.train import train_classifier
from hanzaki.learning.config import embedder_config
from hanzaki.learning.reading_config import as_yaml
from hanzaki.learning.train import train_embedder
from hanzaki.settings import settings
from hanzaki.vision.classifier import Classifier
from hanzaki.vision.describing import load_describer
from hanzaki.vision.model import find_model, load_classifier_model, load_model

Progress = Callable[[str, int, int], None]

_VERSION = 1  # of what is kept; raised when the same question would be answered otherwise


@dataclass(frozen=True)
class Recipe:
    """A model to be made.

    Attributes:
        name: for people.
        tables: annotations to learn from.
        config: of the training.
        changes: values of the config by dotted key; ``network.start`` is a model to go on from.
    """

    name: str
    tables: tuple[Path, ...]
    config: str = "small"
    changes: Mapping[str, Any] = field(default_factory=dict)


class Bench:
    """Makes models and measures them, each once.

    Args:
        folder: where everything is kept.
        progress: told how far a piece of work is.
        say: told which piece of work begins.
    """

    def __init__(
        self, folder: Path, progress: Progress | None = None, say: Callable[[str], None] | None = None
    ) -> None:
        self.folder = folder
        self.progress: Progress = progress or (lambda *_: None)
        self.say: Callable[[str], None] = say or (lambda _: None)
        self.bad: dict[str, BadMedium] = {}

    def model(self, recipe: Recipe) -> Path:
        """The model folder of a recipe, trained if it is not there; a training that was cut off goes on.

        Raises:
            SettingError: if the recipe's config cannot be used.
            ModelError: if the model to go on from cannot be used.
        """
        config = embedder_config(recipe.config, changes=recipe.changes)
        start = config.network.start
        parts = [
            as_yaml(config.model_copy(update={"network": config.network.model_copy(update={"start": None})})),
            load_model(find_model(start)).fingerprint if start is not None else "",
            *(digest(table) for table in recipe.tables),
        ]
        run = self.folder / "models" / f"{slug(recipe.name)}-{key_of(parts)}"
        if not (run / "model").is_dir():
            self.say(f"training: {recipe.name}")
        wanted = embedder_config(recipe.config, tables=recipe.tables, changes=recipe.changes)
        trained = train_embedder(wanted, run, progress=self.progress)
        self.bad |= {str(one): one for one in trained.bad}
        return trained.model

    def classifier(self, recipe: Recipe, *, controls: bool = False) -> Path:
        """The run of a classifier's recipe, trained and tested if that was not done yet; ``model`` lies in it.

        Args:
            recipe: its tables are parted as its config says.
            controls: whether its controls are trained too.

        Raises:
            SettingError: if the recipe's config cannot be used.
            LeakError: if a table cannot be parted without a leak.
            ModelError: if the model to go on from cannot be used.
        """
        wanted = classifier_config(recipe.config, tables=recipe.tables, changes=recipe.changes)
        asked = [*recipe.tables, *wanted.split.tables]
        plain = wanted.model_dump(mode="json") | {"tables": [digest(table) for table in asked]}
        plain["data"] |= {"tables": []}
        plain["split"] |= {"tables": []}
        start = wanted.network.start
        began = load_model(find_model(start)).fingerprint if start is not None else ""
        run = self.folder / "models" / f"{slug(recipe.name)}-{key_of([json.dumps(plain), began])}"
        if not (run / "results.json").is_file():
            self.say(f"training: {recipe.name}")
        trained = train_classifier(wanted, run, controls=controls, progress=self.progress)
        self.bad |= {str(one): one for one in trained.bad}
        return run

    def labelled(self, run: Path, table: Path | None = None) -> Labelled:
        """How well a run's classifier labels a table, by default the one that was kept apart to test it."""
        model = load_classifier_model(run / "model")
        classifier = Classifier(model, settings().runtime, settings().threads)
        judged = judge_classifier(
            read_identity_csv(table or run / "split" / "test.csv"), classifier, self.progress
        )
        self.bad |= {str(one): one for one in judged.bad}
        return judged

    def described(self, model: Path | str, table: Path) -> Described:
        """What a model makes of a table's annotations; the last few are kept in memory."""
        return self._described(str(model), table, digest(table))

    @lru_cache(maxsize=4)  # noqa: B019 - a bench lives as long as its program
    def _described(self, model: str, table: Path, _: str) -> Described:
        describer = load_describer(model, settings().runtime, settings().threads)
        described = describe_table(read_identity_csv(table), describer, self.progress)
        self.bad |= {str(one): one for one in described.bad}
        return described

    def found(self, model: Path | str, table: Path) -> pd.DataFrame:
        """How well each of a table's animals is found among the others: one against all.

        Returns:
            one row a query: ``identity``, ``species``, and the columns of :data:`MEASURES`.
        """
        return self.kept("found", [_model_key(model), digest(table)], lambda: self._found(model, table))

    def _found(self, model: Path | str, table: Path) -> pd.DataFrame:
        self.say(f"looking for the animals of {table.parent.name} with {Path(model).parent.name or model}")
        described = self.described(model, table)
        measures = one_against_all(described.descriptions, described.frame, self.progress)
        frame = described.frame[["identity", "species"]].join(pd.DataFrame(measures, columns=list(MEASURES)))
        return frame[frame["top1"].notna()].reset_index(drop=True)

    def kept(self, what: str, parts: Sequence[str], make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        """A table of results that is made once, and kept under all that decides it."""
        path = self.folder / "results" / f"{slug(what)}-{key_of(parts)}.csv"
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(".part")
            make().to_csv(part, index=False)
            part.replace(path)
        return pd.read_csv(path, dtype={"identity": str, "species": str}, keep_default_na=False, na_values=[""])


def digest(table: Path) -> str:
    """What identifies a table."""
    return hashlib.sha256(table.read_bytes()).hexdigest()[:16]


def slug(name: str) -> str:
    """A name that can be part of a file's."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "it"


def _model_key(model: Path | str) -> str:
    return load_describer(model).name


def key_of(parts: Sequence[str]) -> str:
    """A short name for all that decides a thing."""
    return hashlib.sha256(json.dumps([_VERSION, *parts]).encode()).hexdigest()[:10]
