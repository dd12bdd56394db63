"""Every comparison method by its name."""

from collections.abc import Mapping
from types import MappingProxyType

from dualhash.baselines.cca_itq import CCA_ITQ
from dualhash.baselines.cnn_attribute import CNN_ATTRIBUTE
from dualhash.baselines.dbc import DBC
from dualhash.baselines.dnnh import DNNH
from dualhash.baselines.hashnet import HASHNET
from dualhash.baselines.itq import ITQ
from dualhash.baselines.jlbc import JLBC
from dualhash.baselines.ksh import KSH
from dualhash.baselines.lsh import LSH
from dualhash.baselines.method import Method
from dualhash.baselines.multiple_model import MULTIPLE_MODEL
from dualhash.baselines.sdh import SDH
from dualhash.baselines.ssdh import SSDH
from dualhash.baselines.svm_binary import SVM_BINARY
from dualhash.baselines.svm_real import SVM_REAL
from dualhash.errors import DualhashError, nearest

METHODS: Mapping[str, Method] = MappingProxyType(
    {
        method.name: method
        for method in (
            LSH,
            ITQ,
            CCA_ITQ,
            DBC,
            KSH,
            SDH,
            DNNH,
            HASHNET,
            SSDH,
            SVM_REAL,
            SVM_BINARY,
            CNN_ATTRIBUTE,
            JLBC,
            MULTIPLE_MODEL,
        )
    }
)
"""The comparison methods, in the order of the paper's tables."""


def method_named(name: str) -> Method:
    """The description of a method.

    Raises:
        DualhashError: There is none of that name; the message names the nearest.
    """
    if name not in METHODS:
        raise DualhashError(f"There is no method {name!r}. {nearest(name, METHODS)}")
    return METHODS[name]
