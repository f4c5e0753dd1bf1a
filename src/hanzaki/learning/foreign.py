"""Other people's model folders, as they lie on the Hugging Face hub, read into networks of ours.

Two layouts are known, told apart by ``config.json``:

- **MiewID** (``architectures: [MiewIdNet]``, ``model_type: miewid``). Its config comes with an ``auto_map`` that
  has ``transformers`` run the folder's own Python; here its weights go into :class:`EmbeddingNetwork` instead.
- **timm** (``architecture``, ``pretrained_cfg``): MegaDescriptor and every model that ``hf-hub:`` names.

MegaDescriptor's card is reported to normalise otherwise than its config says. The config rules here; who knows
better states it (``instead``).

Names in MiewID's weights, and where they are known from (read in 2026-11; the weights were not at hand):

==============================  ==================================================================================
``backbone.* pooling.p bn.*``   the network's source (wbia-plugin-miew-id, ``models/model.py``); v4.1's ``.bin`` is
                                reported to load into it with nothing missing or left over
``backbone.global_pool.p``      v3 on the hub (``miewid-msv3``, revision 4f1d7f2), by a program that checks the
                                file's SHA-256 and loads it strictly: the same GeM, where timm has its pooling
``final.*``                     the classifier, whichever it is: ``final.weight final.bias`` (v3 on the hub, by the
                                same program), ``final.kernel``, ``final.wmetric_classify.weight
                                final.warcface_margin.margins`` (older sources' ``models/heads.py``)
``temperature``, ``fc.*``       older sources; neither touches the embedding
``backbone.classifier.*``       timm's own classifier, left in by sources that do not remove it; also
                                ``backbone.head*``
``module.*``, ``n_averaged``    a network wrapped for several GPUs, or averaged (``helpers/swatools.py``)
``model_state_dict``            a checkpoint to resume from (``helpers/tools.py``)
``model.*``                     not seen; ``transformers`` models are often wrapped so
==============================  ==================================================================================
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import timm
from huggingface_hub import ModelCard
from torch import nn

from hanzaki.errors import ModelError, printable
from hanzaki.learning.network import EmbeddingNetwork, embedding_size, make_backbone
from hanzaki.learning.weights import State, adapted, load_strictly, read_state
from hanzaki.vision.model import CARD, CONFIG, TASKS, ModelConfig, Triple

# in order of preference: safetensors cannot hold code
WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin")


@dataclass(frozen=True)
class Preprocessing:
    """What a model's pixels go through; None is not said.

    Attributes:
        input_size: width and height.
        mean: of the colours, 0 to 1.
        std: of the colours, likewise.
    """

    input_size: tuple[int, int] | None = None
    mean: Triple | None = None
    std: Triple | None = None


# MiewID's config does not say. Its paper does (production at 440 x 440, "scaled to a standard size"), and so do
# the programs that serve it: resized without keeping the aspect ratio, ImageNet's mean and deviation
MIEWID = Preprocessing((440, 440), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def read_foreign(
    folder: Path, name: str | None = None, instead: Preprocessing | None = None
) -> tuple[nn.Module, ModelConfig]:
    """Read a model folder in a layout of the hub.

    Args:
        folder: with ``config.json`` and ``model.safetensors`` or ``pytorch_model.bin``, perhaps a ``README.md``.
        name: for people; the folder's by default.
        instead: preprocessing to take in place of what the folder says.

    Returns:
        the network, in evaluation mode (:class:`EmbeddingNetwork` for MiewID, else timm's own), and its config.

    Raises:
        ModelError: if the layout is not known, the weights do not fit, or the preprocessing is not said.
    """
    said = _config(folder)
    if said.get("architectures") == ["MiewIdNet"] or said.get("model_type") == "miewid":
        network, architecture, preprocessing = _miewid(folder, said)
    elif "architecture" in said:
        network, architecture, preprocessing = _timm(folder, said)
    else:
        raise ModelError(f"{printable(folder / CONFIG)} is neither MiewID's nor timm's: it names no architecture")
    preprocessing = _merged(preprocessing, instead or Preprocessing())
    unsaid = [key for key, value in vars(preprocessing).items() if value is None]
    if unsaid:
        raise ModelError(f"{printable(folder / CONFIG)} does not say {' and '.join(unsaid)}; state it yourself")
    config = ModelConfig(
        task="embed",
        name=name or folder.resolve().name,
        architecture=architecture,
        **vars(preprocessing),
        embedding_size=embedding_size(network),
        licence=read_licence(folder / CARD),
    )
    return network.eval(), config


def read_licence(card: Path) -> str:
    """The licence that a hub's model card names in its header; "unknown" where it names none."""
    if not card.is_file():
        return "unknown"
    try:
        header = ModelCard(card.read_text(encoding="utf-8", errors="replace"), ignore_metadata_errors=True).data
    except Exception:  # a header that is no mapping or no YAML, whose own errors carry no types
        return "unknown"
    licence = header.get("license")
    if licence in (None, "other"):  # the hub's word for one that has no SPDX name
        licence = header.get("license_name") or licence
    return " ".join(str(licence or "unknown").split())


def _config(folder: Path) -> dict[str, Any]:
    path = folder / CONFIG
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(f"{printable(folder)} has no {CONFIG}") from error
    except ValueError as error:
        raise ModelError(f"{printable(path)} is not JSON: {error}") from error
    if not isinstance(said, dict):
        raise ModelError(f"{printable(path)} is not a config")
    if said.get("task") in TASKS:
        raise ModelError(f"{printable(folder)} is a model folder of hanzaki already; use it as it is")
    return said


def _weights(folder: Path) -> tuple[Path, State]:
    for name in WEIGHT_FILES:
        if (folder / name).is_file():
            return folder / name, read_state(folder / name)
    raise ModelError(f"{printable(folder)} has neither {' nor '.join(WEIGHT_FILES)}")


_Found = tuple[nn.Module, str, Preprocessing]


def _miewid(folder: Path, said: Mapping[str, Any]) -> _Found:
    if "model_name" not in said:
        raise ModelError(f"{printable(folder / CONFIG)} does not say model_name, the network's architecture")
    architecture = str(said["model_name"])
    path, state = _weights(folder)
    if all(name.startswith("model.") for name in state):
        state = {name.removeprefix("model."): value for name, value in state.items()}
    if "pooling.p" not in state and "backbone.global_pool.p" in state:
        state["pooling.p"] = state.pop("backbone.global_pool.p")
    size = _size(said.get("img_size") or said.get("image_size"))
    arguments = {"img_size": (size[1], size[0])} if size and said.get("img_size") else {}
    # of a network with a class token MiewID takes that, and trains its pooling.p in vain
    token = "backbone.cls_token" in state
    network = EmbeddingNetwork(architecture, "token" if token else "gem", arguments=arguments)
    idle = ("final.", "fc.", "temperature", *(("pooling.p",) if token else ()))
    load_strictly(network, state, path, lambda key: key.startswith(idle) or key in network.head_keys)
    own = timm.get_pretrained_cfg(architecture)
    if size is None and own is not None and own.fixed_input_size:
        size = (own.input_size[2], own.input_size[1])  # such a network takes no other
    return network, architecture, _merged(MIEWID, Preprocessing(size))


def _timm(folder: Path, said: Mapping[str, Any]) -> _Found:
    architecture = str(said["architecture"])
    own = said.get("pretrained_cfg", said)  # folders of timm before 0.9 have it all in one
    size = _size(own.get("input_size"))
    arguments = dict(said.get("model_args") or {})
    if size and own.get("fixed_input_size"):
        arguments.setdefault("img_size", (size[1], size[0]))
    network = make_backbone(architecture, num_classes=0, **arguments)
    path, state = _weights(folder)
    registered = timm.get_pretrained_cfg(architecture)
    named = own.get("classifier") or (registered.classifier if registered is not None else None) or "head"
    classifiers = [named] if isinstance(named, str) else list(named)
    heads = tuple(
        f"{name.partition('.')[0]}." for name in classifiers
    )  # of timm's head.fc older versions had head
    load_strictly(network, adapted(network, state), path, lambda key: key.startswith(heads))
    preprocessing = Preprocessing(size, _triple(own.get("mean")), _triple(own.get("std")))
    return network, architecture, preprocessing


def _merged(said: Preprocessing, instead: Preprocessing) -> Preprocessing:
    return Preprocessing(instead.input_size or said.input_size, instead.mean or said.mean, instead.std or said.std)


def _size(said: Any) -> tuple[int, int] | None:
    """Width and height of what configs give: a side, (height, width) or (channels, height, width)."""
    if said is None:
        return None
    if isinstance(said, int):
        return said, said
    return int(said[-1]), int(said[-2])


def _triple(said: Any) -> Triple | None:
    return None if said is None else (float(said[0]), float(said[1]), float(said[2]))
