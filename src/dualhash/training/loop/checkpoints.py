"""Checkpoints: written atomically, and read without executing code."""

import os
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.plugins import CheckpointIO

LAST, BEST = "last.ckpt", "best.ckpt"


class SafeCheckpointIO(CheckpointIO):
    """Replaces checkpoint files in one step; reads only tensors and plain values."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: object = None
    ) -> None:
        """Replaces the file at `path` in one step."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".unfinished")
        with unfinished.open("wb") as file:
            torch.save(checkpoint, file)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)

    def load_checkpoint(
        self, path: str | Path, map_location: object = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Returns the checkpoint at `path`."""
        return load_checkpoint(Path(path))

    def remove_checkpoint(self, path: str | Path) -> None:
        """Removes the file at `path`."""
        Path(path).unlink(missing_ok=True)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Returns the tensors, on the CPU, and the plain values of a checkpoint."""
    checkpoint: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return checkpoint
