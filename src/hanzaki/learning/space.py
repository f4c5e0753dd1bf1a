"""What a study may change: a YAML of dotted keys of a training config, each with a range or a list of choices."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import yaml
from optuna import Trial
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from hanzaki.errors import SettingError, printable
from hanzaki.learning.config import EmbedderConfig
from hanzaki.learning.reading_config import checked, shipped_texts

Distribution = FloatDistribution | IntDistribution | CategoricalDistribution

#: Trials that differ in these could not be compared, or it would mean nothing.
_FIXED = (
    *("name", "about", "licence", "half", "run"),
    *("data.tables", "data.validation", "data.replay", "data.licence"),
)


class _Range(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    low: FiniteFloat
    high: FiniteFloat
    log: bool = False
    step: FiniteFloat | None = Field(None, gt=0)


@dataclass(frozen=True)
class Space:
    """The settings that a study tries.

    Attributes:
        distributions: of each key; choices are kept as JSON, since Optuna takes no lists.
    """

    distributions: dict[str, Distribution]

    def suggest(self, trial: Trial) -> dict[str, Any]:
        """Values for a trial; those that it already has stay."""
        return self.values({key: _suggest(trial, key, one) for key, one in self.distributions.items()})

    def values(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Settings as the config takes them, of parameters as Optuna keeps them."""
        return {
            key: json.loads(parameters[key]) if isinstance(one, CategoricalDistribution) else parameters[key]
            for key, one in self.distributions.items()
            if key in parameters
        }

    def parameters(self, config: EmbedderConfig) -> dict[str, Any]:
        """A config's own values as Optuna keeps them, where they lie in the space."""
        found = {key: _told(config, key) for key in self.distributions}
        return {
            key: json.dumps(value) if isinstance(self.distributions[key], CategoricalDistribution) else value
            for key, value in found.items()
            if _contains(self.distributions[key], value)
        }

    def as_yaml(self) -> str:
        """The space as :func:`read_space` reads it."""
        return yaml.safe_dump(
            {key: _described(one) for key, one in self.distributions.items()},
            sort_keys=False,
            allow_unicode=True,
            default_flow_style=None,
        )


def shipped_spaces() -> dict[str, str]:
    """The spaces that come with hanzaki, by name: their text."""
    return shipped_texts("configs", "tuning")


def read_space(which: str | Path, config: EmbedderConfig) -> Space:
    """Read a space.

    Args:
        which: a YAML file, or the name of a shipped space.
        config: that it will change; every end of a range and every choice is tried in it.

    Raises:
        SettingError: naming every key or value that cannot be used, and what was perhaps meant.
    """
    values = _read(which)
    faults: list[str] = []
    found: dict[str, Distribution] = {}
    for key, wanted in values.items():
        try:
            found[key] = _distribution(key, wanted)
        except SettingError as error:
            faults.append(str(error))
    for key in list(found):
        try:
            found[key] = _tried(key, found, config)
        except SettingError as error:
            faults.append(str(error))
    if faults:
        raise SettingError("\n".join([f"{printable(which)} cannot be used:", *(f"  {fault}" for fault in faults)]))
    return Space(found)


def with_values(config: EmbedderConfig, values: Mapping[str, Any]) -> EmbedderConfig:
    """A config with other values at some dotted keys.

    Raises:
        SettingError: if they cannot be used, or not together.
    """
    return checked(_put(config.model_dump(mode="json"), values), EmbedderConfig, "a trial's config")


def _read(which: str | Path) -> dict[str, Any]:
    shipped, path = shipped_spaces(), Path(which)
    try:
        text = shipped[str(which)] if str(which) in shipped and not path.is_file() else path.read_text("utf-8")
        values = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(
            f"{printable(which)} cannot be read ({error}); shipped spaces are {', '.join(shipped)}"
        ) from error
    except yaml.YAMLError as error:
        raise SettingError(f"{printable(which)} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict) or not values:
        raise SettingError(f"{printable(which)} holds no keys; write them as schedule.peak: {_EXAMPLE}")
    return {str(key): wanted for key, wanted in values.items()}


_EXAMPLE = "{low: 0.0001, high: 0.005, log: true}"


def _distribution(key: str, wanted: Any) -> Distribution:
    """Of what is written in the file; whether the config takes it is not seen yet."""
    if any(key == fixed or key.startswith(f"{fixed}.") or fixed.startswith(f"{key}.") for fixed in _FIXED):
        raise SettingError(f"{key}: is the same for all trials; give it with --set")
    if isinstance(wanted, list):
        return CategoricalDistribution([_as_json(key, value) for value in wanted]) if wanted else _no_choice(key)
    if not isinstance(wanted, Mapping):
        raise SettingError(f"{key}: write a range, as {_EXAMPLE}, or a list of choices")
    try:
        limits = checked(wanted, _Range, key)
    except SettingError as error:
        raise SettingError("; ".join(f"{key}.{fault}" for fault in _faults(error))) from error
    return _range(key, limits, whole=_whole(key, wanted))


def _whole(key: str, wanted: Mapping[str, Any]) -> bool:
    """Whether a range is one of integers."""
    kind: Any = EmbedderConfig
    for name in key.split("."):
        fields = kind.model_fields if isinstance(kind, type) and issubclass(kind, BaseModel) else {}
        kind = fields[name].annotation if name in fields else Any
    if kind is Any:  # a further argument of the network, or a key that is none
        return all(isinstance(value, int) for value in wanted.values())
    if kind is int or kind is float:
        return bool(kind is int)
    choices = f", as [{', '.join(map(str, get_args(kind)))}]" if get_args(kind) else ""
    raise SettingError(f"{key}: takes no range; write a list of choices{choices}")


def _range(key: str, limits: _Range, *, whole: bool) -> Distribution:
    low, high, step = limits.low, limits.high, limits.step
    numbers = [number for number in (low, high, step) if number is not None]
    fault = None
    if whole and not all(number == int(number) for number in numbers):
        fault = "takes whole numbers"
    elif low >= high:
        fault = f"low {low:g} is not below high {high:g}"
    elif limits.log and low <= 0:
        fault = "a range with log begins above 0"
    elif limits.log and step is not None:
        fault = "has either log or step"
    elif step is not None and (Decimal(str(high)) - Decimal(str(low))) % Decimal(str(step)):
        fault = f"steps of {step:g} from {low:g} do not lead to {high:g}"
    if fault:
        raise SettingError(f"{key}: {fault}")
    if whole:
        return IntDistribution(int(low), int(high), log=limits.log, step=1 if step is None else int(step))
    return FloatDistribution(low, high, log=limits.log, step=step)


def _tried(key: str, space: Mapping[str, Distribution], config: EmbedderConfig) -> Distribution:
    """The same with its choices as the config would keep them; each end or choice is tried.

    A value that does not fit the rest of the config may fit it with the others of the space (``loss.kind`` triplet
    wants ``sampling.each`` raised too): it will do if it does so at their first or their last.
    """
    ends = {other: _ends(one) for other, one in space.items()}
    company = ({}, *({other: ends[other][place] for other in ends if other != key} for place in (0, -1)))
    taken = []
    for value in ends[key]:
        alone: SettingError | None = None
        for others in company:
            try:
                taken.append(_told(with_values(config, {**others, key: value}), key))
                break
            except SettingError as error:
                alone = alone or error
        else:
            faults = [fault if fault.startswith(key) else f"{key}: {fault}" for fault in _faults(alone)]
            raise SettingError(f"{'; '.join(faults)} (tried: {json.dumps(value)})")
    if not isinstance(space[key], CategoricalDistribution):
        return space[key]
    choices = list(dict.fromkeys(map(json.dumps, taken)))
    return CategoricalDistribution(choices) if len(choices) > 1 else _no_choice(key)


def _ends(one: Distribution) -> list[Any]:
    if isinstance(one, CategoricalDistribution):
        return [json.loads(str(choice)) for choice in one.choices]
    return [one.low, one.high]


def _no_choice(key: str) -> Distribution:
    raise SettingError(f"{key}: a choice is between two values or more; a single one is given with --set")


def _as_json(key: str, value: Any) -> str:
    try:
        return json.dumps(value)
    except (TypeError, ValueError) as error:
        raise SettingError(f"{key}: {value!r} is no value of a config") from error


def _faults(error: SettingError | None) -> list[str]:
    """What :func:`checked` found, without its headline."""
    return [line.strip() for line in str(error).splitlines()[1:]]


def _suggest(trial: Trial, key: str, one: Distribution) -> Any:
    if isinstance(one, CategoricalDistribution):
        return trial.suggest_categorical(key, one.choices)
    if isinstance(one, IntDistribution):
        return trial.suggest_int(key, one.low, one.high, log=one.log, step=one.step)
    return trial.suggest_float(key, one.low, one.high, log=one.log, step=one.step)


def _contains(one: Distribution, value: Any) -> bool:
    if isinstance(one, CategoricalDistribution):
        return json.dumps(value) in one.choices
    number = (int,) if isinstance(one, IntDistribution) else (int, float)
    if not isinstance(value, number) or isinstance(value, bool) or not one.low <= value <= one.high:
        return False
    steps = (value - one.low) / one.step if one.step else 0.0
    return abs(steps - round(steps)) < 1e-8


def _described(one: Distribution) -> Any:
    if isinstance(one, CategoricalDistribution):
        return _ends(one)
    step = one.step if isinstance(one, FloatDistribution) or one.step != 1 else None
    told = {"low": one.low, "high": one.high, "log": one.log or None, "step": step}
    return {name: value for name, value in told.items() if value is not None}


def _put(values: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    for key, value in changes.items():
        place = values
        *parts, last = key.split(".")
        for part in parts:
            if not isinstance(place.get(part), dict):
                place[part] = {}
            place = place[part]
        place[last] = value
    return values


def _told(config: EmbedderConfig, key: str) -> Any:
    """A config's value at a dotted key; None where there is none."""
    value: Any = config.model_dump(mode="json")
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value
