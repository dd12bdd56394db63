"""Multiple-model: some bits for the category, the others for the attributes."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from dualhash.baselines.cnn_attribute import CNN_ATTRIBUTE, AttributeEncoder, read_units
from dualhash.baselines.deep_method import DeepMethod
from dualhash.baselines.ssdh import SSDH
from dualhash.catalogue.catalogue import LabelNames
from dualhash.errors import DualhashError
from dualhash.network import Encoder
from dualhash.training.config import TrainConfig
from dualhash.training.export.exported_model import Assembly, ExportPlan, head_of
from dualhash.training.loop.train_network import Learned
from dualhash.training.loop.validation import validation_score

CATEGORIES, ATTRIBUTES = "categories", "attributes"


class JoinedEncoder(nn.Module):
    """Outputs of several encoders, one after the other."""

    def __init__(self, *encoders: nn.Module) -> None:
        super().__init__()
        self.encoders = nn.ModuleList(encoders)

    def forward(self, images: Tensor) -> Tensor:
        """Outputs in [0, 1], float32 (N, k), of RGB images, uint8 (N, H, W, 3)."""
        return torch.cat([encoder(images) for encoder in self.encoders], dim=1)


def runs(config: TrainConfig, attributes: int) -> Mapping[str, TrainConfig]:
    """SSDH with the bits that the attributes leave, and CNN-attribute.

    Raises:
        DualhashError: The attributes leave none.
    """
    left = config.bits - attributes
    if left < 1:
        raise DualhashError(
            f"{attributes} attributes take a bit each and leave none of {config.bits} to the "
            "category; take longer codes."
        )
    return {
        CATEGORIES: SSDH.configured(config).model_copy(update={"bits": left}),
        ATTRIBUTES: CNN_ATTRIBUTE.configured(config),
    }


def assemble(config: TrainConfig, learned: Mapping[str, Learned]) -> Assembly:
    """Codes and heads of both, side by side."""
    category, attribute = learned[CATEGORIES], learned[ATTRIBUTES]
    names = LabelNames(category.task.names.categories, attribute.task.names.attributes)
    attributes = len(names.attributes)
    first = config.bits - attributes
    head = read_units(attribute, config.bits, first)
    tensors = head_of(category.fitted.network, "category")
    padding = ((0, 0), (0, attributes))
    return Assembly(
        encoder=JoinedEncoder(
            Encoder(category.fitted.network),
            AttributeEncoder(attribute.fitted.network, attributes),
        ),
        bits=config.bits,
        names=names,
        tensors={
            "category_head.weight": np.pad(tensors["category_head.weight"], padding),
            "category_head.bias": tensors["category_head.bias"],
            "attribute_head.weight": head.weight,
            "attribute_head.bias": head.bias,
        },
        report=_report(category.report, attribute.report),
        attribute_units=tuple(range(first, config.bits)),
    )


def _report(category: Mapping[str, object], attribute: Mapping[str, object]) -> dict[str, object]:
    """What is said of both together, and of each."""
    best_category, best_attribute = category["best"], attribute["best"]
    assert isinstance(best_category, dict)
    assert isinstance(best_attribute, dict)
    figures = best_category["category_map"], best_attribute["avg_hm"]
    return {
        **category,
        "seconds": float(str(category["seconds"])) + float(str(attribute["seconds"])),
        "alpha": None,
        "best": {
            "category_map": figures[0],
            "avg_hm": figures[1],
            "score": validation_score(*figures),
        },
        "parts": {CATEGORIES: dict(category), ATTRIBUTES: dict(attribute)},
    }


MULTIPLE_MODEL = DeepMethod(
    name="multiple-model",
    title="Multiple-model",
    paper="Liu, Wang, Shan and Chen, IJCV, section 4.3.3",
    year=2020,
    answers=frozenset({"category", "attribute", "combined"}),
    labels="both",
    bits="a multiple of 8, more than there are attributes",
    plan=ExportPlan(runs, assemble),
    parts=(SSDH, CNN_ATTRIBUTE),
)
"""SSDH with k - p bits, then p bits of predicted attributes by CNN-attribute.

Deviation: as an ordinary code it is ranked by the Hamming distance of all k bits, where the paper
ranks by those of SSDH alone.
"""
