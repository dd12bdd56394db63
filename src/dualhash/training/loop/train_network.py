"""The run of a training, with the choice of alpha before it."""

import json
import platform
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dualhash.catalogue.catalogue import MISSING
from dualhash.files import write_whole
from dualhash.training.data.training_data import iterations_of
from dualhash.training.export.backbone_weights import weights_hash
from dualhash.training.loop.choose_alpha import Trial, choose_alpha, search_alpha
from dualhash.training.loop.fit import Fitted, Task, fit

TRIALS = "trials.json"

LIBRARIES = ("dualhash", "torch", "torchvision", "timm", "lightning", "onnx", "numpy")


@dataclass(frozen=True)
class Learned:
    """What came of a task.

    Attributes:
        task: What was learned.
        fitted: The trained network.
        report: Seconds, counts and validation figures, for the card.
    """

    task: Task
    fitted: Fitted
    report: dict[str, Any]


def learn(task: Task, folder: Path, *, tensorboard: bool = False) -> Learned:
    """Trains from the beginning, or from the last checkpoint in `folder`.

    Args:
        task: What to learn.
        folder: For checkpoints and logs.
        tensorboard: Whether to log for TensorBoard, too.
    """
    data, config = task.data, task.config
    iterations = iterations_of(config, len(data.training), data.plan.size)
    alpha, trials = _alpha(task, folder, iterations)
    fitted = fit(
        task, "training", folder, alpha=alpha, iterations=iterations, tensorboard=tensorboard
    )
    report = {
        "seconds": fitted.rounds[-1]["seconds"],
        "iterations": iterations,
        "epochs": iterations * data.plan.size / len(data.training),
        "images": len(data.training),
        "validation_images": len(data.validation),
        "notes": task.notes,
        "alpha": alpha,
        "alpha_trials": [asdict(trial) for trial in trials],
        "best": fitted.best,
        "weights_hash": weights_hash(config.weights),
    }
    return Learned(task, fitted, report)


def library_versions() -> dict[str, str]:
    """Versions of what a training depends on, by name."""
    libraries = {name: version(name) for name in LIBRARIES}
    return {"python": platform.python_version(), **libraries}


def _alpha(task: Task, folder: Path, iterations: int) -> tuple[float, list[Trial]]:
    """The alpha of the configuration, or the one its search finds, with its trials."""
    config = task.config
    if config.alpha != "auto":
        return config.alpha, []
    if not task.names.attributes or not (task.data.labels.categories != MISSING).any():
        return 1.0, []
    file = folder / TRIALS
    done = [Trial(**row) for row in json.loads(file.read_text())] if file.exists() else []
    length = max(1, round(config.alpha_fraction * iterations))

    def run(alpha: float) -> Trial:
        for trial in done:
            if trial.alpha == alpha:
                return trial
        place = folder / f"alpha-{alpha}"
        rounds = fit(task, f"trying alpha {alpha}", place, alpha=alpha, iterations=length).rounds
        done.append(Trial(alpha, rounds[-1]["category_map"], rounds[-1]["avg_hm"]))
        write_whole(file, json.dumps([asdict(trial) for trial in done]))
        return done[-1]

    trials = search_alpha(run, config.alphas, config.alpha_tolerance)
    chosen = choose_alpha(trials, config.alpha_tolerance)
    task.display.table(
        f"Choice of alpha ({length:,} iterations each, validation images)",
        ("alpha", "category mAP", "avg HM", ""),
        [
            (
                f"{trial.alpha:g}",
                f"{trial.category_map:.3f}",
                f"{trial.avg_hm:.3f}",
                "chosen" if trial.alpha == chosen else "",
            )
            for trial in trials
        ],
    )
    if not chosen:
        task.display.note(
            "Even the smallest alpha costs more category mAP than alpha_tolerance allows: "
            "attributes are not learned. State an --alpha above 0 to search by attributes."
        )
    return chosen, trials
