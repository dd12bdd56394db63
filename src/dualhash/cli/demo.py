"""`dualhash demo`: the whole way on a catalogue of emoji, in a few minutes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

import dualhash
from dualhash.cli import output
from dualhash.cli.serve import run_server

if TYPE_CHECKING:
    from dualhash import Catalogue, Index
    from dualhash.evaluation.evaluation_result import Evaluation
    from dualhash.search.results import Results, Task

DEFAULT_OUT = Path("build/demo")

RECIPE: dict[str, Any] = {"bits": 128, "iterations": 400, "validation_every": 200, "alpha": 1.0}
"""What differs from the preset `small`, so that training takes about three minutes on 2 cores."""

DRAWS = 200
"""Bootstrap draws of the intervals."""

FIGURES = {
    "category_map": "mean average precision of category search",
    "attribute_map": "mean average precision of attribute search",
    "avg_hm": "harmonic mean of the rates at which an attribute is told present and absent",
    "combined_recall_at_5": "of all that combined search should find, what the first 5 hold",
    "combined_capped_recall_at_5": "the same, out of at most 5",
}


@dataclass(frozen=True)
class DemoQuery:
    """A search to draw.

    Attributes:
        asks: In plain words.
        category: Of the drawing that asks.
        has: An attribute that it has.
        lacks: One that it has not.
        options: Of `Index.search`.
    """

    asks: str
    category: str
    has: str
    lacks: str
    options: Mapping[str, Any] = field(default_factory=dict)


QUESTIONS: Mapping[Task, DemoQuery] = {
    "category": DemoQuery("more of this kind", "Flags", "uses=red", "uses=green"),
    "attribute": DemoQuery(
        "green and not red as this is, whatever it shows",
        "Animals & Nature",
        "uses=green",
        "uses=red",
        {"match": ("uses=green", "uses=red")},
    ),
    "combined": DemoQuery(
        "this kind, but with dark skin",
        "People & Body",
        "skin=light",
        "skin=dark",
        {"want": ("skin=dark",)},
    ),
}


def demo(
    *, out: Path = DEFAULT_OUT, serve: Annotated[bool, Parameter(negative="--no-serve")] = True
) -> None:
    """Train on emoji, index them, search them in all three ways, judge the codes, and serve them.

    Needs `pip install 'dualhash[demo]'`. What an earlier demo left in the folder is replaced.

    Args:
        out: The folder for the model, the index, one sheet of results per kind of search, and
            report.json.
        serve: End with a page to search by eye, at the address that is printed, until Ctrl-C;
            scripts say --no-serve.
    """
    from dualhash.analysis.contact_sheet import draw_sheet
    from dualhash.catalogue.catalogue import TEST

    stage = _Stages()
    with stage("catalogue", "Reading the drawings; half of the labels are hidden"):
        catalogue = dualhash.Catalogue.read("openmoji")
        unseen = catalogue.take(catalogue.rows(TEST))
    out.mkdir(parents=True, exist_ok=True)
    with stage("train", f"Learning from {len(catalogue) - len(unseen):,} of them"):
        config = dualhash.preset_config("small", **RECIPE)
        model = dualhash.train(catalogue, config, out / "model", replace=True)
    with stage("index", f"Making codes of the {len(unseen):,} others"):
        dualhash.build_index(model, unseen, out / "emoji.dhx", replace=True)
    with stage("search", "Searching among them"), dualhash.Index.open(out / "emoji.dhx") as index:
        for task, question in QUESTIONS.items():
            draw_sheet(_ask(index, unseen, task, question), out / f"{task}.png")
    with stage("evaluate", "Judging: each of them queries all the rest"):
        evaluation = dualhash.evaluate(model, catalogue, bootstrap=DRAWS)
    output.write_json(out / "report.json", _report(evaluation, stage.seconds))
    _show(evaluation)
    output.say(_farewell(out, sum(stage.seconds.values())))
    if serve:
        run_server(out / "emoji.dhx", port=0)


class _Stages:
    """Announces stages and keeps how many seconds each took."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str, says: str) -> Iterator[None]:
        output.say(f"{says} …")
        started = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - started, 1)


def _ask(index: Index, catalogue: Catalogue, task: Task, question: DemoQuery) -> Results:
    """The results for the first drawing that fits; its id is its row, for all can be read."""
    names = catalogue.names
    fits = (
        (catalogue.categories == names.categories.index(question.category))
        & (catalogue.attributes[:, names.attributes.index(question.has)] == 1)
        & (catalogue.attributes[:, names.attributes.index(question.lacks)] == 0)
    )
    return index.search(int(fits.argmax()), task=task, k=10, **question.options)


def _report(evaluation: Evaluation, seconds: Mapping[str, float]) -> dict[str, Any]:
    values = evaluation.values()
    return {
        **{name: values[name] for name in FIGURES},
        "seconds": seconds,
        "protocol": evaluation.protocol,
        "codes": evaluation.codes,
        "counts": evaluation.counts,
        "hashes": evaluation.hashes,
    }


def _show(evaluation: Evaluation) -> None:
    shown = output.table("How good the codes are", "figure", ">value", ">95 %", "what it is")
    for name, meaning in FIGURES.items():
        figure = evaluation.figures[name]
        shown.add_row(
            name, f"{figure.value:.3f}", f"{figure.low:.3f} to {figure.high:.3f}", meaning
        )
    output.show(shown)


def _farewell(out: Path, seconds: float) -> str:
    sheets = "\n".join(
        f"  {out / task}.png - {task} search: {question.asks}"
        for task, question in QUESTIONS.items()
    )
    return f"""\
Done in {seconds:.0f} seconds. Look at the three sheets first: green frames are right, red wrong.
{sheets}
  {out / "report.json"} - the figures and the seconds of each stage
  {out / "emoji.dhx"} - the index, {out / "model"} - the model

Try next:
  dualhash search {out / "emoji.dhx"} --task attribute --want uses=blue --sheet blue.png
  dualhash search {out / "emoji.dhx"} id:3 --task combined --want uses=green --sheet green.png
  dualhash serve {out / "emoji.dhx"}
  dualhash catalogue show openmoji
  dualhash --help    for the same with your own pictures"""
