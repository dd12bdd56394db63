"""`dualhash demo`: train, index, search, evaluate and serve emoji, in a few minutes."""

import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from cyclopts import Parameter

import dualhash
from dualhash.analysis.contact_sheet import draw_sheet
from dualhash.catalogue.catalogue import Subset
from dualhash.cli import output
from dualhash.cli.serve import run_server
from dualhash.evaluation.evaluation_result import Evaluation
from dualhash.search import Task

DEFAULT_OUT = Path("build/demo")

SETTINGS: dict[str, Any] = {"bits": 128, "alpha": 0.7, "head_settings": {"dropout": 0.4}}
"""Changes to the preset `dph+`, chosen on validation images: more dropout, because the drawings
are few, and more weight of the attributes."""

BOOTSTRAP_SAMPLES = 200

RUDE = "1F595"
"""The middle finger, which is not indexed."""

METRICS = {
    "category_map": "mean average precision of category search",
    "attribute_map": "mean average precision of attribute search",
    "avg_hm": "mean over attributes of the harmonic mean of true positive and true negative rate",
    "combined_recall_at_5": "share of the relevant images among the first 5 of combined search",
    "combined_capped_recall_at_5": "the same, of at most 5 relevant images",
}


@dataclass(frozen=True)
class DemoSearch:
    """A search whose results the demo draws.

    Attributes:
        description: The search in plain words.
        hexcode: Code points of the query, a drawing that is not used for training.
        options: Options of `Index.search`.
    """

    description: str
    hexcode: str
    options: Mapping[str, Any] = field(default_factory=dict)


SEARCHES: Mapping[Task, DemoSearch] = {
    "category": DemoSearch("more of the same kind", "1F1E8-1F1FF"),  # flag of Czechia
    "attribute": DemoSearch(
        "any kind, but green and not red, like the query",
        "1F33F",  # herb
        {"match": ("uses=green", "uses=red")},
    ),
    "combined": DemoSearch(
        "the same kind, but with dark skin",
        "1F6B4-1F3FB",  # bicyclist with light skin
        {"want": ("skin=dark",)},
    ),
}


def demo(
    *, out: Path = DEFAULT_OUT, serve: Annotated[bool, Parameter(negative="--no-serve")] = True
) -> None:
    """Train a model on emoji, index them, search them in three ways, evaluate, and serve the index.

    Takes a few minutes. Needs `pip install 'dualhash[demo]'`. Replaces the files of an earlier demo
    in the same folder.

    Args:
        out: Folder for the model, the index, one contact sheet per kind of search, and report.json.
        serve: Serve the index at the end, at the address that is printed, until Ctrl-C. Use
            --no-serve in scripts.
    """
    seconds: dict[str, float] = {}
    stage = partial(_stage, seconds)
    with stage("catalogue", "Reading the emoji; half of the labels are hidden"):
        catalogue = dualhash.Catalogue.read("openmoji")
        test_images = catalogue.take(catalogue.rows(Subset.TEST))
        polite = ~test_images.payload["hexcode"].str.starts_with(RUDE).to_numpy()
        shown = test_images.take(np.flatnonzero(polite))
    out.mkdir(parents=True, exist_ok=True)
    with stage("train", f"Training on {len(catalogue) - len(test_images):,} of them"):
        config = dualhash.preset_config("dph+", **SETTINGS)
        model = dualhash.train(catalogue, config, out / "model", replace=True)
    with stage("index", f"Indexing {len(shown):,} of the others"):
        dualhash.build_index(model, shown, out / "emoji.dhx", replace=True)
    with stage("search", "Searching"), dualhash.Index.open(out / "emoji.dhx") as index:
        for task, search in SEARCHES.items():
            results = index.search(_id_of(search, shown), task=task, k=10, **search.options)
            draw_sheet(results, out / f"{task}.png")
    with stage("evaluate", "Evaluating: each indexed image searches all others"):
        evaluation = dualhash.evaluate(model, catalogue, bootstrap=BOOTSTRAP_SAMPLES)
    output.write_json(out / "report.json", _report(evaluation, seconds))
    _show(evaluation)
    output.say(_summary(out, sum(seconds.values()), _id_of(SEARCHES["category"], shown)))
    if serve:
        run_server(out / "emoji.dhx", port=0)


@contextmanager
def _stage(seconds: dict[str, float], name: str, message: str) -> Iterator[None]:
    """Prints a line at the start of a stage, and saves how long the stage took."""
    output.say(f"{message} …")
    start = time.monotonic()
    yield
    seconds[name] = round(time.monotonic() - start, 1)


def _id_of(search: DemoSearch, images: dualhash.Catalogue) -> int:
    """Returns the query's id: its row in the indexed images, because every image is read."""
    return images.payload["hexcode"].to_list().index(search.hexcode)


def _report(evaluation: Evaluation, seconds: Mapping[str, float]) -> dict[str, Any]:
    values = evaluation.values()
    return {
        **{name: values[name] for name in METRICS},
        "seconds": seconds,
        **evaluation.model_dump(include={"protocol", "codes", "counts", "hashes"}),
    }


def _show(evaluation: Evaluation) -> None:
    rows = []
    for name, meaning in METRICS.items():
        metric = evaluation.figures[name]
        interval = f"{metric.low:.3f} to {metric.high:.3f}"
        rows.append((name, f"{metric.value:.3f}", interval, meaning))
    headers = ["metric", ">value", ">95 % interval", "meaning"]
    output.show(output.table("How good the codes are", headers, rows))


def _summary(out: Path, seconds: float, query: int) -> str:
    started_by = Path(sys.argv[0])
    command = "dualhash"
    if not shutil.which(command):
        if started_by.name == command:
            command = os.path.relpath(started_by)
        elif started_by.name == "__main__.py":
            command = "python -m dualhash"
    sheets = "\n".join(
        f"  {out / task}.png - {task} search: {search.description}"
        for task, search in SEARCHES.items()
    )
    return f"""\
Done in {output.counted(round(seconds), "second")}. Look at the three contact sheets first; their
legend explains the frames.
{sheets}
  {out / "report.json"} - the metrics, and the seconds of each stage
  {out / "emoji.dhx"} - the index; {out / "model"} - the model

Try next:
  {command} search {out / "emoji.dhx"} --task attribute --want uses=blue --sheet blue.png
  {command} search {out / "emoji.dhx"} id:{query} --want uses=green --sheet green.png
  {command} serve {out / "emoji.dhx"}
  {command} catalogue show openmoji
  {command} --help    for the same with your own images"""
