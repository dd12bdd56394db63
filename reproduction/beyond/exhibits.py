"""The tables and figures beyond the paper, and which cells each needs."""

from collections.abc import Iterable

from dualhash.catalogue.datasets.fashion import COLUMNS
from dualhash.errors import DualhashError
from dualhash.training.presets import PRESETS
from reproduction.beyond.near_duplicates import DISTANCES
from reproduction.beyond.plans import (
    FEATURES,
    FLOAT_FEATURES,
    MULTIPLE_MODEL,
    NEAR_DUPLICATES,
    PLUS,
    added_ideas,
    category_bits,
    cells,
)
from reproduction.grid_cell import Cell
from reproduction.grid_plan import GridPlan
from reproduction.method_outputs import ATTRIBUTE_MODEL, CATEGORY_MODEL, CLASS_ID
from reproduction.setting_choice import VALIDATION, choices
from reproduction.table_definition import REAL, Entry, Exhibit, Picture

CATEGORY, ATTRIBUTE, AVG_HM = "category_map", "attribute_map", "avg_hm"
FILTER, POSTERIOR = "combined_", "combined_posterior_"
"""Prefixes of recalls of combined searches, by the paper's filter and by posterior."""

SECONDS = "seconds"
"""The figure of the time that a cell took to learn."""

CALIBRATION_ERROR, PRECISION = "attribute_ece", "precision_at_90"
"""Figures of calibrated readings of attributes: see `evaluation.evaluate_calibration`."""

FACETS = COLUMNS.facets
"""The facets of fashion."""

RELIABILITY = "reliability"
"""The extra data of a cell that hold its reliability diagrams."""

DIAGRAMS = {"category": "most probable category", "all_attributes": "attributes"}
"""Names of the diagrams in these data, and in words."""

SHARES = (0.25, 0.5, 0.75)

RECALLS = {"r@5": "recall_at_5", "capped": "capped_recall_at_5", "r@100": "recall_at_100"}

LADDER = {
    "dph (softmax, sigmoid)": "dph",
    "+ cosine margin": "dph-cosine",
    "+ straight-through bits (features)": FEATURES,
    **{
        f"+ {words}{' (dph+)' if method == PLUS else ''}": method
        for method, (words, _) in added_ideas().items()
    },
}
"""The methods of the ladder by the idea that each adds."""

SPECIALISTS = {
    "dph+": PLUS,
    "features": FEATURES,
    "SSDH": CATEGORY_MODEL,
    "CNN-attribute": ATTRIBUTE_MODEL,
    "Multiple-model": MULTIPLE_MODEL,
    "Class id + attributes": CLASS_ID,
    "Float features + classifiers": FLOAT_FEATURES,
}

UNSEEN = {
    "ranking bits, among the unseen": "unseen_map",
    "ranking bits, among all": "unseen_among_all_map",
    "all bits, among the unseen": "all_bits_unseen_map",
    "all bits, among all": "all_bits_unseen_among_all_map",
}


def exhibits(plan: GridPlan) -> dict[str, Exhibit | Picture]:
    """Returns the tables and figures of a catalogue by name."""
    if plan.catalogue != "fashion":
        return {f"{plan.catalogue}-{plan.bits}": methods(plan, tuple(SPECIALISTS)[:5])}
    return {
        "ladder-256": ladder(plan),
        "specialists-256": methods(plan, tuple(SPECIALISTS)),
        **{f"bits-{name}": figure for name, figure in against_bits(plan).items()},
        "shares": shares(plan),
        "unseen": unseen(plan),
        "calibration": calibration(plan),
        "reliability": Picture(
            "Share that is right against the predicted probability",
            RELIABILITY,
            cells(PLUS, plan)[0],
            note="Calibrated readings of dph+ on test images, in bins of equal size.",
        ),
        "near-duplicates": near_duplicates(plan),
        "trials": choices(plan),
    }


def chosen_cells(
    plan: GridPlan, only: Iterable[str] = (), seed: int | None = None
) -> dict[Cell, list[str]]:
    """Returns some cells, and the tables and figures that show each.

    Args:
        plan: Of the catalogue.
        only: Names of tables, figures and cells, or what these begin with; all by default.
        seed: Only cells of this seed; None for all.
    """
    found: dict[Cell, list[str]] = {}
    for name, exhibit in exhibits(plan).items():
        for cell in dict.fromkeys(exhibit.cells()):
            named = not only or any(
                start and (name.startswith(start) or cell.name.startswith(start)) for start in only
            )
            if named and seed in (None, cell.seed):
                found.setdefault(cell, []).append(name)
    return found


def check_names(plans: Iterable[GridPlan], only: Iterable[str]) -> None:
    """Refuses names that neither a table, nor a figure, nor a cell begins with.

    Raises:
        DualhashError: There is such a name.
    """
    plans = tuple(plans)
    for start in only:
        if not any(chosen_cells(plan, [start]) for plan in plans):
            names = [name for plan in plans for name in exhibits(plan)]
            raise DualhashError(
                f"No table, figure or cell begins with {start!r}. There are {', '.join(names)}, "
                "and cells such as dph+-256-s0."
            )


def ladder(plan: GridPlan) -> Exhibit:
    """From the paper's recipe to dph+, one idea at a time."""
    rows: dict[str, tuple[Entry | None, ...]] = {
        title: _all_tasks(cells(method, plan), FILTER) for title, method in LADDER.items()
    }
    rows["+ asked by posterior"] = _all_tasks(cells(PLUS, plan), POSTERIOR)
    return Exhibit(
        f"From dph to dph+, one idea at a time, {plan.bits} bits",
        ("category mAP", "attribute mAP", "avg HM", *RECALLS, "seconds"),
        rows,
        note="r@5 and r@100 are combined recall, capped is capped recall at 5. Seconds are those "
        "of learning from kept features. Each row adds one idea to the row above, the third "
        "also the preset's alpha. The last row is the same model.",
    )


def methods(plan: GridPlan, titles: tuple[str, ...]) -> Exhibit:
    """Methods on the same features, each asked by filter and by posterior."""
    rows: dict[str, tuple[Entry | None, ...]] = {}
    for title in titles:
        method = SPECIALISTS[title]
        shown = cells(method, plan, length_of(method, plan))
        category, attribute = Entry(CATEGORY, shown), Entry(ATTRIBUTE, shown)
        if method == CATEGORY_MODEL:
            rows[title] = (category, *[None] * (2 + 2 * len(RECALLS)))
        elif method == ATTRIBUTE_MODEL:
            rest = [None] * (2 * len(RECALLS))
            rows[title] = (None, attribute, Entry(AVG_HM, shown), *rest)
            real = (Entry(REAL + ATTRIBUTE, shown), Entry(REAL + AVG_HM, shown))
            rows[f"{title}, real values"] = (None, *real, *rest)
        else:
            rows[title] = (
                category,
                attribute,
                Entry(AVG_HM, shown),
                *(
                    Entry(way + name, shown)
                    for way in (FILTER, POSTERIOR)
                    for name in RECALLS.values()
                ),
            )
    return Exhibit(
        f"Methods on the same features, {plan.bits} bits",
        (
            "category mAP",
            "attribute mAP",
            "avg HM",
            *(f"{name}, {way}" for way in ("filter", "posterior") for name in RECALLS),
        ),
        rows,
        note="Combined searches by the paper's filter, and by posterior from calibrated readings "
        "with constants chosen on validation images. SSDH predicts no attributes, CNN-attribute no "
        "categories; both are asked together in the rows Multiple-model, by bits, and Class id + "
        "attributes, by real values."
        if len(titles) > 5
        else "Nothing was tuned on this catalogue.",
    )


def length_of(method: str, plan: GridPlan) -> int:
    """Returns the bits of a method's standard cells; 0 if they are not chosen."""
    return 0 if method in {ATTRIBUTE_MODEL, CLASS_ID, FLOAT_FEATURES} else plan.bits


def against_bits(plan: GridPlan) -> dict[str, Exhibit]:
    """The three tasks against the length of the code."""
    lengths = plan.category_bits
    tasks = {
        "category": ("category mAP", (CATEGORY,)),
        "attribute": ("attribute mAP", (ATTRIBUTE,)),
        "combined": ("combined recall at 5", (FILTER + "recall_at_5", POSTERIOR + "recall_at_5")),
    }
    found = {}
    for task, (title, figures) in tasks.items():
        rows: dict[str, tuple[Entry | None, ...]] = {}
        for head in ("dph+", "features", "SSDH", "Multiple-model"):
            method = SPECIALISTS[head]
            if method == CATEGORY_MODEL and task != "category":
                continue
            for figure in figures:
                rows[head + (", posterior" if figure.startswith(POSTERIOR) else "")] = tuple(
                    None
                    if method == MULTIPLE_MODEL and not category_bits(plan, bits)
                    else Entry(figure, cells(method, plan, bits))
                    for bits in lengths
                )
        found[task] = Exhibit(
            f"{title[0].upper()}{title[1:]} against bits",
            tuple(f"{bits}-bit" for bits in lengths),
            rows,
            drawn="lines",
            axis="bits",
            figure=title,
            note=f"Multiple-model needs {plan.attributes} bits for the attributes and some for the "
            "categories.",
        )
    return found


def shares(plan: GridPlan) -> Exhibit:
    """dph+ with other shares of the bits for the category."""
    columns = {
        "category mAP": CATEGORY,
        "attribute mAP": ATTRIBUTE,
        "r@5": POSTERIOR + "recall_at_5",
    }
    validation = ("validation category mAP", "validation avg HM")
    return Exhibit(
        "Share of the bits that belong to the category",
        (*validation, *columns),
        {
            f"{share:g}": tuple(
                Entry(figure, shared_cells(plan, share))
                for figure in (*VALIDATION, *columns.values())
            )
            for share in SHARES
        },
        note="The share is chosen on validation images. r@5 is combined recall at 5 by posterior.",
    )


def shared_cells(plan: GridPlan, share: float) -> tuple[Cell, ...]:
    """Returns the cells of dph+ with a share of the bits for the category."""
    own = PRESETS[PLUS].get("category_share") == share
    return cells(PLUS, plan, settings=() if own else (("category_share", share),))


def unseen(plan: GridPlan) -> Exhibit:
    """Categories without training images."""
    return Exhibit(
        f"Category retrieval of {plan.held_out} categories without training images, mAP",
        tuple(UNSEEN),
        {
            title: tuple(
                Entry(figure, cells(method, plan, held_out=plan.held_out))
                for figure in UNSEEN.values()
            )
            for title, method in {"dph+": PLUS, "features": FEATURES, "ITQ": "itq"}.items()
        },
        note="Where bits are shared out, those of the category rank.",
    )


def calibration(plan: GridPlan) -> Exhibit:
    """How close calibrated readings are to shares."""
    columns = {
        "error of attributes": CALIBRATION_ERROR,
        "as trained": f"{CALIBRATION_ERROR}_as_trained",
        "error of categories": "category_ece",
        "as trained, categories": "category_ece_as_trained",
        "right with --precision 0.9": PRECISION,
    }
    return Exhibit(
        "Expected calibration errors, and filters with a wanted precision",
        tuple(columns),
        {
            title: tuple(Entry(figure, cells(method, plan)) for figure in columns.values())
            for title, method in LADDER.items()
        },
        note="As trained: the paper's heads. The last column is the mean over attributes for which "
        "a precision of 0.9 is reached on validation images.",
    )


def near_duplicates(plan: GridPlan) -> Exhibit:
    """How often nearly identical images have different labels."""
    cell = (Cell(NEAR_DUPLICATES),)
    return Exhibit(
        "Labels of nearly identical images",
        ("pairs", "different category", *(f"different {facet}" for facet in FACETS)),
        {
            f"cosine distance up to {distance:g}": tuple(
                Entry(f"{what}_at_{distance:g}", cell) for what in ("pairs", "category", *FACETS)
            )
            for distance in DISTANCES
        },
        note="Pairs of an image and the image with the nearest features. The shares are of the "
        "pairs in which both images have the label.",
    )


def _all_tasks(shown: tuple[Cell, ...], way: str) -> tuple[Entry, ...]:
    figures = (CATEGORY, ATTRIBUTE, AVG_HM, *(way + name for name in RECALLS.values()), SECONDS)
    return tuple(Entry(figure, shown) for figure in figures)
