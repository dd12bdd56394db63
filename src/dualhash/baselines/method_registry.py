"""The comparison methods by name."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from dualhash.baselines.cca_itq import CCA_ITQ
from dualhash.baselines.cnn_attribute import CNN_ATTRIBUTE
from dualhash.baselines.common.head_method import HeadMethod
from dualhash.baselines.dbc import DBC
from dualhash.baselines.dnnh import DNNH
from dualhash.baselines.hashnet import HASHNET
from dualhash.baselines.itq import ITQ
from dualhash.baselines.jlbc import JLBC
from dualhash.baselines.ksh import KSH
from dualhash.baselines.lsh import LSH
from dualhash.baselines.multiple_model import MULTIPLE_MODEL
from dualhash.baselines.sdh import SDH
from dualhash.baselines.ssdh import SSDH
from dualhash.baselines.svm_binary import SVM_BINARY
from dualhash.baselines.svm_real import SVM_REAL
from dualhash.registry import Registry, saved_name
from dualhash.training.method import DPH, Method, custom_method

METHODS: Registry[Method] = Registry(
    "method",
    {
        method.name: method
        for method in (
            *(LSH, ITQ, CCA_ITQ, DBC, KSH, SDH, DNNH, HASHNET, SSDH),
            *(SVM_REAL, SVM_BINARY, CNN_ATTRIBUTE, JLBC, MULTIPLE_MODEL),
        )
    },
    made=Method,
)
"""The comparison methods, in the order of the paper's tables."""


def find_method(method: str | Callable[[], Method], base: str | Path | None = None) -> Method:
    """Returns a method for `dualhash.train`.

    Args:
        method: "dph", a key of `METHODS`, or a custom method: a class or function that makes
            it, its registered name, or its import path.
        base: Folder of the model whose codes the method reads; only svm-binary needs one.

    Raises:
        DualhashError: The method does not exist (the message lists similar names), or cannot be
            imported.
    """
    name = saved_name(METHODS.kind, method)
    if name == DPH.name:
        return DPH
    found = custom_method(name) if ":" in name else METHODS.find(name)
    if isinstance(found, HeadMethod) and base is not None:
        return replace(found, base_folder=Path(base))
    return found
