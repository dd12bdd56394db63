"""Learn one short binary code per image and search it three ways.

The public names are loaded when they are first used, so that `import dualhash` costs nothing and
only training needs torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from dualhash.errors import DualhashError, needs_extra
from dualhash.version import __version__

if TYPE_CHECKING:
    from dualhash.catalogue.catalogue import Catalogue
    from dualhash.catalogue.columns import Columns
    from dualhash.codes.model import Model
    from dualhash.evaluation.evaluate import evaluate
    from dualhash.search.build import build_index
    from dualhash.search.hamming_index import HammingIndex
    from dualhash.search.index import Index
    from dualhash.training.config import TrainConfig
    from dualhash.training.presets import preset_config
    from dualhash.training.pretrain import pretrain
    from dualhash.training.train import train

__all__ = [
    "Catalogue",
    "Columns",
    "DualhashError",
    "HammingIndex",
    "Index",
    "Model",
    "TrainConfig",
    "__version__",
    "build_index",
    "evaluate",
    "preset_config",
    "pretrain",
    "train",
]

_HOMES = {
    "Catalogue": "dualhash.catalogue.catalogue",
    "Columns": "dualhash.catalogue.columns",
    "HammingIndex": "dualhash.search.hamming_index",
    "Index": "dualhash.search.index",
    "Model": "dualhash.codes.model",
    "TrainConfig": "dualhash.training.config",
    "build_index": "dualhash.search.build",
    "evaluate": "dualhash.evaluation.evaluate",
    "preset_config": "dualhash.training.presets",
    "pretrain": "dualhash.training.pretrain",
    "train": "dualhash.training.train",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'dualhash' has no attribute {name!r}")
    with needs_extra(f"dualhash.{name}", "train"):
        value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
