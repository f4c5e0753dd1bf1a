"""Reading the config of a training run: YAML, checked to the last key, and kept beside what came of it.

A file may say ``extends: NAME`` of a shipped config (or another file) and hold only what differs; single values
are set from the command line as ``--set schedule.epochs=5``.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar, cast, get_args

import yaml
from pydantic import BaseModel, ValidationError

from hanzaki.errors import SettingError, printable
from hanzaki.vision.model import shipped_models

#: What a model to go on from (``network.start``) decides alone.
SHAPE = frozenset({"backbone", "arguments", "weights", "pretrained"})

#: Keys that name files, which start from the folder of the config that names them.
_FILES = {"data": ("tables", "replay", "negatives"), "network": ("start", "weights"), "split": ("tables",)}

Config = TypeVar("Config", bound=BaseModel)


def shipped_configs() -> dict[str, str]:
    """The configs of embedders that come with hanzaki, by name: their text."""
    return shipped_texts("configs")


def shipped_detectors() -> dict[str, str]:
    """The configs of detectors that come with hanzaki, by name: their text."""
    return shipped_texts("configs", "detectors")


def shipped_classifiers() -> dict[str, str]:
    """The configs of classifiers that come with hanzaki, by name: their text."""
    return shipped_texts("configs", "classifiers")


def all_shipped_configs() -> dict[str, str]:
    """The configs of all trainings that come with hanzaki, by name: their text."""
    return shipped_configs() | shipped_detectors() | shipped_classifiers()


def shipped_texts(*parts: str) -> dict[str, str]:
    """The YAML files of a folder of this package, by name: their text."""
    folder = resources.files("hanzaki.learning").joinpath(*parts)
    files = sorted(folder.iterdir(), key=lambda file: file.name)
    return {
        file.name.removesuffix(".yaml"): file.read_text("utf-8") for file in files if file.name.endswith(".yaml")
    }


def read_config(which: str | Path, kind: type[Config], changes: Mapping[str, Any] | Sequence[str] = ()) -> Config:
    """Read a config.

    Args:
        which: a YAML file, or the name of a shipped config. Relative paths in a file start from its folder.
        kind: what it is the config of.
        changes: values by dotted key, as ``{"schedule.epochs": 5}``, or as the command line gives them.

    Raises:
        SettingError: if there is no such config, or it has keys or values that cannot be used.
    """
    values = _extended(which)
    for key, value in (changes if isinstance(changes, Mapping) else parse_changes(changes)).items():
        values = _overlaid(values, _nested(key.split("."), value))
    return checked(values, kind, printable(which))


def read_training(
    which: str | Path,
    kind: type[Config],
    *,
    tables: Sequence[Path | str] = (),
    start: Path | str | None = None,
    replay: Sequence[Path | str] = (),
    changes: Mapping[str, Any] | None = None,
) -> Config:
    """A training's config, with what is most often said beside it; ``changes`` have the last word.

    Args:
        which: a YAML file, or the name of a shipped config.
        kind: what it is the config of.
        tables: to learn from, in place of the config's.
        start: a model folder, or a shipped model's name, to go on from.
        replay: annotation tables that ``start`` learnt from.
        changes: values by dotted key.

    Raises:
        SettingError: if there is no such config, or it has keys or values that cannot be used.
    """
    said: dict[str, Any] = {}
    for key, some in (("data.tables", tables), ("data.replay", replay)):
        if some:
            said[key] = [str(Path(table).absolute()) for table in some]
    if start is not None:
        said["network.start"] = str(start)
    return read_config(which, kind, said | dict(changes or {}))


def parse_changes(texts: Sequence[str]) -> dict[str, Any]:
    """Changes as the command line gives them, ``schedule.epochs=5`` each; the values are YAML.

    Raises:
        SettingError: if one is none.
    """
    changes = {}
    for text in texts:
        key, sign, value = text.partition("=")
        if not sign or not key:
            raise SettingError(f"--set {text}: write KEY=VALUE, as schedule.epochs=5")
        changes[key] = _yaml(value, f"--set {text}")
    return changes


def checked(values: Mapping[str, Any], kind: type[Config], where: str) -> Config:
    """A config of values.

    Raises:
        SettingError: naming every key or value that cannot be used, and what was perhaps meant.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        faults = [_fault(item["loc"], item["type"], item["msg"], kind) for item in error.errors()]
        raise SettingError("\n".join([f"{where} cannot be used:", *(f"  {fault}" for fault in faults)])) from error


def write_config(config: BaseModel, path: Path) -> None:
    """Write a config so that :func:`read_config` reads it back as it is."""
    path.write_text(as_yaml(config), encoding="utf-8")


def as_yaml(config: BaseModel) -> str:
    """A config as YAML, which gives back the very same values."""
    values = config.model_dump(mode="json")
    text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=110)
    if yaml.safe_load(text) == values:
        return text
    return yaml.safe_dump(values, sort_keys=False, width=110)  # Unicode's rarer line breaks only survive escaped


def names_shipped_model(which: str | Path) -> bool:
    """Whether this names a model that comes with hanzaki, and nothing in the folder that one stands in."""
    return str(which) in shipped_models() and not Path(which).exists()


def _extended(which: str | Path, depth: int = 0) -> dict[str, Any]:
    shipped, path = all_shipped_configs(), Path(which)
    if str(which) in shipped and not path.is_file():
        text, folder = shipped[str(which)], None
    elif path.is_file():
        text, folder = _text(path), path.parent
    else:
        raise SettingError(f"{printable(which)}: no such file; shipped configs are {', '.join(shipped)}")
    values = _yaml(text, printable(which)) or {}
    if not isinstance(values, dict):
        raise SettingError(
            f"{printable(which)} holds no keys with values; `hanzaki train show small` prints one that does"
        )
    if folder is not None:
        values = _placed(values, folder)
    base = values.pop("extends", None)
    if base is None:
        return values
    if depth > 8:
        raise SettingError(f"{printable(which)} extends itself")
    beside = folder / str(base) if folder is not None else Path(str(base))
    return _overlaid(_extended(beside if beside.is_file() else str(base), depth + 1), values)


def _placed(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The same with the files that it names found from its own folder."""
    placed = dict(values)
    for part, keys in _FILES.items():
        named = values.get(part)
        if isinstance(named, dict):
            placed[part] = named | {key: _beside(named[key], folder) for key in keys if key in named}
    return placed


def _beside(paths: Any, folder: Path) -> Any:
    if isinstance(paths, list):
        return [_beside(path, folder) for path in paths]
    return str(folder / paths) if isinstance(paths, str) and not names_shipped_model(paths) else paths


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"{printable(path)} cannot be read: {error}") from error


def _yaml(text: str, where: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SettingError(f"{where} is not YAML: {' '.join(str(error).split())}") from error


def _nested(keys: Sequence[str], value: Any) -> dict[str, Any]:
    for key in reversed(keys):
        value = {key: value}
    return dict(value)


def _overlaid(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """One config's values with another's over them; of a model to go on from and a shape, the later word holds."""
    said = over.get("network")
    network = base.get("network")
    if isinstance(said, Mapping) and isinstance(network, Mapping):
        replaced = (SHAPE if said.get("start") is not None else set()) | (
            {"start"} if SHAPE & said.keys() else set()
        )
        base = {**base, "network": {key: value for key, value in network.items() if key not in replaced}}
    return _merged(base, over)


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    both = dict(base)
    for key, value in over.items():
        old = both.get(key)
        both[key] = _merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return both


def _fault(place: tuple[int | str, ...], fault: str, message: str, kind: type[BaseModel]) -> str:
    key = ".".join(map(str, place))
    if fault != "extra_forbidden":
        return f"{key}: {message.removeprefix('Value error, ')}" if key else message.removeprefix("Value error, ")
    parent = kind
    for part in place[:-1]:
        parent = (
            _model_within(parent.model_fields[str(part)].annotation) if part in parent.model_fields else parent
        )
    names = list(parent.model_fields)
    near = difflib.get_close_matches(str(place[-1]), names, 1)
    everywhere = [name for name in _all_keys(kind) if name.rpartition(".")[2] == place[-1]]
    meant = everywhere or ([".".join([*map(str, place[:-1]), *near])] if near else [])
    return f"{key}: no such key" + (
        f"; did you mean {' or '.join(meant)}?" if meant else f"; there are {', '.join(names)}"
    )


def _model_within(annotation: Any) -> type[BaseModel]:
    """The model that a field holds, or holds some of: ``Part``, ``Part | None``, ``dict[str, Part]``."""
    if _is_model(annotation):
        return cast(type[BaseModel], annotation)
    return next(
        _model_within(part) for part in reversed(get_args(annotation)) if get_args(part) or _is_model(part)
    )


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _all_keys(kind: type[BaseModel], prefix: str = "") -> list[str]:
    keys = []
    for name, field in kind.model_fields.items():
        keys.append(prefix + name)
        if _is_model(field.annotation):
            keys += _all_keys(_model_within(field.annotation), f"{prefix}{name}.")
    return keys
