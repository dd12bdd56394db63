"""The protocols of an evaluation. Every figure names its protocol."""

from collections.abc import Callable
from dataclasses import dataclass

from dualhash.evaluation import attribute_retrieval, category_retrieval, combined_retrieval
from dualhash.evaluation.evaluation_result import Measurements
from dualhash.registry import Registry


@dataclass(frozen=True)
class Protocol:
    """The rules for the three tasks. Every protocol is leave-one-out over the test images.

    Attributes:
        category: `(codes, categories, weights, progress)` to figures.
        attribute: `(probabilities, labels, weights, progress)` to figures.
        combined: `(codes, probabilities, labels, weights, progress)` to figures.
        quantised: Whether attributes of binary codes are predicted from the bits. If not, they are
            always predicted from the real outputs of the hash layer.
    """

    category: Callable[..., Measurements]
    attribute: Callable[..., Measurements]
    combined: Callable[..., Measurements]
    quantised: bool


PROTOCOLS = Registry(
    "protocol",
    {
        "ijcv2020": Protocol(
            category_retrieval.ijcv2020,
            attribute_retrieval.ijcv2020,
            combined_retrieval.ijcv2020,
            quantised=True,
        ),
        "cvpr2017": Protocol(
            category_retrieval.cvpr2017,
            attribute_retrieval.cvpr2017,
            combined_retrieval.cvpr2017,
            quantised=False,
        ),
    },
    made=Protocol,
)
"""ijcv2020: Liu, Wang, Shan and Chen, IJCV 2020, section 4.1.

cvpr2017: the MATLAB code released with the CVPR 2017 version, errors included.
"""

DEFAULT_PROTOCOL = "ijcv2020"
