from reproduction.grid_cell import Cell
from reproduction.markdown_tables import numbers
from reproduction.table_definition import Entry, Exhibit
from reproduction.table_values import Table, TableNumber

CELLS = (Cell("dph", 256), Cell("dph", 256, seed=1))


def test_numbers_show_interval_and_seeds():
    exhibit = Exhibit(
        "Codes",
        ("bits", "Cat.", "Attr.", "Com."),
        {
            "DPH": (
                Entry("bits", CELLS),
                Entry("category_map", CELLS),
                None,
                Entry("combined_recall_at_5", CELLS),
            )
        },
    )
    bits = TableNumber(mean=256, interval=None, seeds={0: 256, 1: 256})
    category = TableNumber(mean=0.5, interval=(0.41, 0.62), seeds={1: 0.45, 0: 0.55})
    table = Table(
        title="Codes",
        columns=exhibit.columns,
        rows={"DPH": (bits, category, None, None)},
        missing=("dph-256-s0",),
    )
    assert numbers(exhibit, table).splitlines() == [
        "|  | bits | Cat. | Attr. | Com. |",
        "| --- | --: | --: | --: | --: |",
        "| DPH | 256 "
        "| 0.500<br><sub>0.410 to 0.620</sub><br><sub>seeds 0.550, 0.450</sub> | – | missing |",
    ]
    undefined = table.model_copy(update={"missing": ()})
    assert numbers(exhibit, undefined).endswith("| – | – |\n")
