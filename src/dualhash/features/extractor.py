"""An extractor: a network in ONNX that turns images into feature vectors. Needs no torch."""

from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from dualhash.catalogue.images import Preprocessing
from dualhash.codes.encoder import IMAGES_PER_RUN
from dualhash.codes.onnx_session import OnnxSession

FEATURES = "features"
"""Name of the features in every graph: of an extractor's output, and inside an encoder."""


@dataclass(frozen=True, eq=False)
class Extractor:
    """A frozen network from images to features.

    Attributes:
        name: As the user gave it, such as "efficientnet-lite0".
        graph: ONNX, `images` uint8 (N, h, w, 3) to `features` float16 (N, d).
        preprocessing: Size to which images are resized before.
    """

    name: str
    graph: bytes = field(repr=False)
    preprocessing: Preprocessing

    def __reduce__(self) -> tuple[object, ...]:
        """Another process opens a session of its own."""
        return type(self), (self.name, self.graph, self.preprocessing)

    @cached_property
    def hash(self) -> str:
        """SHA-256 (hex) of the graph and the preprocessing: everything that decides features."""
        return sha256(self.graph + self.preprocessing.model_dump_json().encode()).hexdigest()

    @cached_property
    def size(self) -> int:
        """d, the length of a feature vector."""
        length: int = self._session.nodes[-1].shape[1]
        return length

    def extract(self, images: NDArray[np.uint8]) -> NDArray[np.float16]:
        """Features (N, d) of RGB images (N, h, w, 3) uint8 at `preprocessing.crop`."""
        features = np.empty((len(images), self.size), np.float16)
        self._session.run(images, features, IMAGES_PER_RUN)
        return features

    @cached_property
    def _session(self) -> OnnxSession:
        return OnnxSession(self.graph, f"extractor {self.name!r}")
