"""The cells that most tables use, and the cells that each is made from."""

from collections.abc import Mapping
from dataclasses import replace

from reproduction.grid_cell import PRETRAINING, Cell, Setting
from reproduction.grid_plan import GridPlan

SEVERAL_SEEDS = frozenset({"dph", "ssdh", "cnn-attribute", "multiple-model"})
"""Methods that are trained with every seed of the plan."""


LOSSES: Mapping[str, tuple[Setting, ...]] = {
    "cls + wsce": (),
    "cls + hinge": (("attribute_loss", "hinge"),),
    "ml + wsce": (("category_loss", "triplet"),),
    "ml + hinge": (("attribute_loss", "hinge"), ("category_loss", "triplet")),
}
"""DPH's settings for the combinations of losses in table 1."""


def usual(method: str, plan: GridPlan, bits: int | None = None) -> tuple[Cell, ...]:
    """Returns the standard cells of a method, one for each seed."""
    seeds = plan.seeds if method in SEVERAL_SEEDS else plan.seeds[:1]
    length = plan.bits if bits is None else bits
    return tuple(Cell(method, length, seed=seed) for seed in seeds)


def one(method: str, plan: GridPlan, **fields: object) -> tuple[Cell]:
    """Returns the standard cell of the first seed with some fields changed."""
    return (replace(usual(method, plan)[0], **fields),)  # type: ignore[arg-type]


def parts_of(cell: Cell, plan: GridPlan) -> tuple[Cell, ...]:
    """Returns the cells whose models a cell is made from."""
    if cell.method == PRETRAINING:
        return ()
    backbone = dict(cell.settings).get("backbone", plan.backbone)
    ssdh = Cell("ssdh", plan.bits, seed=cell.seed)
    attributes = Cell("cnn-attribute", seed=cell.seed)
    dph, shorter = replace(ssdh, method="dph"), replace(ssdh, bits=category_bits(plan))
    together = {
        "class-id": (ssdh, attributes),
        "multiple-model": (shorter, attributes),
        "ssdh-by-dph": (shorter, dph),
        "dph-by-cnn-attribute": (dph, attributes),
    }
    if cell.method in together:
        return together[cell.method]
    if cell.method == "svm-binary":
        return (ssdh,)
    return () if backbone in plan.pretrained else (pretraining(plan, backbone),)


def category_bits(plan: GridPlan) -> int:
    """Returns the bits that Multiple-model has left for categories, a multiple of 8."""
    return 8 * ((plan.bits - plan.attributes) // 8)


def pretraining(plan: GridPlan, backbone: str) -> Cell:
    """Returns the cell that trains a backbone on the categories that are not held out."""
    chosen_settings: tuple[Setting, ...] = (("backbone", backbone),)
    return Cell(PRETRAINING, settings=chosen_settings, held_out=plan.held_out)
