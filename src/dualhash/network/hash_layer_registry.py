"""Every layer between backbone and heads by its name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dualhash.errors import look_up
from dualhash.network.dnnh_layer import SliceLayer
from dualhash.network.hash_layer import HashLayer, NoHashLayer
from dualhash.network.hashnet_layer import ContinuationLayer


@dataclass(frozen=True)
class HashLayerEntry:
    """The description of a hash layer.

    Attributes:
        name: How users call it.
        summary: What it is and where it comes from.
        build: Makes it for so many features and bits, and settings by name.
        settings: Names of its settings.
    """

    name: str
    summary: str
    build: Callable[..., HashLayer | NoHashLayer]
    settings: tuple[str, ...] = ()


HASH_LAYERS: dict[str, HashLayerEntry] = {
    entry.name: entry
    for entry in (
        HashLayerEntry("sigmoid", "Sigmoid of a linear map (equation 1).", HashLayer),
        HashLayerEntry(
            "continuation",
            "A sigmoid that becomes a step (Cao et al. 2017).",
            ContinuationLayer,
            ("growth",),
        ),
        HashLayerEntry(
            "slices",
            "Each bit from features of its own, thresholded piecewise (Lai et al. 2015).",
            SliceLayer,
            ("slice_size", "epsilon"),
        ),
        HashLayerEntry(
            "none",
            "No code: the heads stand on the features.",
            lambda features, bits: NoHashLayer(features),
        ),
    )
}


def build_hash_layer(
    name: str, features: int, bits: int, settings: Mapping[str, float]
) -> HashLayer | NoHashLayer:
    """The hash layer of that name; its weights are drawn from torch's global generator.

    Args:
        name: A key of `HASH_LAYERS`.
        features: d, the length of the backbone's features.
        bits: k; "none" does not look at it.
        settings: In place of the layer's defaults.

    Raises:
        DualhashError: There is none of that name, or it has no such setting or value; the message
            names the nearest.
    """
    entry = look_up("hash layer", name, HASH_LAYERS, settings)
    return entry.build(features, bits, **settings)
