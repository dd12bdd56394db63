"""Every comparison method by its name."""

from collections.abc import Mapping
from types import MappingProxyType

from dualhash.baselines.lsh import LSH
from dualhash.baselines.method import Method
from dualhash.errors import DualhashError, nearest

METHODS: Mapping[str, Method] = MappingProxyType({method.name: method for method in (LSH,)})
"""The comparison methods, in the order of the paper's tables."""


def method_named(name: str) -> Method:
    """The description of a method.

    Raises:
        DualhashError: There is none of that name; the message names the nearest.
    """
    if name not in METHODS:
        raise DualhashError(f"There is no method {name!r}. {nearest(name, METHODS)}")
    return METHODS[name]
