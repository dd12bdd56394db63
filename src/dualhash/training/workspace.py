"""Where a training keeps what it needs to go on, and what it may write over."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dualhash.codes.model_folder import CARD
from dualhash.errors import DualhashError
from dualhash.training.config import TrainConfig
from dualhash.training.files import write_whole

SETTINGS = "settings.json"


@dataclass(frozen=True)
class Workspace:
    """The folder `<out>.training` beside the model, removed when the model is complete.

    Attributes:
        out: The model folder to be.
        folder: Of checkpoints and logs.
    """

    out: Path
    folder: Path

    @classmethod
    def of(cls, out: Path) -> "Workspace":
        """The workspace of a model folder."""
        return cls(out, out.with_name(f"{out.name}.training"))

    @property
    def finished(self) -> bool:
        """Whether there is a model and nothing left to do for it."""
        return (self.out / CARD).is_file() and not self.folder.exists()

    def begin(self, config: TrainConfig, label_hash: str, *, resume: bool, overwrite: bool) -> None:
        """Makes the folder, or checks that the one there is of this very training.

        Raises:
            DualhashError: Something is there that may not be written over, or what is to be
                resumed is another training, or the folder cannot be written.
        """
        begun = self.folder.exists()
        if begun and not resume and not overwrite:
            raise DualhashError(
                f"{self.folder} holds a training that is not finished: --resume goes on with it, "
                "--overwrite begins anew."
            )
        if self.out.is_file() or (not begun and self.out.is_dir() and any(self.out.iterdir())):
            if not (self.out / CARD).is_file():
                raise DualhashError(
                    f"{self.out} exists and is not a model folder; choose another --out."
                )
            if not overwrite:
                raise DualhashError(
                    f"{self.out} already holds a model: --overwrite replaces it when the new one "
                    "is complete, or choose another --out."
                )
        settings = {"label_hash": label_hash, **config.model_dump(mode="json")}
        try:
            if begun and not resume:
                shutil.rmtree(self.folder)
            self.folder.mkdir(parents=True, exist_ok=True)
            if (self.folder / SETTINGS).exists():
                _check_same(self.folder, settings)
            write_whole(self.folder / SETTINGS, json.dumps(settings, indent=2))
        except OSError as error:
            raise DualhashError(
                f"{self.folder} cannot be written: {error.strerror or error}."
            ) from error

    def close(self, *, keep: bool) -> None:
        """Moves TensorBoard's log to the model and removes the folder, unless it is kept."""
        events = self.folder / "tensorboard"
        if events.exists():
            shutil.rmtree(self.out / events.name, ignore_errors=True)
            shutil.copytree(events, self.out / events.name)
        if not keep:
            shutil.rmtree(self.folder)


def _check_same(folder: Path, settings: dict[str, Any]) -> None:
    before = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
    changed = [name for name in settings if before.get(name) != settings[name]]
    if "label_hash" in changed:
        raise DualhashError(
            f"The training in {folder} was on other labels: give the same table and columns to "
            "resume it, or --overwrite to begin anew."
        )
    if changed:
        name = changed[0]
        raise DualhashError(
            f"The training in {folder} was with {name} {before.get(name)}, not {settings[name]}: "
            "give the same settings to resume it, or --overwrite to begin anew."
        )
