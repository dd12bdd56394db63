"""SSDH."""

from types import MappingProxyType

from dualhash.training.method import NetworkMethod

SSDH = NetworkMethod(
    title="SSDH",
    paper="Yang, Lin and Chen, TPAMI",
    year=2018,
    settings=MappingProxyType({"learns": "category", "category_loss": "ssdh", "alpha": 0.0}),
)
"""Softmax on sigmoid outputs that are pushed to 0 and 1, half of them on: `losses.ssdh`."""
