"""Runs ONNX graphs on the CPU. No torch."""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import DTypeLike, NDArray

from dualhash.errors import DualhashError


class OnnxSession:
    """A graph from one input (N, ...) to one output (N, d).

    Each run of the graph uses one thread, and several runs go on at once. With the few images of a
    run its intermediate results stay in the cache of a core, and no thread waits for another.

    Attributes:
        nodes: Its inputs and its first output.
    """

    def __init__(self, graph: bytes, name: str, threads: int | None = None) -> None:
        """Loads the graph.

        Args:
            graph: Content of an ONNX file.
            name: What it is, for messages.
            threads: Number of runs at once; None for one per core.

        Raises:
            DualhashError: It cannot be loaded.
        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        try:
            session = onnxruntime.InferenceSession(
                graph, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # errors of onnxruntime have no narrower common base
            raise DualhashError(f"The {name} cannot be loaded: {error}") from error
        self.nodes: list[onnxruntime.NodeArg] = [*session.get_inputs(), session.get_outputs()[0]]
        self._session, self._threads = session, threads or os.cpu_count() or 1

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

        def compute(start: int) -> None:
            rows = slice(start, start + batch)
            part = np.ascontiguousarray(inputs[rows], kind)
            (outputs[rows],) = self._session.run([made], {given: part})

        with ThreadPoolExecutor(self._threads) as pool:
            for _ in pool.map(compute, range(0, len(inputs), batch)):
                pass
