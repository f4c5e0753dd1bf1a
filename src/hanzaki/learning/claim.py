"""Whether a folder may be worked in: free, or of a run or a study with the very same config."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from hanzaki.errors import SettingError, printable
from hanzaki.learning.reading_config import Config, read_config, write_config

CONFIG = "config.yaml"

#: Where a run runs does not change what it is; the rest does.
_MACHINE = frozenset({"run.accelerator", "run.devices", "run.checkpoint_minutes", "run.cache_mb"})


def claim_run(folder: Path, config: BaseModel) -> None:
    """See that a folder is free, or of a run with the same config, and write that config into it.

    Raises:
        SettingError: if it is neither.
    """
    written = folder / CONFIG
    if written.is_file():
        require_same_config(folder, config, "run with another config")
        return
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SettingError(f"{printable(folder)} is not empty and no training run: name a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    write_config(config, written)


def require_same_config(folder: Path, config: Config, kind: str) -> Config:
    """See that a folder's config is this one, but for the machine that it runs on.

    Args:
        folder: that holds a config.
        config: to compare with.
        kind: what the folder is of if not of this, for the message.

    Returns:
        the folder's config.

    Raises:
        SettingError: naming what differs.
    """
    earlier = read_config(folder / CONFIG, type(config))
    require_same(folder, _flat(earlier.model_dump(mode="json")), _flat(config.model_dump(mode="json")), kind)
    return earlier


def require_same(folder: Path, before: Mapping[str, Any], now: Mapping[str, Any], kind: str) -> None:
    """See that two flat mappings agree, but for what only says where a run runs.

    Raises:
        SettingError: naming each key that differs.
    """
    changed = [
        f"{key} was {_shown(before, key)}, now {_shown(now, key)}"
        for key in sorted((before.keys() | now.keys()) - _MACHINE)
        if (key in before, before.get(key)) != (key in now, now.get(key))
    ]
    if changed:
        raise SettingError(f"{printable(folder)} is of a {kind} ({'; '.join(changed)}): name a new folder")


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def _shown(values: Mapping[str, Any], key: str) -> str:
    return json.dumps(values[key], ensure_ascii=False) if key in values else "missing"
