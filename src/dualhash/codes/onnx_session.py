"""Runs ONNX graphs on the CPU, a batch at a time. No torch."""

from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import DTypeLike, NDArray

from dualhash.errors import DualhashError


class OnnxSession:
    """A graph from one input (N, ...) to one output (N, d).

    Attributes:
        nodes: Its inputs and its first output.
    """

    def __init__(self, graph: bytes, name: str, threads: int | None = None) -> None:
        """Loads the graph.

        Args:
            graph: Content of an ONNX file.
            name: What it is, for messages.
            threads: Number of threads; None uses one per core.

        Raises:
            DualhashError: It cannot be loaded.
        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or 0
        options.log_severity_level = 3
        try:
            session = onnxruntime.InferenceSession(
                graph, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # errors of onnxruntime have no narrower common base
            raise DualhashError(f"The {name} cannot be loaded: {error}") from error
        self.nodes: list[onnxruntime.NodeArg] = [*session.get_inputs(), session.get_outputs()[0]]
        self._session = session

    def run(
        self, inputs: NDArray[Any], outputs: NDArray[Any], batch: int, kind: DTypeLike | None = None
    ) -> None:
        """Computes outputs (N, d) of inputs (N, ...).

        Args:
            inputs: The inputs.
            outputs: Filled with the outputs.
            batch: Inputs per run of the graph.
            kind: The type that the graph takes, if the inputs may have another.
        """
        given, made = (node.name for node in self.nodes)
        for start in range(0, len(inputs), batch):
            rows = slice(start, start + batch)
            part = np.ascontiguousarray(inputs[rows], kind)
            (outputs[rows],) = self._session.run([made], {given: part})
