"""The tables and figures of section 4 of the paper, and which cells each needs."""

from collections.abc import Iterable, Mapping

from dualhash.errors import DualhashError, nearest
from reproduction import additional_tables
from reproduction.grid_cell import Cell
from reproduction.grid_plan import GridPlan
from reproduction.setting_choice import choices
from reproduction.standard_cells import LOSSES, one, usual
from reproduction.table_definition import DEPTHS, REAL, TASKS, Entry, Exhibit, Picture

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
"""The methods of table 4, by their titles."""


def exhibits(plan: GridPlan) -> dict[str, Exhibit | Picture]:
    """Returns every table and figure by name, in the order of the paper."""
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
        "class-id": additional_tables.class_id(plan),
        "unseen": additional_tables.unseen(plan),
        **({"lengths": additional_tables.lengths(plan)} if plan.passes else {}),
        "balance": additional_tables.balance(plan),
        "halves": additional_tables.halves(plan),
        "filters": additional_tables.filters(plan),
        "swaps": additional_tables.swaps(plan),
        **({"choices": choices(plan)} if plan.trials else {}),
    }


def chosen_exhibits(plan: GridPlan, only: Iterable[str] = ()) -> dict[str, Exhibit | Picture]:
    """Returns the tables and figures with these names, or all.

    Raises:
        DualhashError: There is no such table or figure.
    """
    known = exhibits(plan)
    for name in only:
        if name not in known:
            raise DualhashError(f"There is no table or figure {name!r}. {nearest(name, known)}")
    return {name: known[name] for name in known if name in set(only)} if only else known


def cells_of(shown: Mapping[str, Exhibit | Picture]) -> list[Cell]:
    """Returns the cells of some tables and figures, each once, in their order."""
    return list(dict.fromkeys(cell for exhibit in shown.values() for cell in exhibit.cells()))


def _losses(plan: GridPlan) -> Exhibit:
    usual_cells = usual("dph", plan)
    return Exhibit(
        "Combinations of losses",
        tuple(TASKS),
        {
            title: tuple(
                Entry(figure, one("dph", plan, settings=settings) if settings else usual_cells)
                for figure in TASKS.values()
            )
            for title, settings in LOSSES.items()
        },
        note="cls is softmax, ml the triplet loss, wsce the weighted cross-entropy. The first row "
        "is DPH as in all other tables; alpha was chosen for it and is the same in all rows.",
    )


def _partly_labelled(plan: GridPlan) -> Exhibit:
    usual_cells = usual("dph", plan)
    return Exhibit(
        "Partly labelled training images",
        ("mAP", "average HM"),
        {
            " + ".join(seen.split("+")): tuple(
                Entry(figure, cells) for figure in ("category_map", "avg_hm")
            )
            for seen in ("B", "B+0.5A", "B+A", "B+0.5C", "B+C", "B+A+C")
            for cells in [usual_cells if seen == "B+A+C" else one("dph", plan, seen=seen)]
        },
    )


def _backbone(plan: GridPlan, backbone: str) -> tuple[Cell, ...]:
    if backbone == plan.backbone:
        return usual("dph", plan)
    return one("dph", plan, settings=(("backbone", backbone),))


def _attributes(plan: GridPlan) -> Exhibit:
    """Methods whose figures do not depend on the length have the same figure in every column."""
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
        note="SVM-real and CNN-attribute store real values, so their figures hold for any length.",
    )


def _combined(plan: GridPlan) -> Exhibit:
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
        note="If there are more relevant images than results, capped recall divides by the number "
        "of results, so 1 can be reached.",
    )
