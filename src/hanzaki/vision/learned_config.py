"""``config.json`` of networks that find and describe keypoints, and of those that match them."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from hanzaki.vision.crop import ResizeMode
from hanzaki.vision.facts import ModelFacts, Triple


class LearnedPointsConfig(ModelFacts):
    """``config.json`` of a folder whose network finds keypoints in a picture and describes them.

    The pixels that the network sees are ``(colours / 255 - mean) / std`` of the animal's box, brought to
    ``input_size``. It gives the points, (N, 2), their descriptors, (N, ``embedding_size``), and their scores,
    (N,), higher for points that are found again more surely; each may have a first axis of one.
    """

    seen = frozenset(
        {"kind", "input_size", "mean", "std", "channels", "resize", "outputs", "coordinates", "most", "threshold"}
        | {"size", "spread"}
    )

    task: Literal["points"]
    kind: Literal["pictures"] = Field(description="Of what the network sees; without it, patches of keypoints.")
    embedding_size: int = Field(gt=0, description="Numbers that describe a point.")
    input_size: tuple[int, int] = Field(description="Width and height in pixels.")
    mean: Triple = (0.0, 0.0, 0.0)
    std: Triple = (1.0, 1.0, 1.0)
    channels: Literal["rgb", "grey"] = "rgb"
    resize: ResizeMode = "squash"
    outputs: tuple[str, str, str] = Field(
        ("keypoints", "descriptors", "scores"),
        description="Names of the outputs of places, descriptors and scores.",
    )
    coordinates: Literal["pixels", "signed"] = Field(
        "pixels",
        description="Of places: pixels of the input, or -1 to 1 from its first pixel's centre to its last's.",
    )
    most: int = Field(1024, gt=0, description="Points kept, the best first.")
    threshold: float = Field(0.0, ge=0, description="Least score of a point that is kept.")
    size: float = Field(16.0, gt=0, description="Diameter of a point's neighbourhood in pixels of the input.")
    spread: float = Field(
        0.3,
        gt=0,
        description="Standard deviation of the animal's place about the box's centre, as a share of a side.",
    )

    @model_validator(mode="after")
    def _sizes(self) -> Self:
        if min(self.input_size) < 1 or min(self.std) <= 0:
            raise ValueError("input_size and std must be above zero")
        return self

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Colours, height and width."""
        width, height = self.input_size
        return 3 if self.channels == "rgb" else 1, height, width

    @property
    def input_text(self) -> str:
        """How a picture is prepared."""
        width, height = self.input_size
        how = "without regard to its shape" if self.resize == "squash" else "padded with grey"
        return f"{width} x {height} pixels ({how}), {self.channels}, mean {self.mean}, std {self.std}"

    @property
    def output_text(self) -> str:
        """What a picture becomes."""
        return (
            f"A picture of an animal becomes at most {self.most} keypoints, each with {self.embedding_size}"
            " numbers that are compared by their angle."
        )


class PointMatcherConfig(ModelFacts):
    """``config.json`` of a folder whose network says which keypoints of two pictures belong together.

    It takes the points of both, (1, N, 2) and (1, M, 2), and their descriptors, (1, N, ``embedding_size``) and
    (1, M, ``embedding_size``), and gives pairs of positions, (P, 2), with how sure it is of each, (P,), 0 to 1.
    """

    seen = frozenset({"coordinates", "inputs", "outputs", "threshold"})

    task: Literal["match"]
    embedding_size: int = Field(gt=0, description="Numbers that describe a point.")
    inputs: tuple[str, str, str, str] = Field(
        ("kpts0", "kpts1", "desc0", "desc1"), description="Names of the inputs: places, then descriptors."
    )
    outputs: tuple[str, str] = Field(
        ("matches", "scores"), description="Names of the outputs of pairs and sureness."
    )
    coordinates: Literal["centred", "unit"] = Field(
        "centred",
        description="Of places: pixels from the picture's centre over half its longer side, as LightGlue has them,"
        " or 0 to 1 along each side.",
    )
    threshold: float = Field(0.1, ge=0, le=1, description="Least sureness of a pair that is kept.")

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Pictures, points (any number: 0) and numbers that describe one."""
        return 2, 0, self.embedding_size

    @property
    def input_text(self) -> str:
        """What it compares."""
        return f"the keypoints of two pictures, each with {self.embedding_size} numbers"

    @property
    def output_text(self) -> str:
        """What two pictures become."""
        return "The keypoints of two pictures become pairs that show the same place, each with how sure that is."
