from pathlib import Path
from types import SimpleNamespace

import torch

from dualhash.training.loop.callbacks import FIGURES, RoundLog, chosen_round
from dualhash.training.loop.lightning_module import LOSSES


def trainer(score: float, iteration: int, saved: list[str]) -> SimpleNamespace:
    figures = dict.fromkeys(LOSSES + FIGURES, torch.tensor(0.5)) | {"score": torch.tensor(score)}
    return SimpleNamespace(
        global_step=iteration,
        is_global_zero=True,
        optimizers=[SimpleNamespace(param_groups=[{"lr": 0.1}])],
        callback_metrics=figures,
        save_checkpoint=lambda path: saved.append(f"{path.stem} {iteration}"),
    )


def test_best_checkpoint_is_replaced_by_equal_or_higher_scores(tmp_path: Path):
    saved: list[str] = []
    first, resumed = RoundLog(tmp_path), RoundLog(tmp_path)
    for iteration, score in ((1, 0.2), (2, 0.6)):
        first.on_train_epoch_end(trainer(score, iteration, saved), None)
    resumed.load_state_dict(first.state_dict())
    for iteration, score in ((3, 0.4), (4, 0.6), (5, 0.5)):
        resumed.on_train_epoch_end(trainer(score, iteration, saved), None)
    assert saved == [
        *("best 1", "last 1", "best 2", "last 2"),
        *("last 3", "best 4", "last 4", "last 5"),
    ]
    lines = (tmp_path / "log.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["iteration", "1", "2", "3", "4", "5"]


def test_the_last_weights_can_be_kept_whatever_their_score(tmp_path: Path):
    saved: list[str] = []
    log = RoundLog(tmp_path, "last")
    for iteration, score in ((1, 0.6), (2, 0.2)):
        log.on_train_epoch_end(trainer(score, iteration, saved), None)
    assert saved == ["best 1", "last 1", "best 2", "last 2"]
    assert chosen_round(log.rounds, "last")["iteration"] == 2
    assert chosen_round(log.rounds, "best")["iteration"] == 1
