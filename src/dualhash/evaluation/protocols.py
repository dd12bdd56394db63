"""The protocols by which figures are measured. Every figure says which."""

from collections.abc import Callable
from dataclasses import dataclass

from dualhash.errors import DualhashError, nearest
from dualhash.evaluation import attribute, category, combined
from dualhash.evaluation.measured import Measured


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
    category: Callable[..., Measured]
    attribute: Callable[..., Measured]
    combined: Callable[..., Measured]
    quantised: bool


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            name="ijcv2020",
            source="Liu, Wang, Shan and Chen, IJCV 2020, section 4.1",
            category=category.ijcv2020,
            attribute=attribute.ijcv2020,
            combined=combined.ijcv2020,
            quantised=True,
        ),
        Protocol(
            name="cvpr2017",
            source="The MATLAB code released with the CVPR 2017 version, faults included",
            category=category.cvpr2017,
            attribute=attribute.cvpr2017,
            combined=combined.cvpr2017,
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
