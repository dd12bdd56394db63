"""HashNet: pairwise likelihood on outputs that approach a step function."""

from dualhash.training.method import NetworkMethod

HASHNET = NetworkMethod(
    title="HashNet",
    paper="Cao, Long, Wang and Yu, ICCV",
    year=2017,
    settings={
        "learns": "category",
        "hash_layer": "continuation",
        "category_head": "linear",
        "category_loss": "hashnet",
        "alpha": 0.0,
    },
)
"""See `losses.hashnet` and `network.hashnet_layer`."""
