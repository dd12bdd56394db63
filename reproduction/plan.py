"""How the paper's grid is run on a catalogue: what depends on its images and its size."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from dualhash.errors import DualhashError, nearest
from dualhash.evaluation.bootstrap import RESAMPLES

TRIALS: Mapping[str, Mapping[str, tuple[Any, ...]]] = MappingProxyType(
    {"dph": {"alpha": (0.0, 0.1, 0.2, 0.3, 1.0)}}
)
"""By method, the settings that are chosen on validation images and the values tried, ascending.

Each is tried with all others as they are. After a dot stands the name within a setting that holds
several.
"""

RATES = (0.03, 0.1, 0.3)
"""Learning rates of pretrained layers."""


@dataclass(frozen=True)
class GridPlan:
    """What the grid is run with on one catalogue.

    Attributes:
        catalogue: Name of the data set.
        attributes: How many it has.
        backbones: Networks compared in figure 9, each with the settings that it needs besides; all
            other cells have the first.
        pretrained: Those of them that have published weights; the others are trained on the
            catalogue's categories first, as the paper does for CFW-60K.
        training: Settings of all trainings, with the name of their preset.
        pretraining: Settings of those of backbones.
        bits: Of all that is at one length.
        category_bits: Lengths of table 4.
        attribute_bits: Lengths of figure 12.
        seeds: Of the methods that the claims are about; the others have the first alone.
        held_out: Categories that no training image is of, where unseen ones are judged.
        trials: What is chosen on validation images; see `TRIALS`.
        trial: Settings of trials over those of all trainings.
        passes: Over fewer training subsets, by their names: so many that there are as many batches
            as with all; empty where all trainings have equally many.
        share: Of the images, where a small version is run.
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
        """That of all cells but those of figure 9."""
        return next(iter(self.backbones))


_PLANS = (
    # The first backbone is pretrained on the shop's own photos, the second on ImageNet. Every
    # method trains their upper stages for equally many passes over the images it learns from.
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
    # The paper pretrains on faces of the web that are not published: here on CFW-60K's own.
    GridPlan(
        "cfw60k",
        attributes=14,
        backbones={"face10": {}},
        training={"preset": "paper-cfw"},
        pretraining={"preset": "paper-cfw"},
    ),
    # The paper's network comes from MIT Places, in Caffe: here AlexNet's weights of ImageNet.
    GridPlan(
        "sun120k",
        attributes=102,
        backbones={"alexnet": {}},
        training={"preset": "paper-imagenet"},
        pretrained=frozenset({"alexnet"}),
    ),
)

PLANS: Mapping[str, GridPlan] = MappingProxyType({plan.catalogue: plan for plan in _PLANS})
"""Every catalogue that the grid can be run on."""

QUICK_IMAGES = 0.2
QUICK_SETTINGS = {"iterations": 150, "validation_every": 75}
LENGTH = frozenset({"epochs", "iterations", "step_every"})
"""Settings that say how long a training is."""


def plan_for(catalogue: str, *, quick: bool = False) -> GridPlan:
    """The plan of a catalogue; the quick one shows in minutes that everything works.

    Raises:
        DualhashError: There is none for that name.
    """
    if catalogue not in PLANS:
        raise DualhashError(f"There is no plan for {catalogue!r}. {nearest(catalogue, PLANS)}")
    plan = PLANS[catalogue]
    if not quick:
        return plan
    bits = max(64, 8 * (plan.attributes // 8 + 2))  # some are left to categories
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
