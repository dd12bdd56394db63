"""`dualhash baselines`: the methods that codes can be learned with for comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from dualhash.cli import output
from dualhash.errors import DualhashError

if TYPE_CHECKING:
    from dualhash.baselines.method import Method

ANSWERS = ("category", "attribute", "combined")
LABELS = {
    "category": "train-both, train-category",
    "attribute": "train-both, train-attribute",
    "both": "all",
    "joint": "train-both",
}


def baselines(*, json: Annotated[bool, Parameter(negative=())] = False) -> None:
    """List the methods of other papers, all trained by `dualhash train --method NAME`.

    Args:
        json: Print the list as JSON.
    """
    methods = _methods()
    if json:
        output.print_json([_plain(method) for method in methods])
        return
    shown = output.table(
        "Comparison methods", "name", "paper", ">year", "answers", "trains on", "bits"
    )
    for method in methods:
        answers = ", ".join(name for name in ANSWERS if name in method.answers)
        row = (method.paper, str(method.year), answers, LABELS[method.labels], method.bits)
        shown.add_row(method.name, *row)
    output.show(shown)


def _methods() -> list[Method]:
    try:
        from dualhash.baselines.registry import METHODS
    except ModuleNotFoundError as error:
        raise DualhashError(
            f"The methods need the package {error.name}: pip install 'dualhash[train]'."
        ) from error
    return list(METHODS.values())


def _plain(method: Method) -> dict[str, object]:
    fields = ("name", "title", "paper", "year", "labels", "bits")
    answers = [name for name in ANSWERS if name in method.answers]
    return {name: getattr(method, name) for name in fields} | {"answers": answers}
