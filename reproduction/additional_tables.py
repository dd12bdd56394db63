"""Tables that are not in the paper: further comparisons, and explanations of other results."""

from reproduction.grid_cell import Cell, Setting
from reproduction.grid_plan import GridPlan
from reproduction.standard_cells import LOSSES, category_bits, one, usual
from reproduction.table_definition import DEPTHS, HALF, REAL, TASKS, WEIGHTED, Entry, Exhibit

MORE_ALPHAS = (0.0, 0.1)
"""Weights of the attributes that are evaluated on test images although they were not chosen."""

SSDH_SETTINGS: tuple[Setting, ...] = (
    ("category_loss", "ssdh"),
    ("loss_settings.push", 10.0),
    ("lr_pretrained", 0.3),
)
"""SSDH's category loss, with the settings chosen for it on `fashion`."""


def class_id(plan: GridPlan) -> Exhibit:
    """Storing the predicted class and attributes, compared with codes that serve every task."""
    methods = {
        "Class id + attributes": "class-id",
        "SVM-binary": "svm-binary",
        "JLBC": "jlbc",
        "Multiple-model": "multiple-model",
    }
    return Exhibit(
        "Methods that store bits for all three tasks, and the predicted class with attributes",
        ("bits", *TASKS),
        {
            title: tuple(
                Entry(figure, usual(method, plan, 0 if method == "class-id" else None))
                for figure in ("bits", *TASKS.values())
            )
            for title, method in {**methods, "DPH": "dph"}.items()
        },
    )


def lengths(plan: GridPlan) -> Exhibit:
    """Table 3 with equally long trainings, to separate the labels from the training time."""
    rows = {
        seen: one("dph", plan, seen=seen, settings=(("epochs", passes),))
        for seen, passes in plan.passes.items()
    }
    return Exhibit(
        "Partly labelled training images, with the same number of batches",
        ("mAP", "average HM"),
        {
            " + ".join(seen.split("+")): tuple(
                Entry(figure, cells) for figure in ("category_map", "avg_hm")
            )
            for seen, cells in {**rows, "B+A+C": usual("dph", plan)[:1]}.items()
        },
    )


def unseen(plan: GridPlan) -> Exhibit:
    """Categories without training images."""
    methods = {"ITQ": "itq", "HashNet": "hashnet", "SSDH": "ssdh", "DPH": "dph"}
    figures = {"among the unseen": "unseen_map", "among all": "unseen_among_all_map"}
    return Exhibit(
        f"Category retrieval of {plan.held_out} categories without training images, mAP",
        tuple(figures),
        {
            title: tuple(
                Entry(figure, one(method, plan, held_out=plan.held_out))
                for figure in figures.values()
            )
            for title, method in methods.items()
        },
    )


def balance(plan: GridPlan) -> Exhibit:
    """How alpha, SSDH's category loss and longer training change the figures on test images."""
    changed: dict[str, tuple[Setting, ...]] = {
        f"alpha {alpha:g}": (("alpha", alpha),) for alpha in MORE_ALPHAS
    }
    if "ssdh" in plan.trials:
        changed["SSDH's category loss"] = SSDH_SETTINGS
    if "epochs" in plan.training:
        changed["twice as long"] = (("epochs", 2 * plan.training["epochs"]),)
    rows = {title: one("dph", plan, settings=settings) for title, settings in changed.items()}
    return Exhibit(
        "DPH with other weights of the attributes, another category loss, and longer training",
        tuple(TASKS),
        {
            title: tuple(
                None if title == "alpha 0" and column != "Cat." else Entry(figure, cells)
                for column, figure in TASKS.items()
            )
            for title, cells in {"standard settings": usual("dph", plan), **rows}.items()
        },
    )


def halves(plan: GridPlan) -> Exhibit:
    """Whether bits that hold attributes harm rankings by distance."""
    cells, half = usual("dph", plan)[:1], plan.bits // 2
    shorter = usual("dph", plan, half)[:1]
    figures = {column: TASKS[column] for column in ("Cat.", "Com.")}

    def row(cells: tuple[Cell, ...], start: str = "") -> tuple[Entry, ...]:
        return tuple(Entry(start + figure, cells) for figure in figures.values())

    return Exhibit(
        "Rankings by half of the bits",
        tuple(figures),
        {
            f"DPH, all {plan.bits} bits": row(cells),
            f"DPH, the {half} with the least attribute information": row(cells, f"{HALF}least_"),
            f"DPH, the {half} with the most attribute information": row(cells, f"{HALF}most_"),
            f"DPH of {half} bits": row(shorter),
            f"SSDH of {half} bits": (Entry("category_map", usual("ssdh", plan, half)[:1]), None),
            "Multiple-model": row(usual("multiple-model", plan)[:1]),
        },
        note="The attribute information of a bit is the sum of its absolute weights, equation 10; "
        "no images are used for it. Combined searches filter by probabilities from all bits.",
    )


def filters(plan: GridPlan) -> Exhibit:
    """How accurate the attributes are that combined searches filter by."""
    columns = {"true positive rate": "avg_tpr", "true negative rate": "avg_tnr"}
    columns |= {"precision": "avg_precision"}
    rows = {
        "Multiple-model": usual("multiple-model", plan)[:1],
        "SVM-binary": usual("svm-binary", plan),
        "DPH": usual("dph", plan)[:1],
        "DPH, before quantisation": usual("dph", plan)[:1],
        "DPH, hinge": one("dph", plan, settings=LOSSES["cls + hinge"]),
    }
    before = {"DPH, before quantisation": REAL}
    return Exhibit(
        "Predicted attributes, means over attributes",
        tuple(columns),
        {
            title: tuple(
                Entry(before.get(title, "") + figure, cells) for figure in columns.values()
            )
            for title, cells in rows.items()
        },
    )


def swaps(plan: GridPlan) -> Exhibit:
    """Whether ranking or filter decides combined searches: each method's with the other's.

    The last row is a weighted search, which has no filter.
    """
    rows = {
        "SSDH's bits, CNN-attribute's attributes": ("multiple-model", "combined_"),
        "SSDH's bits, DPH's attributes": ("ssdh-by-dph", "combined_"),
        "DPH's bits, CNN-attribute's attributes": ("dph-by-cnn-attribute", "combined_"),
        "DPH's bits, DPH's attributes": ("dph", "combined_"),
        "DPH, weighted": ("dph", WEIGHTED),
    }
    return Exhibit(
        "Combined searches that rank by one model and filter by another, recall",
        tuple(str(depth) for depth in DEPTHS),
        {
            title: tuple(
                Entry(f"{start}recall_at_{depth}", usual(method, plan)[:1]) for depth in DEPTHS
            )
            for title, (method, start) in rows.items()
        },
        note=f"SSDH has {category_bits(plan)} bits, as in Multiple-model, which the first row is. "
        "Weighted searches leave nothing out: they rank by distance - T log p, with the T that was "
        "chosen on validation images when DPH was trained.",
    )
