"""ONNX graphs whose inputs are several, or whose outputs differ in length from one picture to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from hanzaki.errors import ModelError, printable
from hanzaki.vision.runtime import RuntimeName, openvino_settings

Floats = npt.NDArray[np.float32]
Fed = Mapping[str, Floats]

_FATAL = 4


class Graph(Protocol):
    """A network that is run on named inputs."""

    @property
    def inputs(self) -> dict[str, tuple[int | None, ...]]:
        """The shape of each input by name; None where it takes any length."""
        ...

    def run(self, fed: Sequence[Fed]) -> list[dict[str, Floats]]:
        """Run each set of inputs by itself, several at a time, to all outputs by name, float32.

        Raises:
            ModelError: if the network fails on one of them.
        """
        ...


def load_graph(onnx: Path, name: RuntimeName, threads: int, shape: tuple[int, ...] | None = None) -> Graph:
    """Load a network into a runtime.

    Args:
        onnx: the file.
        name: of the runtime.
        threads: how many to use.
        shape: of the one input, where the file leaves it open; OpenVINO runs some networks only if it is known.

    Raises:
        ModelError: if the network cannot be read, or the runtime is not installed.
    """
    try:
        return _OpenVino(onnx, threads, shape) if name == "openvino" else _OnnxRuntime(onnx, threads)
    except ImportError as error:
        raise ModelError(f"{name} is not installed: `pip install 'hanzaki[{name}]'`") from error
    except Exception as error:  # both raise bare RuntimeErrors and worse
        way_out = "; HANZAKI_RUNTIME=onnxruntime may run it" if name == "openvino" else ""
        raise ModelError(f"{printable(onnx)} cannot be run by {name}: {_short(error)}{way_out}") from error


def _short(error: Exception) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:300]


class _OpenVino:
    def __init__(self, onnx: Path, threads: int, shape: tuple[int, ...] | None) -> None:
        import openvino

        core = openvino.Core()
        model = core.read_model(onnx)
        self.inputs = {
            part.any_name: tuple(None if axis.is_dynamic else axis.get_length() for axis in part.partial_shape)
            for part in model.inputs
        }
        if shape is not None:
            model.reshape(list(shape))
        compiled = core.compile_model(model, "CPU", openvino_settings(threads))
        self._names = [tuple(output.names) for output in compiled.outputs]
        self._queue = openvino.AsyncInferQueue(compiled)
        self._onnx = onnx

    def run(self, fed: Sequence[Fed]) -> list[dict[str, Floats]]:
        found: list[dict[str, Floats]] = [{} for _ in fed]

        def collect(request: Any, position: int) -> None:
            for names, tensor in zip(self._names, request.output_tensors, strict=True):
                found[position] |= dict.fromkeys(names, np.array(tensor.data, np.float32))

        self._queue.set_callback(collect)
        try:
            for position, inputs in enumerate(fed):
                self._queue.start_async(dict(inputs), position)
            self._queue.wait_all()
        except RuntimeError as error:
            raise ModelError(f"{printable(self._onnx)} fails in openvino: {_short(error)}") from error
        return found


class _OnnxRuntime:
    def __init__(self, onnx: Path, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # each run has a thread, and several run at a time
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = _FATAL  # what goes wrong is raised, and need not be printed too
        self._session = onnxruntime.InferenceSession(str(onnx), options, providers=["CPUExecutionProvider"])
        self._threads = threads
        self._onnx = onnx
        self.inputs = {
            part.name: tuple(axis if isinstance(axis, int) else None for axis in part.shape)
            for part in self._session.get_inputs()
        }
        self._names = [part.name for part in self._session.get_outputs()]

    def run(self, fed: Sequence[Fed]) -> list[dict[str, Floats]]:
        if self._threads == 1 or len(fed) < 2:
            return [self._one(inputs) for inputs in fed]
        with ThreadPoolExecutor(self._threads) as pool:
            return list(pool.map(self._one, fed))

    def _one(self, inputs: Fed) -> dict[str, Floats]:
        try:
            outputs = self._session.run(None, dict(inputs))
        except Exception as error:  # its own classes, which have no common root
            raise ModelError(f"{printable(self._onnx)} fails in onnxruntime: {_short(error)}") from error
        return {name: np.asarray(output, np.float32) for name, output in zip(self._names, outputs, strict=True)}
