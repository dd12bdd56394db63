"""`dualhash baselines`: lists the comparison methods."""

from dualhash.cli import output
from dualhash.cli.options import Flag
from dualhash.errors import needs_extra

ANSWERS = ("category", "attribute", "combined")
LABELS = {
    "category": "train-both, train-category",
    "attribute": "train-both, train-attribute",
    "both": "all",
    "joint": "train-both",
}


def baselines(*, json: Flag = False) -> None:
    """List the comparison methods, which `dualhash train --method NAME` trains.

    Args:
        json: Print the list as JSON.
    """
    with needs_extra("Training", "train"):
        from dualhash.baselines import METHODS
    fields = ("name", "title", "paper", "year", "labels", "bits")
    methods = [
        {field: getattr(method, field) for field in fields}
        | {"answers": [name for name in ANSWERS if name in method.answers]}
        for method in METHODS.values()
    ]
    if json:
        output.print_json(methods)
        return
    headers = ["name", "paper", ">year", "answers", "trains on", "bits"]
    rows = [
        (
            *(method["name"], method["paper"], str(method["year"])),
            *(", ".join(method["answers"]), LABELS[method["labels"]], method["bits"]),
        )
        for method in methods
    ]
    output.show(output.table("Comparison methods", headers, rows))
