"""Model folders with random weights, in exactly the layouts of the hub."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

SWIN = {"img_size": 56, "embed_dim": 16, "depths": (1, 1, 1, 1), "num_heads": (1, 2, 2, 4)}
CARD = "---\nlicense: cc-by-nc-4.0\n---\n# A model\n"
State = dict[str, Tensor]


class MiewIdNet(nn.Module):
    """What the published description says of MiewID's network, written plainly: an oracle for its vectors."""

    def __init__(self, architecture: str, **arguments: Any) -> None:
        super().__init__()
        self.backbone = timm.create_model(architecture, pretrained=False, **arguments)
        self.p = nn.Parameter(torch.full((1,), 2.6))
        self.bn = nn.BatchNorm1d(self.backbone.num_features)
        with torch.no_grad():
            for values in (self.bn.weight, self.bn.bias, self.bn.running_mean, self.bn.running_var):
                values.copy_(torch.rand_like(values) + 0.5)

    def forward(self, images: Tensor) -> Tensor:
        features = self.backbone.forward_features(images)
        if getattr(self.backbone, "cls_token", None) is not None:
            return self.bn(features[:, 0])
        if isinstance(self.backbone, timm.models.swin_transformer_v2.SwinTransformerV2):
            features = features.permute(0, 3, 1, 2)
        return self.bn(features.clamp(min=1e-6).pow(self.p).mean((-2, -1)).pow(1 / self.p))

    def state(self, classifier: bool = False) -> State:
        """Its weights under the names of MiewID's source, with or without timm's own classifier."""
        names = {"p": "pooling.p"}
        state = {names.get(name, name): value for name, value in self.state_dict().items()}
        dropped = () if classifier else ("backbone.classifier.",)
        return {
            name: value.detach().clone() for name, value in state.items() if not name.startswith(dropped or " ")
        }


def subcentre_head(features: int, classes: int = 10, centres: int = 3) -> State:
    """``final.*`` as the sub-centre ArcFace of MiewID's older sources keeps it."""
    return {
        "final.wmetric_classify.weight": torch.randn(classes * centres, features),
        "final.warcface_margin.margins": torch.rand(classes),
    }


def linear_head(features: int, classes: int = 10) -> State:
    """``final.*`` as v3 on the hub has it."""
    return {"final.weight": torch.randn(classes, features), "final.bias": torch.randn(classes)}


def write_miewid(
    folder: Path, architecture: str, state: State, *, pickled: bool = False, card: str | None = CARD, **config: Any
) -> Path:
    """A MiewID folder; its Python ends the test run if anybody runs it."""
    said = {
        "architectures": ["MiewIdNet"],
        "auto_map": {
            "AutoConfig": "configuration_miewid.MiewIdNetConfig",
            "AutoModel": "modeling_miewid.MiewIdNet",
        },
        "model_type": "miewid",
        "model_name": architecture,
        "n_classes": 10,
        "loss_module": "arcface_subcenter_dynamic",
        "s": 51.960399844266306,
        "margin": 0.32841442327915477,
        "k": 2,
        "use_fc": False,
        "fc_dim": 2048,
        "dropout": 0.0,
        "pretrained": False,
        "torch_dtype": "float32",
    }
    _write(folder, said | config, state, pickled, card)
    for name in ("configuration_miewid.py", "modeling_miewid.py"):
        (folder / name).write_text("raise SystemExit('remote code was run')\n")
    return folder


def write_timm(
    folder: Path, architecture: str, state: State, size: int, *, pickled: bool = False, **config: Any
) -> Path:
    """A timm folder as MegaDescriptor's is."""
    said = {
        "architecture": architecture,
        "num_classes": 0,
        "num_features": 128,
        "global_pool": "avg",
        "pretrained_cfg": {
            "tag": "ms_in22k_ft_in1k",
            "custom_load": False,
            "input_size": [3, size, size],
            "fixed_input_size": True,
            "interpolation": "bicubic",
            "crop_pct": 1.0,
            "crop_mode": "center",
            "mean": [0.5, 0.4, 0.3],
            "std": [0.2, 0.3, 0.4],
            "num_classes": 0,
            "first_conv": "patch_embed.proj",
            "classifier": "head.fc",
        },
    }
    _write(folder, said | config, state, pickled, CARD)
    return folder


def renamed(state: State, name: Callable[[str], str]) -> State:
    """The same weights under other names."""
    return {name(key): value for key, value in state.items()}


def _write(folder: Path, config: dict[str, Any], state: State, pickled: bool, card: str | None) -> None:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    if pickled:
        torch.save(state, folder / "pytorch_model.bin")
    else:
        save_file({key: value.contiguous() for key, value in state.items()}, folder / "model.safetensors")
    if card is not None:
        (folder / "README.md").write_text(card)
