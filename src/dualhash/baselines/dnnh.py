"""DNNH: triplets on bits that have their own features."""

from dualhash.training.method import NetworkMethod

DNNH = NetworkMethod(
    title="DNNH",
    paper="Lai, Pan, Liu and Yan, CVPR",
    year=2015,
    settings={
        "learns": "category",
        "hash_layer": "slices",
        "category_head": "linear",
        "category_loss": "dnnh",
        "alpha": 0.0,
    },
)
"""See `losses.dnnh` and `network.dnnh_layer`."""
