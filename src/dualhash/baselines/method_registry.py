"""The comparison methods by name."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from dualhash.baselines.cca_itq import CCA_ITQ
from dualhash.baselines.cnn_attribute import CNN_ATTRIBUTE
from dualhash.baselines.dbc import DBC
from dualhash.baselines.dnnh import DNNH
from dualhash.baselines.hashnet import HASHNET
from dualhash.baselines.head_method import HeadMethod
from dualhash.baselines.itq import ITQ
from dualhash.baselines.jlbc import JLBC
from dualhash.baselines.ksh import KSH
from dualhash.baselines.lsh import LSH
from dualhash.baselines.multiple_model import MULTIPLE_MODEL
from dualhash.baselines.sdh import SDH
from dualhash.baselines.ssdh import SSDH
from dualhash.baselines.svm_binary import SVM_BINARY
from dualhash.baselines.svm_real import SVM_REAL
from dualhash.errors import DualhashError, nearest
from dualhash.training.method import DPH, Method

_METHODS: tuple[Method, ...] = (
    *(LSH, ITQ, CCA_ITQ, DBC, KSH, SDH, DNNH, HASHNET, SSDH),
    *(SVM_REAL, SVM_BINARY, CNN_ATTRIBUTE, JLBC, MULTIPLE_MODEL),
)

METHODS: Mapping[str, Method] = MappingProxyType({method.name: method for method in _METHODS})
"""The comparison methods, in the order of the paper's tables."""


def find_method(name: str, base: str | Path | None = None) -> Method:
    """Returns a method for `dualhash.train`.

    Args:
        name: "dph" or a key of `METHODS`.
        base: Folder of the model whose codes the method reads; only svm-binary needs one.

    Raises:
        DualhashError: The method does not exist; the message lists similar names.
    """
    methods = {DPH.name: DPH, **METHODS}
    if name not in methods:
        raise DualhashError(f"There is no method {name!r}. {nearest(name, methods)}")
    method = methods[name]
    if isinstance(method, HeadMethod) and base is not None:
        return replace(method, base_folder=Path(base))
    return method
