"""Weights read from files, by us and by others, without running any code that comes with them.

safetensors holds nothing but numbers; an older ``.bin`` or ``.pth`` is a pickle and goes through torch's
weights-only loader, once, when it is converted. A name that is missing or left over is an error: half-loaded
weights look like a model and are none.
"""

from __future__ import annotations

import json
import pickle
import sys
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from hanzaki.errors import ModelError, printable
from hanzaki.learning.network import from_recipe
from hanzaki.vision.model import WEIGHTS, ClassifierConfig, ModelConfig, load_classifier_model, load_model

State = dict[str, Tensor]

RECIPE = "hanzaki.network"  # key of the safetensors file's metadata under which the network's recipe stands

# where training programs put the weights among other things: MiewID's (helpers/tools.py), Lightning's, timm's
_WRAPPINGS = ("model_state_dict", "state_dict", "model")
_SHOWN = 5


def read_state(path: Path) -> State:
    """Read weights, in float32 whatever they were kept in.

    Args:
        path: a ``.safetensors`` file, or one of ``torch.save``.

    Raises:
        ModelError: if it cannot be read, or holds anything else than weights.
    """
    state = _safetensors(path) if path.suffix == ".safetensors" else _weights_only(path)
    if state and all(name.startswith("module.") or name == "n_averaged" for name in state):
        # torch's DataParallel and its AveragedModel (MiewID's helpers/swatools.py) wrap the network in a "module"
        state = {name.removeprefix("module."): value for name, value in state.items() if name != "n_averaged"}
    return {name: value.float() if value.is_floating_point() else value for name, value in state.items()}


def load_strictly(
    network: nn.Module, state: Mapping[str, Tensor], where: Path, dropped: Callable[[str], bool] = lambda _: False
) -> None:
    """Load weights into a network, all of them.

    Args:
        network: takes them.
        state: the weights.
        where: the file they came from, for the message.
        dropped: says of a name that the network does not have whether it may be left out.

    Raises:
        ModelError: naming what is missing, unexpected or of another shape.
    """
    wanted = network.state_dict()
    # a counter that only training looks at; older converters leave it out
    missing = [name for name in wanted if name not in state and not name.endswith("num_batches_tracked")]
    unexpected = [name for name in state if name not in wanted and not dropped(name)]
    other = [
        f"{name} {tuple(state[name].shape)} instead of {tuple(value.shape)}"
        for name, value in wanted.items()
        if name in state and state[name].shape != value.shape
    ]
    faults = (("missing", missing), ("unexpected", unexpected), ("of another shape", other))
    wrong = [f"{fault}: {_listed(names)}" for fault, names in faults if names]
    if wrong:
        raise ModelError(f"{printable(where)} does not fit the network; {'; '.join(wrong)}")
    network.load_state_dict({name: value for name, value in state.items() if name in wanted}, strict=False)


def adapted(network: nn.Module, state: State) -> State:
    """Weights of a timm network under the names and in the shapes of the installed timm.

    timm renames layers now and then (Swin's ``downsample`` moved to the next stage) and keeps the translation in
    each architecture's module, as ``checkpoint_filter_fn``.

    Args:
        network: a timm one.
        state: its weights, as some version of timm or the original authors named them.
    """
    translate = getattr(sys.modules[type(network).__module__], "checkpoint_filter_fn", None)
    return dict(translate(state, network)) if translate is not None else state


def read_network(folder: Path) -> tuple[nn.Module, ModelConfig]:
    """Read a hanzaki model folder's network to train on, from the recipe that its weights' file carries.

    Returns:
        the network, in evaluation mode, and the folder's config.

    Raises:
        ModelError: if there are no weights, or no recipe with them.
    """
    config = load_model(folder).config
    return _read_whole(folder), config


def read_classifier(folder: Path) -> tuple[nn.Module, ClassifierConfig]:
    """Read the network of a classifier's folder, as :func:`read_network` does an embedder's.

    Raises:
        ModelError: if it is no classifier's, there are no weights, or no recipe with them.
    """
    config = load_classifier_model(folder).config
    return _read_whole(folder), config


def _read_whole(folder: Path) -> nn.Module:
    recipe, state = read_recipe(folder)
    network = from_recipe(recipe)
    load_strictly(network, state, folder / WEIGHTS)
    return network.eval()


def read_recipe(folder: Path) -> tuple[dict[str, Any], State]:
    """What network a model folder's weights are of, and the weights.

    Raises:
        ModelError: if there are no weights, or no recipe with them.
    """
    path = folder / WEIGHTS
    if not path.is_file():
        raise ModelError(f"{printable(folder)} has no {WEIGHTS}; only a folder that has can be trained on")
    state = read_state(path)
    with safe_open(path, framework="pt") as file:
        written = (file.metadata() or {}).get(RECIPE)
    if written is None:
        raise ModelError(f"{printable(path)} does not say what network it is of; export or pull the model again")
    return dict(json.loads(written)), state


def _safetensors(path: Path) -> State:
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{printable(path)} cannot be read as safetensors: {error}") from error


def _weights_only(path: Path) -> State:
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(
            f"{printable(path)} holds more than weights and could run code; ask for it as a .safetensors file"
        ) from error
    except Exception as error:  # of a damaged file torch raises anything: struct.error, IndexError, KeyError
        raise ModelError(f"{printable(path)} cannot be read as a torch checkpoint: {error}") from error
    for wrapping in _WRAPPINGS:
        if isinstance(found, Mapping) and isinstance(found.get(wrapping), Mapping):
            found = found[wrapping]
    if not isinstance(found, Mapping) or not all(isinstance(value, Tensor) for value in found.values()):
        raise ModelError(f"{printable(path)} holds no weights by name")
    return dict(found)


def _listed(names: Collection[str]) -> str:
    shown = ", ".join(list(names)[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"
