"""Networks made into model folders that the field half can run: one writer, whatever the network came from."""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import timm.data
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from hanzaki.errors import ModelError
from hanzaki.learning.agreement import check_classifier, check_detector, check_onnx
from hanzaki.learning.card import Card
from hanzaki.learning.explaining import explained
from hanzaki.learning.network import embedding_size, make_backbone
from hanzaki.learning.weights import RECIPE, load_strictly, read_state
from hanzaki.vision.classifier import LOGITS
from hanzaki.vision.crop import Pixels
from hanzaki.vision.embedder import EMBEDDING
from hanzaki.vision.folders import appearing, require_free
from hanzaki.vision.layouts import output_names
from hanzaki.vision.model import (
    CARD,
    CONFIG,
    ONNX,
    WEIGHTS,
    ClassifierConfig,
    DetectorConfig,
    ModelConfig,
    ModelFacts,
    PointsConfig,
)

if TYPE_CHECKING:
    import onnx

_OPSET = 18
_SMALL = 1024  # numbers up to which a tensor is not worth a cast in the ONNX graph
_TIMM_DATA: Any = timm.data  # its functions carry no types


def export_timm(
    folder: Path,
    architecture: str,
    weights: Path | None = None,
    *,
    arguments: Mapping[str, Any] | None = None,
    input_size: tuple[int, int] | None = None,
    mean: tuple[float, float, float] | None = None,
    std: tuple[float, float, float] | None = None,
    licence: str = "unknown",
    training_data: str = "unknown",
    half: bool = False,
) -> ModelConfig:
    """Write a timm network's pooled features as a model folder; its classifier is left out.

    Args:
        folder: where to; new or empty.
        architecture: timm's name of the network.
        weights: a ``.safetensors`` file of its weights; None fetches timm's own (``pretrained=True``).
        arguments: further arguments of ``timm.create_model``.
        input_size: width and height, where they differ from what timm says of these weights.
        mean: of the pixels' colours, likewise.
        std: of the pixels' colours, likewise.
        licence: of the weights, for the model card.
        training_data: of the weights, for the model card.
        half: keep the weights in 16 bits, as :func:`write_model_folder` does.

    Raises:
        ModelError: if the network or its weights cannot be used, or the folder is in the way.
    """
    require_free(folder)
    network = make_backbone(architecture, pretrained=weights is None, num_classes=0, **(arguments or {}))
    if weights is not None:
        load_strictly(
            network, read_state(weights), weights, lambda name: name.startswith(("classifier.", "head.", "fc."))
        )
    defaults = _TIMM_DATA.resolve_data_config({}, model=network)
    config = ModelConfig(
        task="embed",
        name=architecture.partition(".")[0],
        architecture=architecture,
        input_size=input_size or (defaults["input_size"][2], defaults["input_size"][1]),
        mean=mean or defaults["mean"],
        std=std or defaults["std"],
        embedding_size=embedding_size(network),
        licence=licence,
        training_data=training_data,
    )
    card = Card(f"Pooled features of `{architecture}`. It was not trained to tell individuals apart.")
    write_model_folder(folder, network, config, card, half=half)
    return config


def write_model_folder(
    folder: Path,
    network: nn.Module,
    config: ModelFacts,
    card: Card,
    *,
    pictures: Sequence[Pixels] = (),
    half: bool = False,
    keep_weights: bool = True,
) -> None:
    """Write a network as a model folder, which appears whole and checked or not at all.

    Args:
        folder: where to; new or empty.
        network: inputs (N, C, H, W) of the config's shape to (N, embedding_size), of a classifier to logits, of a
            detector to boxes and scores as its config's layout has them; its ``recipe``, if it has one, goes with
            the weights, and only with it can the folder be trained on.
        config: its preprocessing and what else the folder says of it.
        card: what its model card says.
        pictures: uint8 (H, W, 3) each, on which torch and ONNX are compared; made up if there are none. Of a
            network that sees patches, they are cut down to one.
        half: keep the weights in 16 bits, which halves both files: matrices and kernels are rounded once (the
            caller's network is not), everything is still computed in float32, and what torch and ONNX are compared
            on is the rounded network.
        keep_weights: False for a network that nothing here can train on.

    Raises:
        ModelError: if the folder is in the way, ONNX does not give what torch gives, or a weight is too large for
            16 bits.
    """
    require_free(folder)
    network = rounded(network) if half else network.eval()
    with appearing(folder) as incoming:
        onnx = incoming / ONNX
        if isinstance(config, DetectorConfig):
            export_detector(network, config, onnx, half)
            check_detector(network, onnx, config, pictures)
        elif isinstance(config, ClassifierConfig):
            export_onnx(network, config.input_shape, onnx, half, LOGITS)
            check_classifier(network, onnx, config, pictures)
        else:
            assert isinstance(config, ModelConfig | PointsConfig)
            export_onnx(network, config.input_shape, onnx, half, EMBEDDING)
            check_onnx(network, onnx, config, pictures)
        if keep_weights:
            _save_weights(network, incoming / WEIGHTS, card.source, half)
        (incoming / CONFIG).write_text(config.model_dump_json(indent=2) + "\n", encoding="utf-8")
        (incoming / CARD).write_text(card.markdown(config, half=half), encoding="utf-8")


def rounded(network: nn.Module) -> nn.Module:
    """A copy of a network, in evaluation mode, of which 16 bits hold every matrix and kernel exactly.

    Vectors (biases and batch statistics, a few percent of all numbers) are left alone: their range is wider, and a
    variance that becomes zero or infinite spoils the network.

    Raises:
        ModelError: if a weight is beyond what 16 bits hold (65504).
    """
    network = copy.deepcopy(network).eval()
    with torch.no_grad():
        for name, value in network.named_parameters():
            if value.ndim > 1:
                value.copy_(value.half())
                if not value.isfinite().all():
                    raise ModelError(f"{name} has weights too large for 16 bits; keep this network in 32")
    return network


def _save_weights(network: nn.Module, path: Path, source: str | None, half: bool) -> None:
    recipe = getattr(network, "recipe", None)
    metadata = {RECIPE: json.dumps(recipe)} if recipe else {}
    metadata |= {"format": "pt"} | ({"source": source} if source else {})
    state = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    if half:
        matrices = {name for name, value in network.named_parameters() if value.ndim > 1}
        state = {name: value.half() if name in matrices else value for name, value in state.items()}
    save_file(state, path, metadata)
    path.chmod(0o644)  # else its owner alone could read it, wherever the folder is copied to


def export_onnx(
    network: nn.Module, shape: tuple[int, int, int], path: Path, half: bool = False, first: str = EMBEDDING
) -> None:
    """Write a network as ONNX, for any batch: ``image`` (batch, channels, height, width) to what it gives.

    That is an embedder's ``embedding`` or a classifier's ``logits``. A second output says why, where the network
    allows: what each place gave to the embedding (``places``), or each label's Grad-CAM (``maps``); see
    :mod:`hanzaki.learning.explaining`.

    Args:
        network: in evaluation mode.
        shape: channels, height and width.
        path: the file.
        half: keep in 16 bits every tensor that these hold exactly, as after :func:`rounded`.
        first: name of the first output.

    Raises:
        ModelError: if torch's exporter lacks a package that it needs.
    """
    telling = explained(network, shape)
    outputs = (first,) if telling is None else telling.outputs
    _export(network if telling is None else telling.eval(), torch.zeros(2, *shape), outputs, path, half)


def export_detector(network: nn.Module, config: DetectorConfig, path: Path, half: bool = False) -> None:
    """Write a detection network as ONNX: ``image`` (1, 3, height, width) to boxes and scores.

    It takes one photograph at a time, as it is run in the field: detectors of transformers have Python in them
    that torch cannot write down for any batch. Height and width are the config's, or any where it says so.

    Args:
        network: in evaluation mode; gives boxes and scores as the config's layout has them.
        config: its preprocessing and layout.
        path: the file.
        half: as of :func:`export_onnx`.

    Raises:
        ModelError: if torch's exporter lacks a package that it needs.
    """
    free_sides = config.multiple is not None
    _export(network, torch.zeros(1, *config.input_shape), output_names(config), path, half, free_sides)


def _export(
    network: nn.Module, example: Tensor, outputs: Sequence[str], path: Path, half: bool, free_sides: bool = False
) -> None:
    try:
        _write_onnx(network, example, outputs, path, half, free_sides)
    except ImportError as error:  # torch asks for onnxscript only here
        raise ModelError(f"writing ONNX needs one more package ({error}): pip install 'hanzaki[learn]'") from error


def _write_onnx(
    network: nn.Module, example: Tensor, outputs: Sequence[str], path: Path, half: bool, free_sides: bool
) -> None:
    import onnx
    import onnxscript.optimizer

    model = (_traced if free_sides else _exported)(network, example, outputs, half)
    if half:
        # the optimiser multiplies batch normalisations into the kernels before them, which then need 32 bits; a
        # kernel behind a cast it leaves alone, and the runtimes do the same when they load the file
        model = _halved(onnxscript.optimizer.optimize(_halved(model)))
    _forget_source(model)
    onnx.save(model, path)


def _exported(network: nn.Module, example: Tensor, outputs: Sequence[str], half: bool) -> onnx.ModelProto:
    """A network as ONNX by torch's exporter, for any batch if the example is one."""
    program = torch.onnx.export(
        network,
        (example,),
        input_names=["image"],
        output_names=outputs,
        opset_version=_OPSET,
        dynamo=True,
        external_data=False,
        dynamic_shapes=({0: torch.export.Dim("batch")},) if len(example) > 1 else None,
        verbose=False,
        optimize=not half,
    )
    assert program is not None
    return program.model_proto


def _traced(network: nn.Module, example: Tensor, outputs: Sequence[str], half: bool) -> onnx.ModelProto:
    """A network as ONNX for any height and width, by torch's older exporter, which follows one run of it.

    The newer one proves that a pyramid fits together for every size, and was not done with that after ten minutes.
    What an older one may get wrong, :func:`hanzaki.learning.agreement.check_detector` sees on several sizes.
    """
    import onnx

    buffer = BytesIO()
    with warnings.catch_warnings():
        # it warns that it is the older one, and of each Python number that it takes for a constant
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (example,),
            buffer,  # type: ignore[arg-type]  # which it takes, and does not say
            input_names=["image"],
            output_names=list(outputs),
            opset_version=_OPSET,
            dynamo=False,
            dynamic_axes={"image": {2: "rows", 3: "columns"}},
            training=torch.onnx.TrainingMode.PRESERVE if half else torch.onnx.TrainingMode.EVAL,
        )
    return onnx.load_from_string(buffer.getvalue())


def _forget_source(model: onnx.ModelProto) -> None:
    """Leave out the lines of Python that each node came from: they name this machine's folders."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer):
        for name in ("metadata_props", "doc_string"):
            if name in part.DESCRIPTOR.fields_by_name:
                part.ClearField(name)


def _halved(model: onnx.ModelProto) -> onnx.ModelProto:
    """Keep large float32 tensors as float16 and a cast, wherever that loses nothing; changes the model."""
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size <= _SMALL:
            continue
        with np.errstate(over="ignore"):
            half = values.astype(np.float16)
        if np.array_equal(half, values):
            name = tensor.name
            tensor.CopyFrom(numpy_helper.from_array(half, f"{name}.half"))
            casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model
