"""Settings that hold for a whole run; each can be given as an environment variable ``HANZAKI_…``."""

from __future__ import annotations

import getpass
import os
from functools import lru_cache
from typing import Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from hanzaki.errors import SettingError

_PREFIX = "HANZAKI_"


class Settings(BaseSettings):
    """What the machine, not the question, decides."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX)

    who: str | None = Field(None, description="Name written beside decisions; the login name by default.")
    runtime: Literal["openvino", "onnxruntime"] = Field(
        "openvino", description="What runs ONNX models; onnxruntime needs `pip install hanzaki[onnxruntime]`."
    )
    threads: int = Field(
        default_factory=lambda: os.cpu_count() or 1, ge=1, description="Threads for decoding and for models."
    )
    max_megapixels: float = Field(
        256.0, gt=0, description="A photograph that unpacks to more is refused as a decompression bomb."
    )
    zenodo: str = Field(
        "https://zenodo.org", description="Where `hanzaki data get` asks for records; a mirror may do."
    )


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this run, read once.

    Raises:
        SettingError: naming the environment variable that cannot be used.
    """
    try:
        return Settings()
    except ValidationError as error:
        wrong = "; ".join(f"{_PREFIX}{item['loc'][0]}".upper() + f": {item['msg']}" for item in error.errors())
        raise SettingError(wrong) from error


def who() -> str:
    """The name written beside a decision made now."""
    named = settings().who
    if named:
        return named
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return "somebody"
