"""An extractor: a network in ONNX that turns images into feature vectors. Needs no torch."""

from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from dualhash.catalogue.images import Preprocessing
from dualhash.errors import DualhashError

BATCH = 64
"""Images per run of the network."""

FEATURES = "features"
"""Name of the features in every graph: of an extractor's output, and inside an encoder."""


@dataclass(frozen=True, eq=False)
class Extractor:
    """A frozen network from images to features.

    Attributes:
        name: As the user gave it, such as "efficientnet-lite0".
        graph: ONNX, `images` uint8 (N, h, w, 3) to `features` float16 (N, d).
        preprocessing: Size to which images are resized before.
        threads: Threads of the network; 0 takes one per core.
    """

    name: str
    graph: bytes = field(repr=False)
    preprocessing: Preprocessing
    threads: int = 0

    @cached_property
    def hash(self) -> str:
        """SHA-256 (hex) of the graph and the preprocessing: everything that decides features."""
        return sha256(self.graph + self.preprocessing.model_dump_json().encode()).hexdigest()

    @cached_property
    def size(self) -> int:
        """d, the length of a feature vector."""
        length: int = self._session.get_outputs()[0].shape[1]
        return length

    def extract(self, images: NDArray[np.uint8]) -> NDArray[np.float16]:
        """Features (N, d) of RGB images (N, h, w, 3) uint8 at `preprocessing.crop`."""
        features = np.empty((len(images), self.size), np.float16)
        for start in range(0, len(images), BATCH):
            batch = np.ascontiguousarray(images[start : start + BATCH])
            (features[start : start + BATCH],) = self._session.run([FEATURES], {"images": batch})
        return features

    @cached_property
    def _session(self) -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.log_severity_level = 3
        try:
            return onnxruntime.InferenceSession(
                self.graph, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's errors have no common base class
            raise DualhashError(f"The extractor {self.name!r} cannot be loaded: {error}") from error
