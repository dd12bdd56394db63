"""The settings of the experiment grid for each catalogue."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from dualhash.errors import DualhashError, nearest
from dualhash.evaluation.bootstrap import RESAMPLES

TRIALS: Mapping[str, Mapping[str, tuple[Any, ...]]] = MappingProxyType(
    {"dph": {"alpha": (0.0, 0.1, 0.2, 0.3, 1.0)}}
)
"""By method, the settings that are chosen on validation images, and the tried values, ascending.

Each is tried with the defaults of all others. A name with a dot is an entry of a nested setting.
"""

RATES = (0.03, 0.1, 0.3)
"""Learning rates of pretrained layers."""


@dataclass(frozen=True)
class GridPlan:
    """The settings of the grid for one catalogue.

    Attributes:
        catalogue: Name of the data set.
        attributes: Number of attributes.
        backbones: Networks compared in figure 9, each with its further settings; all other cells
            use the first.
        pretrained: The backbones with published weights. The others are first trained on the
            catalogue's categories, as the paper does for CFW-60K.
        training: Settings of all trainings, with the name of their preset.
        pretraining: Settings of the trainings of backbones.
        bits: Code length of tables with a single length.
        category_bits: Lengths of table 4.
        attribute_bits: Lengths of figure 12.
        seeds: Seeds of the methods in claims; other methods use only the first.
        held_out: Categories without training images, in the table of unseen categories.
        trials: Settings chosen on validation images; see `TRIALS`.
        trial: Settings of trials that differ from those of all trainings.
        passes: Passes over fewer training subsets, by their names, that give as many batches as
            training on all; empty if all trainings have the same number of batches.
        share: Share of the images, for a small version.
        resamples: Bootstrap draws.
    """

    catalogue: str
    attributes: int
    backbones: Mapping[str, Mapping[str, Any]]
    training: Mapping[str, Any]
    pretraining: Mapping[str, Any] = field(default_factory=dict)
    pretrained: frozenset[str] = frozenset()
    bits: int = 256
    category_bits: tuple[int, ...] = (32, 64, 128, 256)
    attribute_bits: tuple[int, ...] = (16, 32, 64, 128, 256)
    seeds: tuple[int, ...] = (0, 1)
    held_out: int = 13
    trials: Mapping[str, Mapping[str, tuple[Any, ...]]] = field(default_factory=lambda: TRIALS)
    trial: Mapping[str, Any] = field(default_factory=dict)
    passes: Mapping[str, int] = field(default_factory=dict)
    share: float = 1.0
    resamples: int = RESAMPLES

    @property
    def backbone(self) -> str:
        """The backbone of all cells except those of figure 9."""
        return next(iter(self.backbones))


_PLANS = (
    # The first backbone is pretrained on the shop's own photos, the second on ImageNet. Every
    # method trains their upper stages with the same number of passes over its training images.
    GridPlan(
        "fashion",
        attributes=32,
        backbones={
            "resnet18-half": {},
            "efficientnet-lite0": {
                "pretrained": True,
                "image_size": (80, 60),
                "frozen_stages": 4,
                "lr_pretrained": 0.01,
            },
        },
        training={
            "preset": "small",
            "frozen_stages": 3,
            "epochs": 8,
            "validation_every": 250,
        },
        pretraining={"preset": "small", "iterations": 3000},
        pretrained=frozenset({"efficientnet-lite0"}),
        trials={
            "dph": {**TRIALS["dph"], "lr_pretrained": RATES},
            "ssdh": {
                "lr_pretrained": (*RATES, 1.0),
                "loss_settings.push": (1.0, 10.0, 30.0),
            },
            "hashnet": {
                "lr_pretrained": RATES,
                "loss_settings.slope": (5.0, 10.0, 20.0),
                "shuffled_images": (None, 128),
            },
            "dnnh": {
                "lr_pretrained": (*RATES, 1.0),
                "loss_settings.margin": (1.0, 4.0),
                "shuffled_images": (None, 128),
            },
            "cnn-attribute": {"lr_pretrained": RATES},
        },
        trial={"epochs": 4},
        passes={"B": 77, "B+A": 21, "B+C": 11},
    ),
    # Section 4.1 of the paper, and 4.2.3 for the second backbone.
    GridPlan(
        "imagenet150k",
        attributes=25,
        backbones={"alexnet": {}, "resnet18": {"iterations": 50_000, "step_every": 20_000}},
        training={"preset": "paper-imagenet"},
        pretrained=frozenset({"alexnet", "resnet18"}),
    ),
    # The paper pretrains on faces from the web that are not published; here CFW-60K itself is used.
    GridPlan(
        "cfw60k",
        attributes=14,
        backbones={"face10": {}},
        training={"preset": "paper-cfw"},
        pretraining={"preset": "paper-cfw"},
    ),
    # The paper's network comes from MIT Places, in Caffe; here AlexNet has ImageNet's weights.
    GridPlan(
        "sun120k",
        attributes=102,
        backbones={"alexnet": {}},
        training={"preset": "paper-imagenet"},
        pretrained=frozenset({"alexnet"}),
    ),
)

PLANS: Mapping[str, GridPlan] = MappingProxyType({plan.catalogue: plan for plan in _PLANS})
"""The plan of every catalogue that the grid can run on."""

QUICK_IMAGES = 0.2
QUICK_SETTINGS = {"iterations": 150, "validation_every": 75}
LENGTH = frozenset({"epochs", "iterations", "step_every"})
"""Settings that define the length of a training."""


def plan_for(catalogue: str, *, quick: bool = False) -> GridPlan:
    """Returns the plan of a catalogue; the quick one checks in minutes that everything works.

    Raises:
        DualhashError: There is no plan of that name.
    """
    if catalogue not in PLANS:
        raise DualhashError(f"There is no plan for {catalogue!r}. {nearest(catalogue, PLANS)}")
    plan = PLANS[catalogue]
    if not quick:
        return plan
    bits = max(64, 8 * (plan.attributes // 8 + 2))  # leaves some for categories
    return replace(
        plan,
        training={**_without_length(plan.training), **QUICK_SETTINGS},
        pretraining={**_without_length(plan.pretraining), **QUICK_SETTINGS},
        backbones={name: _without_length(each) for name, each in plan.backbones.items()},
        bits=bits,
        category_bits=(32, bits),
        attribute_bits=(32, bits),
        seeds=plan.seeds[:1],
        trials={},
        passes={},
        share=QUICK_IMAGES,
        resamples=100,
    )


def _without_length(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name not in LENGTH}
