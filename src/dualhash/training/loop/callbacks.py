"""Trainer callbacks: the log and checkpoints after each round, and live progress."""

import math
import time
from collections.abc import Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal

import polars as pl
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from dualhash.files import write_whole
from dualhash.progress import Display, Step
from dualhash.training.loop.checkpoints import BEST, LAST
from dualhash.training.loop.lightning_module import LOSSES

LOG = "log.csv"
FIGURES = ("category_map", "avg_hm", "score")

Round = dict[str, float]


def chosen_round(rounds: Sequence[Round], final_weights: Literal["best", "last"]) -> Round:
    """Returns the round whose weights the model has; of equally good ones the last."""
    return rounds[-1] if final_weights == "last" else max(reversed(rounds), key=itemgetter("score"))


class RoundLog(Callback):
    """Logs a row per round, and writes checkpoints, which contain all rows so far.

    A row has `iteration`, `seconds`, `learning_rate` (of the first group of parameters, in the
    next iteration), the mean losses of the round, and the validation figures. After it, the last
    checkpoint is written, and the best one if the model would have the weights of this round.

    Args:
        folder: Folder for log and checkpoints.
        final_weights: See `TrainConfig.final_weights`.

    Attributes:
        rounds: The rows so far.
    """

    def __init__(self, folder: Path, final_weights: Literal["best", "last"] = "best") -> None:
        self.rounds: list[Round] = []
        self._folder, self._final_weights = folder, final_weights
        self._started = time.monotonic()

    def state_dict(self) -> dict[str, Any]:
        """Returns the rows so far."""
        return {"rounds": self.rounds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continues after the rows of a checkpoint."""
        self.rounds = list(state_dict["rounds"])
        self._started = time.monotonic() - self.rounds[-1]["seconds"]

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Adds a row, then writes log and checkpoints."""
        row = {
            "iteration": trainer.global_step,
            "seconds": round(time.monotonic() - self._started, 1),
            "learning_rate": trainer.optimizers[0].param_groups[0]["lr"],
        }
        row |= {name: round(float(trainer.callback_metrics[name]), 6) for name in LOSSES + FIGURES}
        self.rounds.append(row)
        if trainer.is_global_zero:
            write_whole(self._folder / LOG, pl.DataFrame(self.rounds).write_csv())
        if chosen_round(self.rounds, self._final_weights) is row:
            trainer.save_checkpoint(self._folder / BEST)
        trainer.save_checkpoint(self._folder / LAST)


class ProgressCallback(Callback):
    """Shows the losses of each batch and the validation figures of each round.

    Args:
        display: Prints the figures.
        step: Shows the losses.
        before: Iterations of earlier trainings that the shown progress includes.
        total: Iterations of all trainings that it includes.
    """

    def __init__(self, display: Display, step: Step, before: int, total: int) -> None:
        self._display, self._step, self._before, self._total = display, step, before, total

    def on_train_batch_end(  # type: ignore[override]
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Mapping[str, Tensor],
        *_: object,
    ) -> None:
        """Shows the losses of the batch."""
        losses = "  ".join(
            f"{name.replace('_', ' ')} {outputs[name].item():.3f}" for name in LOSSES
        )
        self._step(self._before + trainer.global_step, self._total, losses)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Shows the validation figures."""
        figures = {
            title: float(trainer.callback_metrics[name])
            for name, title in (("category_map", "category mAP"), ("avg_hm", "avg HM"))
        }
        text = ", ".join(f"{k} {v:.3f}" for k, v in figures.items() if not math.isnan(v))
        self._display.note(f"iteration {trainer.global_step:,}: on validation images {text}")
