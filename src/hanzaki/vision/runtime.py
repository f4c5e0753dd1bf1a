"""What runs an ONNX network on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from hanzaki.errors import ModelError, printable

Floats = npt.NDArray[np.float32]
RuntimeName = Literal["openvino", "onnxruntime"]


class Runtime(Protocol):
    """A network with one image input."""

    def __call__(self, batch: Floats) -> Floats:
        """Run a batch, float32 (N, 3, H, W), to the first output, float32 (N, ...)."""
        ...

    def outputs(self, batch: Floats) -> dict[str, Floats]:
        """Run a batch, float32 (N, 3, H, W), to all outputs by name, float32 (N, ...) each, in their order."""
        ...


def load_network(onnx: Path, name: RuntimeName, threads: int) -> Runtime:
    """Load a network into a runtime.

    OpenVINO is the default: as fast as the other on idle cores, and a third faster where other work shares them
    (``python -m benchmarks runtimes`` compares the two).

    Raises:
        ModelError: if the network cannot be read, or the runtime is not installed.
    """
    try:
        return _OpenVino(onnx, threads) if name == "openvino" else _OnnxRuntime(onnx, threads)
    except ImportError as error:
        raise ModelError(f"{name} is not installed: `pip install 'hanzaki[{name}]'`") from error
    except Exception as error:  # both raise bare RuntimeErrors and worse
        raise ModelError(f"{printable(onnx)} cannot be run by {name}: {_first_line(error)}") from error


def input_shape(onnx: Path) -> tuple[int | None, ...]:
    """The shape of a network's one input; None where it takes any length.

    Raises:
        ModelError: if the file cannot be read, or takes several inputs.
    """
    import openvino

    try:
        inputs = openvino.Core().read_model(onnx).inputs
    except Exception as error:
        raise ModelError(f"{printable(onnx)} cannot be read as ONNX: {_first_line(error)}") from error
    if len(inputs) != 1:
        raise ModelError(f"{printable(onnx)} takes {len(inputs)} inputs; only networks that take one can be run")
    return tuple(None if axis.is_dynamic else axis.get_length() for axis in inputs[0].partial_shape)


def openvino_settings(threads: int) -> dict[str, str | int]:
    """How OpenVINO is to run a network: several pictures at a time, with the same answer on every machine."""
    return {
        "PERFORMANCE_HINT": "THROUGHPUT",
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": threads,
        # left to itself it takes bfloat16 where the processor has it: 4 degrees of drift between machines
        "INFERENCE_PRECISION_HINT": "f32",
    }


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


class _OpenVino:
    """Several one-image requests in flight: on a CPU that is faster than batches."""

    def __init__(self, onnx: Path, threads: int) -> None:
        import openvino

        core = openvino.Core()
        self._compiled = core.compile_model(core.read_model(onnx), "CPU", openvino_settings(threads))
        self._queue = openvino.AsyncInferQueue(self._compiled)

        # an output that OpenVINO merged with another value of the graph goes by several names
        self._names = [tuple(output.names) for output in self._compiled.outputs]

    def __call__(self, batch: Floats) -> Floats:
        return self._run(batch, 1)[0]

    def outputs(self, batch: Floats) -> dict[str, Floats]:
        found = zip(self._names, self._run(batch, len(self._names)), strict=True)
        return {name: output for names, output in found for name in names}

    def _run(self, batch: Floats, count: int) -> list[Floats]:
        """The first so many outputs; what nobody asked for is not copied."""
        outputs: list[list[Floats]] = [[]] * len(batch)

        def collect(request: object, position: int) -> None:
            tensors = request.output_tensors[:count]  # type: ignore[attr-defined]
            outputs[position] = [np.array(tensor.data, np.float32) for tensor in tensors]

        self._queue.set_callback(collect)
        for position in range(len(batch)):
            self._queue.start_async({0: batch[position : position + 1]}, position)
        self._queue.wait_all()
        return [np.concatenate(images) for images in zip(*outputs, strict=True)]


class _OnnxRuntime:
    def __init__(self, onnx: Path, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # spinning starves other threads
        self._session = onnxruntime.InferenceSession(str(onnx), options, providers=["CPUExecutionProvider"])
        given = self._session.get_inputs()[0]
        self._input = given.name
        self._one_by_one = given.shape[0] == 1  # exported for one image, as many of other people's are
        self._names = [output.name for output in self._session.get_outputs()]

    def __call__(self, batch: Floats) -> Floats:
        return self._run(batch, self._names[:1])[0]

    def outputs(self, batch: Floats) -> dict[str, Floats]:
        return dict(zip(self._names, self._run(batch, self._names), strict=True))

    def _run(self, batch: Floats, names: list[str]) -> list[Floats]:
        parts = np.split(batch, len(batch)) if self._one_by_one else [batch]
        runs = [self._session.run(names, {self._input: part}) for part in parts]
        return [np.concatenate(images).astype(np.float32, copy=False) for images in zip(*runs, strict=True)]
