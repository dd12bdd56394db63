"""Where a training keeps what it needs to go on, and what it may write over."""

import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dualhash.codes.model_card import ModelCard
from dualhash.codes.model_folder import CARD
from dualhash.errors import DualhashError
from dualhash.files import cannot_write, write_whole
from dualhash.training.config import TrainConfig
from dualhash.training.export.backbone_weights import WeightsCard, weights_hash
from dualhash.training.loop.callbacks import LOG
from dualhash.training.loop.file_lock import only_one

SETTINGS = "settings.json"


@dataclass(frozen=True)
class Workspace:
    """The folder `<out>.training` beside the model, removed when the model is complete.

    Attributes:
        out: The model folder to be.
        folder: Of checkpoints and logs.
        result: Name of the file that is in `out` when the training is complete.
    """

    out: Path
    folder: Path
    result: str = CARD

    @classmethod
    def of(cls, out: Path, result: str = CARD) -> "Workspace":
        """The workspace of a model folder."""
        return cls(out, out.with_name(f"{out.name}.training"), result)

    @contextmanager
    def held(self) -> Iterator[None]:
        """No other training of the same folder goes on in this block.

        Raises:
            DualhashError: Another one does, or the place cannot be written to.
        """
        with ExitStack() as stack:
            try:
                self.out.parent.mkdir(parents=True, exist_ok=True)
                alone = stack.enter_context(only_one(self.out.with_name(f".{self.out.name}.lock")))
            except OSError as error:
                raise DualhashError(cannot_write(self.out, error)) from error
            if not alone:
                raise DualhashError(
                    f"Another training is at work on {self.out}: wait until it has ended, or "
                    "choose another --out."
                )
            yield

    @property
    def finished(self) -> bool:
        """Whether there is a model and nothing left to do for it."""
        return (self.out / self.result).is_file() and not self.folder.exists()

    @property
    def begun(self) -> bool:
        """Whether there is a checkpoint to go on from."""
        return any(self.folder.rglob("*.ckpt"))

    def check(self, config: TrainConfig, label_hash: str, *, resume: bool, replace: bool) -> None:
        """Sees that the training may begin, or go on.

        Raises:
            DualhashError: Something is there that may not be replaced, or what is to be resumed
                is another training.
        """
        if self.begun and resume:
            _check_same(self.folder, _settings(config, label_hash))
        elif self.begun and not replace:
            raise DualhashError(
                f"{self.folder} holds a training that is not finished: --resume goes on with it, "
                "--replace begins anew."
            )
        elif self.out.is_file() or (self.out.is_dir() and any(self.out.iterdir())):
            if not (self.out / self.result).is_file():
                raise DualhashError(
                    f"{self.out} exists and is not a model folder: it has no {self.result}; choose "
                    "another --out."
                )
            if not replace:
                raise DualhashError(
                    f"{self.out} already holds {self.result}: --replace replaces it when the new "
                    "one is complete, or choose another --out."
                )

    def begin(self, config: TrainConfig, label_hash: str, *, resume: bool) -> None:
        """Makes the folder, empty unless the training in it is resumed.

        Raises:
            DualhashError: It cannot be written.
        """
        try:
            if self.folder.exists() and not resume:
                shutil.rmtree(self.folder)
            self.folder.mkdir(parents=True, exist_ok=True)
            write_whole(self.folder / SETTINGS, json.dumps(_settings(config, label_hash)))
        except OSError as error:
            raise DualhashError(cannot_write(self.folder, error)) from error

    def check_finished(
        self, card: ModelCard | WeightsCard, config: TrainConfig, label_hash: str
    ) -> None:
        """Sees that what is there is what this training would make.

        Raises:
            DualhashError: It is not.
        """
        made = TrainConfig(**card.config), card.label_hash, card.training.get("weights_hash")
        if made != (config, label_hash, weights_hash(config.weights)):
            raise DualhashError(
                f"{self.out} holds the {self.result} of another training, there is nothing to "
                "resume: --replace replaces it, or choose another --out."
            )

    def close(self, runs: Iterable[str] = ("",), *, keep: bool) -> None:
        """Moves the logs of all runs to the result and removes the folder, unless it is kept."""
        for run in runs:
            name = "-".join(filter(None, (run, LOG)))
            write_whole(self.out / name, (self.folder / run / LOG).read_text(encoding="utf-8"))
            events = self.folder / run / "tensorboard"
            if events.exists():
                shutil.rmtree(self.out / events.name / run, ignore_errors=True)
                shutil.copytree(events, self.out / events.name / run)
        if not keep:
            shutil.rmtree(self.folder)


def _settings(config: TrainConfig, label_hash: str) -> dict[str, Any]:
    return {
        "label_hash": label_hash,
        "weights_hash": weights_hash(config.weights),
        **config.model_dump(mode="json"),
    }


def _check_same(folder: Path, settings: dict[str, Any]) -> None:
    before = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
    changed = [name for name in settings if before.get(name) != settings[name]]
    if "label_hash" in changed:
        raise DualhashError(
            f"The training in {folder} was on other labels: give the same table and columns to "
            "resume it, or --replace to begin anew."
        )
    if "weights_hash" in changed:
        raise DualhashError(
            f"The training in {folder} began with other weights: give the same to resume it, or "
            "--replace to begin anew."
        )
    if changed:
        name = changed[0]
        raise DualhashError(
            f"The training in {folder} was with {name} {before.get(name)}, not {settings[name]}: "
            "give the same settings to resume it, or --replace to begin anew."
        )
