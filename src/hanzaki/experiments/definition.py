"""What an experiment is: one small YAML file with a question, the paper's answer, and how to ask it again."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from hanzaki.errors import SettingError, printable
from hanzaki.learning.reading_config import checked

Kind = Literal[
    "multi_species",
    "left_out",
    "joint",
    "finetuning",
    "annotations",
    "backbones",
    "peers",
    "lights",
    "unknown",
    "origin",
    "tasks",
]
ScaleName = Literal["paper", "desk"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Paper(_Part):
    """What the paper found."""

    source: str = Field(description="Which paper, section, table and figure.")
    found: str = Field(description="Its answer, in a sentence.")
    columns: list[str] = Field([], description="Of its table.")
    rows: dict[str, list[float | None]] = Field({}, description="Of its table, in its own units.")
    by: str = Field("", description="What the rows are.")


class VirtualHides(_Part):
    """Species of patterned hides that never were."""

    species: int = Field(3, ge=1)
    photographs: int = Field(6, ge=2, description="Of each individual; a species has 30.")
    size: int = Field(192, ge=64, description="Longer side in pixels.")
    seed: int = Field(2, ge=0, description="Not 1, from which the model that ships has learnt.")


class VirtualStream(_Part):
    """A virtual stream with its giant salamanders."""

    individuals: int = Field(11, ge=2)
    hybrids: int = Field(0, ge=0, description="How many of the individuals are hybrids.")
    surveys: int = Field(6, ge=1, description="Days; morning, afternoon and evening in turn.")
    photographs: int = Field(10, ge=1, description="Of each animal on each day.")
    size: tuple[int, int] = (640, 480)
    seed: int = Field(0, ge=0)
    masks: bool = Field(False, description="Whether each head's true spots are written beside it.")


class Scale(_Part):
    """How large an experiment is run, and on what."""

    tables: list[str] = Field([], description="Annotation tables; one that is not there is left out, and said.")
    hides: VirtualHides | None = None
    stream: VirtualStream | None = None
    individuals: int | None = Field(None, ge=2, description="Most individuals of a species that are learnt from.")
    each: int | None = Field(None, ge=2, description="Most annotations of an individual that are learnt from.")
    config: str = Field("small", description="The training: a shipped config, or a file.")
    changes: dict[str, Any] = Field({}, description="Values of the config by dotted key.")
    variants: dict[str, dict[str, Any]] = Field({}, description="Further values, by the name of the variant.")
    models: list[str] = Field([], description="Models to compare with: sift, a shipped model, a model folder.")
    target: str | None = Field(None, description="The species that is new; by default each in turn.")
    counts: list[int] = Field([], description="Numbers of individuals, or of annotations.")
    repeats: int = Field(1, ge=1, description="How often what is drawn by chance is drawn.")


class Experiment(_Part):
    """A question put to models, and the paper that put it first."""

    name: str = ""
    title: str
    question: str
    kind: Kind
    paper: Paper
    scales: dict[ScaleName, Scale]
    folder: Path = Field(Path(), exclude=True, description="That its tables' paths start from.")

    def at(self, scale: str) -> Scale:
        """The experiment's settings at a scale.

        Raises:
            SettingError: if it has no such scale.
        """
        for name, settings in self.scales.items():
            if name == scale:
                return settings
        raise SettingError(f"experiment {self.name} has no scale {scale!r}; there are {', '.join(self.scales)}")


def shipped_experiments() -> dict[str, Path]:
    """The papers' experiments, by name: their files."""
    packaged = Path(str(resources.files("hanzaki.experiments"))) / "papers"
    checkout = Path(__file__).parents[3] / "experiments"  # where they stand in the sources
    folder = packaged if packaged.is_dir() else checkout
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def read_experiment(which: str | Path) -> Experiment:
    """Read an experiment.

    Args:
        which: the name of one that comes with hanzaki, or a YAML file.

    Raises:
        SettingError: if there is none, or it has keys or values that cannot be used.
    """
    shipped = shipped_experiments()
    path = shipped.get(str(which), Path(which))
    try:
        values = yaml.safe_load(path.read_text("utf-8"))
    except FileNotFoundError:
        names = ", ".join(shipped)
        raise SettingError(f"{printable(which)!r} is no experiment; there are {names}, or name a file") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingError(f"{printable(path)} cannot be read as YAML: {error}") from error
    if not isinstance(values, dict):
        raise SettingError(f"{printable(path)} holds no experiment")
    experiment = checked(values, Experiment, printable(path))
    return experiment.model_copy(update={"name": path.stem, "folder": path.parent.absolute()})
