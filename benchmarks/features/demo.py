"""Figures and seconds of the demo."""

import json
import shutil
from pathlib import Path

import dualhash
from benchmarks.child_process import run_dualhash
from benchmarks.features.steps import Figures
from benchmarks.features.training import FIGURES
from dualhash.cli.demo import BOOTSTRAP_SAMPLES, SETTINGS


def run_demo(out: Path) -> Figures:
    """The demo as it comes, from a cold start, in a process of its own."""
    shutil.rmtree(out, ignore_errors=True)
    ran = run_dualhash(
        ["demo", "--out", str(out), "--no-serve"], {"DUALHASH_CACHE": str(out / "cache")}
    )
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    return {
        "seconds": round(ran.seconds, 1),
        "peak_mb": ran.peak_megabytes,
        "stages": report["seconds"],
        **{name: round(report[name], 4) for name in FIGURES},
    }


def train_on_groups(out: Path) -> Figures:
    """The demo's settings on Unicode's nine groups instead of its subgroups."""
    catalogue = dualhash.Catalogue.read("openmoji-coarse")
    config = dualhash.preset_config("dph+", **SETTINGS)
    model = dualhash.train(catalogue, config, out, replace=True)
    evaluation = dualhash.evaluate(model, catalogue, bootstrap=BOOTSTRAP_SAMPLES)
    figures = {name: evaluation.figures[name].value for name in FIGURES}
    return {
        "categories": len(catalogue.names.categories),
        **{name: round(value, 4) for name, value in figures.items() if value is not None},
    }
