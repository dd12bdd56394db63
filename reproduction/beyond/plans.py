"""The catalogues, settings and methods of the grid beyond the paper."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from dualhash.catalogue.catalogue import Catalogue
from dualhash.catalogue.datasets.fashion import COLUMNS
from dualhash.training.presets import PRESETS
from reproduction.grid_cell import Cell, Setting
from reproduction.grid_plan import GridPlan
from reproduction.method_outputs import ATTRIBUTE_MODEL, CATEGORY_MODEL, CLASS_ID

PLUS, FEATURES = "dph+", "features"
"""The recipe under test, and the one that it starts from; both are presets."""

IDEAS = {
    "category_share": "bits shared out",
    "loss_settings": "larger margin",
    "fill_attributes": "missing attributes predicted",
}
"""In words, the settings in which the presets differ."""


def added_ideas() -> dict[str, tuple[str, dict[str, Any]]]:
    """Returns what dph+ adds to features, one setting at a time.

    Returns:
        By the method of a cell, the last idea in words, and all settings up to it. The last method
        is dph+ itself.
    """
    before, after = PRESETS[FEATURES], PRESETS[PLUS]
    changed = [name for name in after if name not in before or before[name] != after[name]]
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    for count, name in enumerate(changed, 1):
        added = changed[:count]
        method = "-".join([FEATURES, *added]).replace("_", "-")
        settings = {"preset": FEATURES, **{each: after[each] for each in added}}
        last = count == len(changed)
        words = IDEAS.get(name, name)
        found[PLUS if last else method] = (words, {"preset": PLUS} if last else settings)
    return found


RECIPES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "dph": {
            "preset": FEATURES,
            "hash_layer": "sigmoid",
            "category_head": "linear",
            "category_loss": "softmax",
            "alpha": 0.3,
        },
        "dph-cosine": {"preset": FEATURES, "hash_layer": "sigmoid", "alpha": 0.3},
        FEATURES: {"preset": FEATURES},
        **{method: settings for method, (_, settings) in added_ideas().items()},
    }
)
"""Settings by the method of a cell: the paper's, and further ideas one at a time."""

FLOAT_FEATURES = "float-features"
"""The method that keeps normalised features and logistic classifiers beside them."""

NEAR_DUPLICATES = "near-duplicates"
"""The method of the cell that measures labels of nearly identical images."""

MULTIPLE_MODEL = "multiple-model"

TOGETHER = frozenset({MULTIPLE_MODEL, CLASS_ID})
"""Methods that consist of a model for categories and one for attributes."""

UNTRAINED = frozenset({*TOGETHER, FLOAT_FEATURES, NEAR_DUPLICATES})
"""Methods whose cells train no network."""

_BACKBONES: Mapping[str, Mapping[str, Any]] = {"efficientnet-lite0": {}}
"""The extractor of both presets."""

PLANS: Mapping[str, GridPlan] = MappingProxyType(
    {
        "fashion": GridPlan(
            "fashion",
            attributes=32,
            backbones=_BACKBONES,
            training={"preset": FEATURES},
            category_bits=(16, 32, 64, 128, 256, 512),
            trials={
                CATEGORY_MODEL: {
                    "lr_new": (2e-3, 4e-3, 8e-3),
                    "loss_settings.push": (1.0, 10.0, 30.0),
                },
                ATTRIBUTE_MODEL: {
                    "lr_new": (2e-3, 4e-3, 8e-3),
                    "head_settings.dropout": (0.3, 0.5, 0.7),
                },
            },
        ),
        "openmoji": GridPlan(
            "openmoji",
            attributes=14,
            backbones=_BACKBONES,
            training={"preset": FEATURES},
            bits=128,
            trials={},
        ),
        "fashion-photos": GridPlan(
            "fashion-photos",
            attributes=24,
            backbones=_BACKBONES,
            training={"preset": FEATURES},
            trials={},
        ),
    }
)
"""By catalogue. Specialists are tuned on validation images of the first; nothing is tuned on the
others."""

TUNED_ON = next(iter(PLANS.values()))


def read_catalogue(name: str, data: Path) -> Catalogue:
    """Reads a catalogue of `PLANS` from the folder of all catalogues.

    Args:
        name: A key of `PLANS`.
        data: Folder with the folders `fashion` and `fashion-photos`; openmoji needs no files.
    """
    if name == "openmoji":
        return Catalogue.read(name)
    if name == "fashion":
        return Catalogue.read(f"fashion:{data / name}")
    columns = COLUMNS.model_copy(update={"min_positives": 100})
    return Catalogue.read(data / name / "products.csv", columns)


def cells(
    method: str,
    plan: GridPlan,
    bits: int | None = None,
    *,
    settings: tuple[Setting, ...] = (),
    held_out: int = 0,
) -> tuple[Cell, ...]:
    """Returns the cells of a method, one for each seed.

    Args:
        method: Of the cells.
        plan: Of the catalogue.
        bits: Length of the code; None for that of the plan.
        settings: Of the cells.
        held_out: Of the cells.
    """
    length = plan.bits if bits is None else bits
    return tuple(
        Cell(method, length, settings=settings, seed=seed, held_out=held_out) for seed in plan.seeds
    )


def category_bits(plan: GridPlan, bits: int) -> int:
    """Returns the bits that Multiple-model has left for categories, a multiple of 8, or 0."""
    return max(0, 8 * ((bits - plan.attributes) // 8))


def parts_of(cell: Cell, plan: GridPlan) -> tuple[Cell, ...]:
    """Returns the cells whose models a cell is made from."""
    if cell.method not in TOGETHER:
        return ()
    bits = plan.bits if cell.method == CLASS_ID else category_bits(plan, cell.bits)
    return (
        Cell(CATEGORY_MODEL, bits, seed=cell.seed),
        Cell(ATTRIBUTE_MODEL, seed=cell.seed),
    )
