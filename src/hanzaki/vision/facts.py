"""What every model folder's ``config.json`` says, whatever the model is for."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

Triple = tuple[float, float, float]


class ModelFacts(BaseModel):
    """What ``config.json`` says of every model."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: The fields that decide what a network sees: with another value of one it is another model.
    seen: ClassVar[frozenset[str]]

    task: str
    name: str = Field(min_length=1, description="A short name for people.")
    architecture: str = Field(description="The network's kind; of an embedder, timm's name.")
    training_data: str = Field("unknown", description="What it learnt from.")
    licence: str = Field("unknown", description="SPDX name, of the weights.")

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of what the network sees."""
        raise NotImplementedError

    @property
    def input_text(self) -> str:
        """What the network sees, in words."""
        raise NotImplementedError

    @property
    def output_text(self) -> str:
        """What the network gives, in words."""
        raise NotImplementedError
