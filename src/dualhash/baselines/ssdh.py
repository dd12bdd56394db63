"""SSDH: softmax loss on outputs that are nearly binary and balanced."""

from dualhash.training.method import NetworkMethod

SSDH = NetworkMethod(
    title="SSDH",
    paper="Yang, Lin and Chen, TPAMI",
    year=2018,
    settings={
        "learns": "category",
        "hash_layer": "sigmoid",
        "category_head": "linear",
        "category_loss": "ssdh",
        "alpha": 0.0,
    },
)
"""See `losses.ssdh`."""
