"""Section 4 of the paper as data: which cells feed which table and figure."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from dualhash.errors import DualhashError, nearest
from dualhash.experiments.cell import PRETRAINING, Cell, Setting
from dualhash.experiments.exhibit import Entry, Exhibit, Picture
from dualhash.experiments.plan import Plan
from dualhash.experiments.tuning import choices

CATEGORY_METHODS = {
    "LSH": "lsh",
    "ITQ": "itq",
    "CCA-ITQ": "cca-itq",
    "DBC": "dbc",
    "KSH": "ksh",
    "SDH": "sdh",
    "DNNH": "dnnh",
    "HashNet": "hashnet",
    "SSDH": "ssdh",
    "DPH": "dph",
}
"""By their titles in table 4."""

SEVERAL_SEEDS = frozenset({"dph", "ssdh", "cnn-attribute", "multiple-model"})
"""Methods that are trained with every seed of the plan."""

DEPTHS = (5, 10, 20, 50, 75, 100)

TASKS = {
    "Cat.": "category_map",
    "Attr.": "attribute_map",
    "Com.": "combined_recall_at_5",
}
LOSSES = {
    "cls + wsce": (),
    "cls + hinge": (("attribute_loss", "hinge"),),
    "ml + wsce": (("category_loss", "triplet"),),
    "ml + hinge": (("attribute_loss", "hinge"), ("category_loss", "triplet")),
}
MORE_ALPHAS = (0.0, 0.1, 1.0)
"""Weights of the attributes that are judged on test images, too, though not chosen."""

REAL = "real_"
"""Before the names of figures of real-valued outputs, before quantisation."""

HALF = "half_category_map_"
"""Before the names of figures of half of the bits, by what they say of attributes."""


def usual(method: str, plan: Plan, bits: int | None = None) -> tuple[Cell, ...]:
    """The cells of a method as the comparisons have it, one a seed."""
    seeds = plan.seeds if method in SEVERAL_SEEDS else plan.seeds[:1]
    length = plan.bits if bits is None else bits
    return tuple(Cell(method, length, seed=seed) for seed in seeds)


def _one(method: str, plan: Plan, **fields: object) -> tuple[Cell]:
    return (replace(usual(method, plan)[0], **fields),)  # type: ignore[arg-type]


def exhibits(plan: Plan) -> dict[str, Exhibit | Picture]:
    """Every table and figure by name, in the order of the paper."""
    dph = usual("dph", plan)
    return {
        "table-1": _losses(plan),
        "table-2": Exhibit(
            "Before and after quantisation",
            ("Before", "After"),
            {
                task: (Entry(REAL + figure, dph), Entry(figure, dph))
                for task, figure in zip(
                    ("Category retrieval", "Attribute retrieval", "Combined retrieval"),
                    TASKS.values(),
                    strict=True,
                )
            },
        ),
        "figure-8": Picture("Outputs of the hash layer on test images", "histogram", dph[0]),
        "table-3": _partly_labelled(plan),
        "figure-9": Exhibit(
            "Backbones",
            tuple(TASKS),
            {
                backbone: tuple(
                    Entry(figure, _backbone(plan, backbone)) for figure in TASKS.values()
                )
                for backbone in plan.backbones
            },
            drawn="bars",
        ),
        "figure-10": Picture(
            "Category and attribute information of each bit", "bits", dph[0], "correlation"
        ),
        "figure-11": Picture(
            "Alignment of attributes with categories", "bits", dph[0], "alignment_correlation"
        ),
        "table-4": Exhibit(
            "Category retrieval, mAP",
            tuple(f"{bits}-bit" for bits in plan.category_bits),
            {
                title: tuple(
                    Entry("category_map", usual(method, plan, bits)) for bits in plan.category_bits
                )
                for title, method in CATEGORY_METHODS.items()
            },
        ),
        "figure-12": _attributes(plan),
        "figure-13": Picture("Attribute retrievals", "attribute_sheet", dph[0]),
        "figure-14": _combined(plan),
        "figure-15": Picture("Combined retrievals", "combined_sheet", dph[0]),
        "class-id": _class_id(plan),
        "unseen": _unseen(plan),
        "balance": _balance(plan),
        "halves": _halves(plan),
        **({"choices": choices(plan)} if plan.trials else {}),
    }


def chosen_exhibits(plan: Plan, only: Iterable[str] = ()) -> dict[str, Exhibit | Picture]:
    """Those named, or all.

    Raises:
        DualhashError: There is no such table or figure.
    """
    known = exhibits(plan)
    for name in only:
        if name not in known:
            raise DualhashError(f"There is no table or figure {name!r}. {nearest(name, known)}")
    return {name: known[name] for name in known if name in set(only)} if only else known


def cells_of(shown: Mapping[str, Exhibit | Picture]) -> list[Cell]:
    """The cells that feed some tables and figures, each once, in their order."""
    return list(dict.fromkeys(cell for exhibit in shown.values() for cell in exhibit.cells()))


def parts_of(cell: Cell, plan: Plan) -> tuple[Cell, ...]:
    """The cells whose models this one is made from."""
    if cell.method == PRETRAINING:
        return ()
    backbone = dict(cell.settings).get("backbone", plan.backbone)
    ssdh = Cell("ssdh", plan.bits, seed=cell.seed)
    attributes = Cell("cnn-attribute", seed=cell.seed)
    together = {
        "class-id": (ssdh, attributes),
        "multiple-model": (replace(ssdh, bits=category_bits(plan)), attributes),
    }
    if cell.method in together:
        return together[cell.method]
    if cell.method == "svm-binary":
        return (ssdh,)
    return () if backbone in plan.pretrained else (pretraining(plan, backbone),)


def category_bits(plan: Plan) -> int:
    """Bits that Multiple-model has for categories: what attributes leave, a multiple of 8."""
    return 8 * ((plan.bits - plan.attributes) // 8)


def pretraining(plan: Plan, backbone: str) -> Cell:
    """The cell that trains a backbone on categories, without those that are held out."""
    chosen: tuple[Setting, ...] = (("backbone", backbone),)
    return Cell(PRETRAINING, settings=chosen, held_out=plan.held_out)


def _losses(plan: Plan) -> Exhibit:
    usual_cells = usual("dph", plan)
    return Exhibit(
        "Combinations of losses",
        tuple(TASKS),
        {
            title: tuple(
                Entry(figure, _one("dph", plan, settings=settings) if settings else usual_cells)
                for figure in TASKS.values()
            )
            for title, settings in LOSSES.items()
        },
        note="Alpha was chosen for the first row and is the same in all.",
    )


def _partly_labelled(plan: Plan) -> Exhibit:
    usual_cells = usual("dph", plan)
    return Exhibit(
        "Partly labelled training images",
        ("mAP", "average HM"),
        {
            " + ".join(seen.split("+")): tuple(
                Entry(figure, cells) for figure in ("category_map", "avg_hm")
            )
            for seen in ("B", "B+0.5A", "B+A", "B+0.5C", "B+C", "B+A+C")
            for cells in [usual_cells if seen == "B+A+C" else _one("dph", plan, seen=seen)]
        },
    )


def _backbone(plan: Plan, backbone: str) -> tuple[Cell, ...]:
    if backbone == plan.backbone:
        return usual("dph", plan)
    return _one("dph", plan, settings=(("backbone", backbone),))


def _attributes(plan: Plan) -> Exhibit:
    """Methods whose figures do not depend on the length have the same in every column."""
    figure = "attribute_map"
    lengths = plan.attribute_bits
    svm_binary = Entry(figure, usual("svm-binary", plan))
    return Exhibit(
        "Attribute retrieval, mAP",
        tuple(f"{bits}-bit" for bits in lengths),
        {
            "SVM-real": (Entry(figure, usual("svm-real", plan, 0)),) * len(lengths),
            "SVM-binary": tuple(svm_binary if bits == plan.bits else None for bits in lengths),
            "CNN-attribute": (Entry(figure, usual("cnn-attribute", plan, 0)),) * len(lengths),
            "DPH": tuple(Entry(figure, usual("dph", plan, bits)) for bits in lengths),
        },
        drawn="lines",
        axis="bits",
        figure="attribute mAP",
        note="SVM-real and CNN-attribute store real values; their figures hold for any length.",
    )


def _combined(plan: Plan) -> Exhibit:
    methods = {"JLBC": "jlbc", "Multiple-model": "multiple-model", "DPH": "dph"}
    return Exhibit(
        "Combined retrieval, recall",
        tuple(str(depth) for depth in DEPTHS),
        {
            title + suffix: tuple(
                Entry(f"combined_{kind}recall_at_{depth}", usual(method, plan)) for depth in DEPTHS
            )
            for suffix, kind in (("", ""), (", capped", "capped_"))
            for title, method in methods.items()
        },
        drawn="lines",
        axis="results",
        figure="average recall",
        note="Capped recall divides by the number of results where that is below the number of "
        "relevant images, so that 1 can be reached.",
    )


def _class_id(plan: Plan) -> Exhibit:
    """Not in the paper: the code that a closed set of labels can be told with."""
    methods = {"Class id + attributes": "class-id", "Multiple-model": "multiple-model"}
    return Exhibit(
        "Predicted class id and predicted attributes as bits",
        ("bits", *TASKS),
        {
            title: tuple(
                Entry(figure, usual(method, plan, 0 if method == "class-id" else None))
                for figure in ("bits", *TASKS.values())
            )
            for title, method in {**methods, "DPH": "dph"}.items()
        },
    )


def _unseen(plan: Plan) -> Exhibit:
    """Not in the paper: categories of which training saw no image."""
    methods = {"ITQ": "itq", "HashNet": "hashnet", "SSDH": "ssdh", "DPH": "dph"}
    figures = {"among the unseen": "unseen_map", "among all": "unseen_among_all_map"}
    return Exhibit(
        f"Category retrieval of {plan.held_out} categories that no training image was of, mAP",
        tuple(figures),
        {
            title: tuple(
                Entry(figure, _one(method, plan, held_out=plan.held_out))
                for figure in figures.values()
            )
            for title, method in methods.items()
        },
    )


def _balance(plan: Plan) -> Exhibit:
    """Not in the paper: what the weight of the attributes and longer training do on test images."""
    changed: dict[str, tuple[Setting, ...]] = {
        f"alpha {alpha:g}": (("alpha", alpha),) for alpha in MORE_ALPHAS
    }
    if "epochs" in plan.training:
        changed["twice as long"] = (("epochs", 2 * plan.training["epochs"]),)
    rows = {title: _one("dph", plan, settings=settings) for title, settings in changed.items()}
    return Exhibit(
        "DPH by the weight of the attributes and the length of the training",
        tuple(TASKS),
        {
            title: tuple(
                None if title == "alpha 0" and column != "Cat." else Entry(figure, cells)
                for column, figure in TASKS.items()
            )
            for title, cells in {"as everywhere": usual("dph", plan), **rows}.items()
        },
    )


def _halves(plan: Plan) -> Exhibit:
    """Not in the paper: whether bits that tell attributes stand in the way of categories."""
    cells, half = usual("dph", plan)[:1], plan.bits // 2
    return Exhibit(
        "Category retrieval by half of the bits, mAP",
        ("Cat.",),
        {
            f"DPH, all {plan.bits} bits": (Entry("category_map", cells),),
            f"DPH, the {half} that say least of attributes": (Entry(f"{HALF}least", cells),),
            f"DPH, the {half} that say most of attributes": (Entry(f"{HALF}most", cells),),
            f"DPH of {half} bits": (Entry("category_map", usual("dph", plan, half)[:1]),),
            f"SSDH of {half} bits": (Entry("category_map", usual("ssdh", plan, half)[:1]),),
        },
        note="What a bit says of attributes is the sum of their weights' sizes, equation 10; no "
        "image takes part in that.",
    )
