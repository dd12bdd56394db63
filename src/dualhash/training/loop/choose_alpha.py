"""The choice of alpha, the weight of the attributes (section 4.1).

The paper trains with alpha = 0, raises alpha until category mAP drops significantly, and keeps the
largest alpha before that, 0.1 on its data. Here a drop is significant if it exceeds a given share
of the mAP at alpha = 0. The mAP is that of the validation images after short trainings.
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, astuple, dataclass
from itertools import takewhile
from pathlib import Path

from dualhash.catalogue.catalogue import MISSING
from dualhash.errors import DualhashError
from dualhash.files import write_whole
from dualhash.progress import Display
from dualhash.training.data.training_data import TrainingData, iterations_of
from dualhash.training.loop.fit_network import NetworkFit, TrainerOptions

TRIALS = "trials.json"


@dataclass(frozen=True)
class Trial:
    """One short training.

    Attributes:
        alpha: Its weight of the attributes.
        category_map: Category mAP on the validation images at its end.
        avg_hm: avg HM there.
    """

    alpha: float
    category_map: float
    avg_hm: float


def acceptable(trial: Trial, first: Trial, tolerance: float) -> bool:
    """Whether the mAP of a trial is at most the share `tolerance` below that of alpha 0."""
    return trial.category_map >= (1 - tolerance) * first.category_map


def search_alpha(
    run: Callable[[float], Trial], alphas: Sequence[float], tolerance: float
) -> list[Trial]:
    """Runs trials with ascending alpha, up to the first that is not acceptable.

    Args:
        run: Trains with an alpha.
        alphas: Ascending, the first 0.
        tolerance: Accepted relative drop of mAP, in [0, 1).

    Raises:
        DualhashError: The first trial has no mAP to compare with.
    """
    trials: list[Trial] = []
    for alpha in alphas:
        trials.append(run(alpha))
        if math.isnan(trials[0].category_map):
            raise DualhashError(
                "alpha cannot be chosen, because no category has two validation images: set it, "
                "such as --alpha 0.1."
            )
        if not acceptable(trials[-1], trials[0], tolerance):
            break
    return trials


def choose_alpha(trials: Sequence[Trial], tolerance: float) -> float:
    """Returns the largest alpha before mAP drops significantly.

    Args:
        trials: With ascending alpha, the first 0.
        tolerance: Accepted relative drop of mAP, in [0, 1).
    """
    accepted = takewhile(lambda trial: acceptable(trial, trials[0], tolerance), trials)
    return [trials[0].alpha, *(trial.alpha for trial in accepted)][-1]


def configured_alpha(
    data: TrainingData, folder: Path, display: Display, options: TrainerOptions
) -> tuple[float, list[Trial]]:
    """Returns the alpha of the configuration, or searches it if it is "auto".

    Finished trials are kept in `folder`, so that a resumed search does not repeat them.

    Returns:
        alpha, and the trials of the search. Without categories or without attributes alpha
        makes no difference and is 1.
    """
    config = data.config
    if config.alpha != "auto":
        return config.alpha, []
    if not data.names.attributes or not (data.labels.categories != MISSING).any():
        return 1.0, []
    file = folder / TRIALS
    finished = [Trial(**row) for row in json.loads(file.read_text())] if file.exists() else []
    iterations = iterations_of(data)
    length = max(1, round(config.alpha_fraction * iterations))

    def run(alpha: float) -> Trial:
        for trial in finished:
            if trial.alpha == alpha:
                return trial
        number, most = len(finished), len(config.alphas)
        _, rounds = NetworkFit(
            data,
            f"alpha {alpha:g}, trial {number + 1} of at most {most}",
            folder / "trials" / f"alpha-{alpha}",
            display,
            options,
            alpha=alpha,
            iterations=length,
            before=number * length,
            total=most * length + iterations,
        ).run()
        finished.append(Trial(alpha, rounds[-1]["category_map"], rounds[-1]["avg_hm"]))
        write_whole(file, json.dumps([asdict(trial) for trial in finished]))
        return finished[-1]

    trials = search_alpha(run, config.alphas, config.alpha_tolerance)
    chosen = choose_alpha(trials, config.alpha_tolerance)
    display.table(
        f"Choice of alpha ({length:,} iterations each, validation images)",
        ("alpha", "category mAP", "avg HM", ""),
        [
            (f"{alpha:g}", f"{category_map:.3f}", f"{avg_hm:.3f}", "chosen" * (alpha == chosen))
            for alpha, category_map, avg_hm in map(astuple, trials)
        ],
    )
    if not chosen:
        display.note(
            "Even the smallest alpha costs more category mAP than alpha_tolerance allows, so "
            "attributes are not learned. Set --alpha above 0 to search by attributes."
        )
    return chosen, trials
