"""The protocols by which figures are measured. Every figure says which."""

from collections.abc import Callable
from dataclasses import dataclass

from dualhash.errors import DualhashError, nearest
from dualhash.evaluation import attribute_retrieval, category_retrieval, combined_retrieval
from dualhash.evaluation.evaluation_result import Measurements


@dataclass(frozen=True)
class Protocol:
    """How the three tasks are judged. All are leave-one-out over the test images.

    Attributes:
        name: As users give it.
        source: Where it is from.
        category: `(codes, categories, weights, progress)` to figures.
        attribute: `(probabilities, labels, weights, progress)` to figures.
        combined: `(codes, probabilities, labels, weights, progress)` to figures.
        quantised: Whether attributes are told from the binary codes where codes are binary; else
            always from the real outputs of the hash layer.
    """

    name: str
    source: str
    category: Callable[..., Measurements]
    attribute: Callable[..., Measurements]
    combined: Callable[..., Measurements]
    quantised: bool


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            name="ijcv2020",
            source="Liu, Wang, Shan and Chen, IJCV 2020, section 4.1",
            category=category_retrieval.ijcv2020,
            attribute=attribute_retrieval.ijcv2020,
            combined=combined_retrieval.ijcv2020,
            quantised=True,
        ),
        Protocol(
            name="cvpr2017",
            source="The MATLAB code released with the CVPR 2017 version, faults included",
            category=category_retrieval.cvpr2017,
            attribute=attribute_retrieval.cvpr2017,
            combined=combined_retrieval.cvpr2017,
            quantised=False,
        ),
    )
}

DEFAULT_PROTOCOL = "ijcv2020"


def protocol_named(name: str) -> Protocol:
    """The protocol of that name.

    Raises:
        DualhashError: There is none.
    """
    if name not in PROTOCOLS:
        raise DualhashError(f"There is no protocol {name!r}. {nearest(name, PROTOCOLS)}")
    return PROTOCOLS[name]
