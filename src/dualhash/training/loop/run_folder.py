"""The folder of an unfinished training, and the rules for resuming and replacing."""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from dualhash.codes.model_card import ModelCard
from dualhash.codes.model_folder import CARD
from dualhash.errors import DualhashError
from dualhash.file_lock import only_one
from dualhash.files import cannot_write, write_whole
from dualhash.training.config import TrainConfig
from dualhash.training.export.backbone_weights import WeightsCard
from dualhash.training.loop.callbacks import LOG

SETTINGS = "settings.json"


@dataclass(frozen=True)
class RunFolder:
    """The folder `<out>.training` beside the result, which is removed when the result is complete.

    Attributes:
        out: Folder of the result.
        config: Settings of the training.
        origin: Hashes of what the training starts from, by name: `label_hash`, and `weights_hash`
            or others that its report repeats.
        result: The file in `out` that exists if the training is complete.
    """

    out: Path
    config: TrainConfig
    origin: Mapping[str, str | None]
    result: str = CARD

    @property
    def folder(self) -> Path:
        """The folder for checkpoints and logs."""
        return self.out.with_name(f"{self.out.name}.training")

    @property
    def finished(self) -> bool:
        """Whether the result is complete."""
        return (self.out / self.result).is_file() and not self.folder.exists()

    @property
    def begun(self) -> bool:
        """Whether there is a checkpoint to resume from."""
        return any(self.folder.rglob("*.ckpt"))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other processes from training into the same folder during this block.

        Raises:
            DualhashError: Another process trains there, or the folder cannot be written.
        """
        with ExitStack() as stack:
            try:
                self.out.parent.mkdir(parents=True, exist_ok=True)
                alone = stack.enter_context(only_one(self.out.with_name(f".{self.out.name}.lock")))
            except OSError as error:
                raise DualhashError(cannot_write(self.out, error)) from error
            if not alone:
                raise DualhashError(
                    f"Another training is writing to {self.out}: wait until it ends, or choose "
                    "another --out."
                )
            yield

    def check(self, *, resume: bool, replace: bool) -> None:
        """Checks that the training may begin or resume.

        Raises:
            DualhashError: `out` must not be replaced, or the training to resume is a different one.
        """
        if self.begun and resume:
            self._check_same()
        elif self.begun and not replace:
            raise DualhashError(
                f"{self.folder} holds an unfinished training: --resume continues it, --replace "
                "starts again."
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

    def begin(self, *, resume: bool) -> None:
        """Creates the folder; it is emptied unless its training is resumed.

        Raises:
            DualhashError: The folder cannot be written.
        """
        if self.folder.exists() and not resume:
            shutil.rmtree(self.folder)
        write_whole(self.folder / SETTINGS, json.dumps(self._settings()))

    def check_finished(self, card: ModelCard | WeightsCard) -> None:
        """Checks that the complete result is what this training would produce.

        Raises:
            DualhashError: It is the result of another training.
        """
        origin = {**card.training, "label_hash": card.label_hash}
        same = all(origin.get(name) == value for name, value in self.origin.items())
        if TrainConfig(**card.config) != self.config or not same:
            raise DualhashError(
                f"{self.out} holds the {self.result} of another training, so there is nothing to "
                "resume: --replace replaces it, or choose another --out."
            )

    def finish(self, *, keep: bool) -> None:
        """Moves the logs to the result and removes the folder, unless `keep`."""
        for log in [*self.folder.glob(LOG), *self.folder.glob(f"*/{LOG}")]:
            name = "-".join(log.relative_to(self.folder).parts)
            write_whole(self.out / name, log.read_text(encoding="utf-8"))
            events = log.with_name("tensorboard")
            if events.exists():
                target = self.out / events.name / log.parent.relative_to(self.folder)
                shutil.rmtree(target, ignore_errors=True)
                shutil.copytree(events, target)
        if not keep:
            shutil.rmtree(self.folder)

    def _settings(self) -> dict[str, object]:
        return {**self.origin, **self.config.model_dump(mode="json")}

    def _check_same(self) -> None:
        settings = self._settings()
        before = json.loads((self.folder / SETTINGS).read_text(encoding="utf-8"))
        changed = [name for name in settings if before.get(name) != settings[name]]
        if not changed:
            return
        name = changed[0]
        same = {
            "label_hash": "used other labels: give the same table and columns",
            "features_hash": "used other vectors: give the same file",
            "weights_hash": "began with other weights: give the same weights",
        }.get(
            name, f"had {name} = {before.get(name)}, not {settings[name]}: give the same settings"
        )
        raise DualhashError(
            f"The training in {self.folder} {same} to resume it, or --replace to start again."
        )
