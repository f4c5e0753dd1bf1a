"""Networks made into model folders that the field half can run: one writer, whatever the network came from."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import timm.data
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from hanzaki.errors import ModelError
from hanzaki.learning.card import Card
from hanzaki.learning.network import embedding_size, make_backbone
from hanzaki.learning.weights import RECIPE, load_strictly, read_state
from hanzaki.vision.crop import Pixels, resize
from hanzaki.vision.detector import prepared
from hanzaki.vision.embedder import normalised
from hanzaki.vision.layouts import output_names, read_layout
from hanzaki.vision.model import (
    CARD,
    CONFIG,
    ONNX,
    WEIGHTS,
    DetectorConfig,
    ModelConfig,
    ModelFacts,
    PointsConfig,
    require_free,
)

if TYPE_CHECKING:
    import onnx

AGREEMENT = 0.9999  # least cosine between what torch and ONNX make of a picture
LOOSENESS = 1e-3  # most that a box differs between them, as a share of the input, and its scores

_OPSET = 18
_SMALL = 1024  # numbers up to which a tensor is not worth a cast in the ONNX graph
_BATCH = 4
_BEST = 100  # boxes of a picture that are compared
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
        network: inputs (N, C, H, W) of the config's shape to (N, embedding_size), of a detector to boxes and
            scores as its config's layout has them; its ``recipe``, if it has one, goes with the weights, and only
            with it can the folder be trained on.
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
    incoming = folder.with_name(folder.name + ".incoming")
    shutil.rmtree(incoming, ignore_errors=True)
    incoming.mkdir(parents=True)
    try:
        if isinstance(config, DetectorConfig):
            export_detector(network, config, incoming / ONNX, half)
            check_detector(network, incoming / ONNX, config, pictures)
        else:
            export_onnx(network, config.input_shape, incoming / ONNX, half)
            assert isinstance(config, ModelConfig | PointsConfig)
            check_onnx(network, incoming / ONNX, config, pictures)
        if keep_weights:
            _save_weights(network, incoming / WEIGHTS, card.source, half)
        (incoming / CONFIG).write_text(config.model_dump_json(indent=2) + "\n", encoding="utf-8")
        (incoming / CARD).write_text(card.markdown(config, half=half), encoding="utf-8")
        if folder.exists():
            folder.rmdir()
        incoming.rename(folder)
    finally:
        shutil.rmtree(incoming, ignore_errors=True)


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


def export_onnx(network: nn.Module, shape: tuple[int, int, int], path: Path, half: bool = False) -> None:
    """Write a network as ONNX: ``image`` (batch, channels, height, width) to ``embedding``, for any batch.

    Args:
        network: in evaluation mode.
        shape: channels, height and width.
        path: the file.
        half: keep in 16 bits every tensor that these hold exactly, as after :func:`rounded`.

    Raises:
        ModelError: if torch's exporter lacks a package that it needs.
    """
    _export(network, torch.zeros(2, *shape), ("embedding",), path, half)


def export_detector(network: nn.Module, config: DetectorConfig, path: Path, half: bool = False) -> None:
    """Write a detection network as ONNX: ``image`` (1, 3, height, width) to boxes and scores.

    It takes one photograph at a time, as it is run in the field: detectors of transformers have Python in them
    that torch cannot write down for any batch.

    Args:
        network: in evaluation mode; gives boxes and scores as the config's layout has them.
        config: its preprocessing and layout.
        path: the file.
        half: as of :func:`export_onnx`.

    Raises:
        ModelError: if torch's exporter lacks a package that it needs.
    """
    _export(network, torch.zeros(1, *config.input_shape), output_names(config), path, half)


def _export(network: nn.Module, example: Tensor, outputs: Sequence[str], path: Path, half: bool) -> None:
    try:
        _write_onnx(network, example, outputs, path, half)
    except ImportError as error:  # torch asks for onnxscript only here
        raise ModelError(f"writing ONNX needs one more package ({error}): pip install 'hanzaki[learn]'") from error


def _write_onnx(network: nn.Module, example: Tensor, outputs: Sequence[str], path: Path, half: bool) -> None:
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
    import onnx
    import onnxscript.optimizer

    model = program.model_proto
    if half:
        # the optimiser multiplies batch normalisations into the kernels before them, which then need 32 bits; a
        # kernel behind a cast it leaves alone, and the runtimes do the same when they load the file
        model = _halved(onnxscript.optimizer.optimize(_halved(model)))
    _forget_source(model)
    onnx.save(model, path)


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


def check_onnx(
    network: nn.Module, onnx: Path, config: ModelConfig | PointsConfig, pictures: Sequence[Pixels] = ()
) -> float:
    """Compare what torch and ONNX Runtime make of pictures, both in float32.

    Args:
        network: in evaluation mode.
        onnx: the same network.
        config: how pictures are prepared.
        pictures: uint8 (H, W, 3) each; made up if there are none.

    Returns:
        the least cosine between the two, of all pictures.

    Raises:
        ModelError: if it is under :data:`AGREEMENT`, the embeddings' length is not the config's, or ONNX Runtime
            is not installed.
    """
    session = _session(onnx)
    images = torch.from_numpy(np.stack([_input(picture, config) for picture in pictures or _made_up()]))
    cosines = []
    for batch in torch.split(images, _BATCH):
        with torch.inference_mode():
            here = network(batch).double()
        there = torch.from_numpy(session.run(None, {"image": batch.numpy()})[0]).double()
        if not here.shape == there.shape == (len(batch), config.embedding_size):
            raise ModelError(f"{config.name} gives {tuple(there.shape)}, its config says {config.embedding_size}")
        cosines.append(torch.cosine_similarity(here, there))
    least = float(torch.cat(cosines).min())
    if not least >= AGREEMENT:  # not "<", which lets NaN pass
        raise ModelError(f"ONNX and torch do not agree on {config.name}: cosine {least:.6f}, wanted {AGREEMENT}")
    return least


def check_detector(
    network: nn.Module, onnx: Path, config: DetectorConfig, pictures: Sequence[Pixels] = ()
) -> float:
    """Compare what torch and ONNX Runtime find in pictures, both in float32.

    Each of the best boxes is looked for among all of the other's, since networks that put candidates into an order
    may change places of two that are as good.

    Args:
        network: in evaluation mode.
        onnx: the same network.
        config: how pictures are prepared, and the layout of what is given.
        pictures: uint8 (H, W, 3) each; made up if there are none.

    Returns:
        the most that a corner differs, as a share of the input's size, or a score.

    Raises:
        ModelError: if it is over :data:`LOOSENESS`, the outputs are not of the config's layout, or ONNX Runtime is
            not installed.
    """
    session = _session(onnx)
    scale = np.array(config.input_size * 2, np.float32)
    worst = 0.0
    for picture in pictures or _made_up():
        image = prepared(picture, config).pixels[None]
        with torch.inference_mode():
            here = [output.numpy() for output in network(torch.from_numpy(image))]
        rows = []
        for outputs in (here, session.run(None, {"image": image})):
            try:
                boxes, scores = read_layout(dict(zip(output_names(config), outputs, strict=True)), config)
            except ValueError as error:
                raise ModelError(f"{config.name}: {error}") from error
            rows.append(np.concatenate([boxes[0] / scale, scores[0]], axis=1))
        best = rows[0][np.argsort(-rows[0][:, 4:].max(axis=1))[:_BEST]]
        worst = max(worst, float(np.abs(best[:, None] - rows[1]).max(axis=2).min(axis=1).max()))
    if not worst <= LOOSENESS:
        raise ModelError(f"ONNX and torch do not agree on {config.name}: {worst:.2g} apart, allowed {LOOSENESS}")
    return worst


def _session(onnx: Path) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise ModelError("checking a model needs ONNX Runtime: pip install 'hanzaki[onnxruntime]'") from error
    return onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])


def _input(picture: Pixels, config: ModelConfig | PointsConfig) -> npt.NDArray[np.float32]:
    """A picture as a network sees it: float32 of the config's shape."""
    if isinstance(config, ModelConfig):
        return normalised(picture, config)
    _, height, width = config.input_shape
    small = resize(picture, (width, height), "squash")
    return np.asarray(small.mean(axis=2, dtype=np.float32)[None], np.float32)


def _made_up() -> list[Pixels]:
    """Soft random blotches, once resized: white noise would be all the same to a network."""
    return list(np.random.default_rng(0).integers(0, 256, (3, 12, 12, 3), dtype=np.uint8))
