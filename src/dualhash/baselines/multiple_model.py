"""Multiple-model: some bits for the category, the others for the attributes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from dualhash.baselines.cnn_attribute import CNN_ATTRIBUTE, AttributeEncoder, fit_unit_head
from dualhash.baselines.common.one_bit_per_attribute import unit_head
from dualhash.baselines.ssdh import SSDH
from dualhash.errors import DualhashError
from dualhash.network import NetworkEncoder
from dualhash.training.calibrate import calibrate
from dualhash.training.config import TrainConfig
from dualhash.training.export.export_model import (
    ExportedModel,
    linear_head,
    validation_codes,
    widened,
)
from dualhash.training.export.onnx_export import export_checked
from dualhash.training.loop.train_network import TrainedNetwork
from dualhash.training.loop.validation_score import validation_score
from dualhash.training.method import NetworkMethod

CATEGORIES, ATTRIBUTES = "categories", "attributes"


class JoinedEncoder(nn.Module):
    """Concatenates the outputs of several encoders."""

    def __init__(self, *encoders: nn.Module) -> None:
        super().__init__()
        self.encoders = nn.ModuleList(encoders)

    def forward(self, inputs: Tensor) -> Tensor:
        """Returns outputs in [0, 1], float32 (N, k), of what each encoder takes."""
        return torch.cat([encoder(inputs) for encoder in self.encoders], dim=1)


@dataclass(frozen=True, kw_only=True)
class MultipleModel(NetworkMethod):
    """SSDH with k - p bits, and p bits of attributes that CNN-attribute predicts."""

    def runs(self, config: TrainConfig, attributes: int) -> Mapping[str, TrainConfig]:
        """Returns the settings of SSDH with the remaining bits, and of CNN-attribute.

        Raises:
            DualhashError: No bits remain.
        """
        remaining = config.bits - attributes
        if remaining < 1:
            raise DualhashError(
                f"{attributes} attributes need a bit each and leave none of {config.bits} for the "
                "category: use longer codes."
            )
        return {
            CATEGORIES: SSDH.configure(config).model_copy(update={"bits": remaining}),
            ATTRIBUTES: CNN_ATTRIBUTE.configure(config),
        }

    def export(self, trained: Mapping[str, TrainedNetwork]) -> ExportedModel:
        """Concatenates codes and heads of both networks."""
        category, attribute = trained[CATEGORIES], trained[ATTRIBUTES]
        attributes = len(attribute.data.names.attributes)
        first = category.data.config.bits
        bits = first + attributes
        joined = JoinedEncoder(
            NetworkEncoder(category.network), AttributeEncoder(attribute.network, attributes)
        )
        encoder, check = export_checked(joined, category.data)
        head = linear_head(category.network.category_head, category.data.names.categories)
        category_head = widened(head, slice(first), bits)
        attribute_head = fit_unit_head(attribute, bits, first)
        codes, labels = validation_codes(joined, category.data)  # without attributes
        calibrated = calibrate(codes, category_head, unit_head(0, bits), labels)
        codes, labels = validation_codes(joined, attribute.data)  # without categories
        others = calibrate(codes, category_head, attribute_head, labels)
        return ExportedModel(
            encoder=encoder,
            category_head=category_head,
            attribute_head=attribute_head,
            calibrated_category_head=calibrated.calibrated_category_head,
            calibrated_attribute_head=others.calibrated_attribute_head,
            calibration=others.calibration,
            preprocessing=category.data.preprocessing,
            report={**_report(category.report, attribute.report), "encoder": check},
            attribute_units=tuple(range(first, bits)),
            vector_length=category.data.vector_length,
        )


def _report(category: dict[str, Any], attribute: dict[str, Any]) -> dict[str, Any]:
    """Combines the reports of both networks."""
    category_map, avg_hm = category["best"]["category_map"], attribute["best"]["avg_hm"]
    score = validation_score(category_map, avg_hm)
    return {
        **category,
        "seconds": category["seconds"] + attribute["seconds"],
        "alpha": None,
        "best": {"category_map": category_map, "avg_hm": avg_hm, "score": score},
        "parts": {CATEGORIES: category, ATTRIBUTES: attribute},
    }


MULTIPLE_MODEL = MultipleModel(
    title="Multiple-model",
    paper="Liu, Wang, Shan and Chen, IJCV, section 4.3.3",
    year=2020,
    answers=frozenset({"category", "attribute", "combined"}),
    labels="both",
    bits="multiples of 8 above the number of attributes",
    parts=(SSDH, CNN_ATTRIBUTE),
)
"""Deviation: it is ranked by the Hamming distance of all k bits, like any other code; the paper
ranks by the bits of SSDH alone."""
