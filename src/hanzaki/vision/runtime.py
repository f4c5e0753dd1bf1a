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
    """A network with one image input and one output."""

    def __call__(self, batch: Floats) -> Floats:
        """Run a batch, float32 (N, 3, H, W), to float32 (N, ...)."""
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
        first_line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(f"{printable(onnx)} cannot be run by {name}: {first_line}") from error


class _OpenVino:
    """Several one-image requests in flight: on a CPU that is faster than batches."""

    def __init__(self, onnx: Path, threads: int) -> None:
        import openvino

        core = openvino.Core()
        self._compiled = core.compile_model(
            core.read_model(onnx),
            "CPU",
            {
                "PERFORMANCE_HINT": "THROUGHPUT",
                "INFERENCE_NUM_THREADS": threads,
                "NUM_STREAMS": threads,
                # left to itself it takes bfloat16 where the processor has it: 4 degrees of drift between machines
                "INFERENCE_PRECISION_HINT": "f32",
            },
        )
        self._queue = openvino.AsyncInferQueue(self._compiled)

    def __call__(self, batch: Floats) -> Floats:
        outputs: list[Floats] = [np.empty(0, np.float32)] * len(batch)

        def collect(request: object, position: int) -> None:
            outputs[position] = request.get_output_tensor(0).data.copy()  # type: ignore[attr-defined]

        self._queue.set_callback(collect)
        for position in range(len(batch)):
            self._queue.start_async({0: batch[position : position + 1]}, position)
        self._queue.wait_all()
        return np.concatenate(outputs)


class _OnnxRuntime:
    def __init__(self, onnx: Path, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # spinning starves other threads
        self._session = onnxruntime.InferenceSession(str(onnx), options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name

    def __call__(self, batch: Floats) -> Floats:
        return np.asarray(self._session.run(None, {self._input: batch})[0], dtype=np.float32)
