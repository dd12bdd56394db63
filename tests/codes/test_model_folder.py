import errno
import json
import multiprocessing
import os
import signal
import sys
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from dualhash.codes import write_model
from dualhash.codes.model_card import ModelCard
from dualhash.codes.model_folder import CARD, ENCODER, TENSORS, read_model
from dualhash.errors import DualhashError
from tests.builders import card, write_colour_model


def write(folder: Path, version: int) -> None:
    """A model whose parts all say which version they belong to."""
    tensors = {"version": np.full(1000, version, np.float32)}
    write_model(folder, card(seed=version), tensors, b"encoder %d" % version)


def version_of(folder: Path) -> int:
    described, tensors, encoder = read_model(folder)
    assert set(tensors["version"].tolist()) == {float(described.seed)}
    assert encoder == b"encoder %d" % described.seed
    return described.seed


def test_a_written_model_can_be_read(tmp_path: Path):
    folder = tmp_path / "deep" / "model"
    write(folder, 3)
    assert version_of(folder) == 3
    assert sorted(path.name for path in folder.iterdir()) == [ENCODER, CARD, TENSORS]


def test_writing_again_replaces_the_model_and_nothing_else(tmp_path: Path):
    (tmp_path / "log.csv").write_text("kept")
    write(tmp_path, 1)
    write(tmp_path, 2)
    assert version_of(tmp_path) == 2
    assert (tmp_path / "log.csv").read_text() == "kept"


def write_and_kill(folder: str, step: int | None, report: Connection) -> None:
    """Writes version 2 of a model and kills itself before a change of the file system.

    Python announces each change to audit hooks, whichever function makes it.
    """
    root, steps = str(Path(folder).resolve()), 0

    def count(event: str, arguments: tuple) -> None:
        nonlocal steps
        reads = event == "open" and not arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if event not in CHANGES or reads or not str(arguments[0]).startswith(root):
            return
        if steps == step:
            os.kill(os.getpid(), signal.SIGKILL)
        steps += 1

    sys.addaudithook(count)
    write(Path(root), 2)
    report.send(steps)


CHANGES = {"open", "os.mkdir", "os.rename", "os.rmdir", "os.remove", "os.truncate", "os.link"}
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.codes.test_model_folder"])


def run_writer(folder: Path, step: int | None) -> tuple[int | None, int | None]:
    """Returns the exit code of `write_and_kill`, and what it reports if it ends."""
    receiver, sender = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(target=write_and_kill, args=(str(folder), step, sender))
    process.start()
    sender.close()
    process.join()
    return process.exitcode, receiver.recv() if process.exitcode == 0 else None


@pytest.mark.skipif(os.name != "posix", reason="there is no SIGKILL")
def test_a_write_that_is_killed_leaves_the_old_or_the_new_model(tmp_path: Path):
    write(tmp_path / "count", 1)
    exit_code, steps = run_writer(tmp_path / "count", None)
    assert exit_code == 0
    assert steps is not None
    assert steps >= 9  # a folder, three files, the rename to `.new`, three renames, its removal
    versions = []
    for step in range(steps):
        folder = tmp_path / f"killed before {step}"
        write(folder, 1)
        assert run_writer(folder, step) == (-signal.SIGKILL, None)
        versions.append(version_of(folder))
        write(folder, 3)
        assert version_of(folder) == 3
        assert sorted(path.name for path in folder.iterdir()) == [ENCODER, CARD, TENSORS]
    assert set(versions) == {1, 2}
    assert versions == sorted(versions)


def test_a_write_that_fails_leaves_the_old_model_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def fail(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    write(tmp_path / "old", 1)
    monkeypatch.setattr(os, "fsync", fail)
    for name in ("old", "new"):
        with pytest.raises(DualhashError, match=f"{name}: No space left on device"):
            write(tmp_path / name, 2)
    assert [path.name for path in tmp_path.iterdir()] == ["old"]
    assert sorted(path.name for path in (tmp_path / "old").iterdir()) == [ENCODER, CARD, TENSORS]
    assert version_of(tmp_path / "old") == 1


def test_a_folder_without_a_card_is_not_a_model(tmp_path: Path):
    with pytest.raises(DualhashError, match="is not a model folder: it has no readable"):
        read_model(tmp_path)
    with pytest.raises(DualhashError, match="is not a model folder"):
        read_model(tmp_path / "missing")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is damaged: it is not JSON"),
        ("[]", "has no format number"),
        ('{"name": "something else"}', "has no format number"),
        ('{"format": 4, "colour": "new"}', "format 4, but .* up to 3; upgrade"),
        ('{"format": 1}', "is damaged: bits: Field required"),
    ],
)
def test_broken_cards_are_refused(tmp_path: Path, content: str, message: str):
    (tmp_path / CARD).write_text(content)
    with pytest.raises(DualhashError, match=message):
        read_model(tmp_path)


def test_unknown_keys_are_refused(tmp_path: Path):
    write(tmp_path, 1)
    described = json.loads((tmp_path / CARD).read_text())
    (tmp_path / CARD).write_text(json.dumps(described | {"bites": 3}))
    with pytest.raises(DualhashError, match="bites"):
        read_model(tmp_path)


@pytest.mark.parametrize("name", [TENSORS, ENCODER])
def test_missing_and_damaged_files_are_named(tmp_path: Path, name: str):
    write(tmp_path, 1)
    content = bytearray((tmp_path / name).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DualhashError, match=f"{name} is damaged or belongs to another model"):
        read_model(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(DualhashError, match=f"is incomplete: {name} cannot be read"):
        read_model(tmp_path)


def test_mixed_files_of_two_models_are_refused(tmp_path: Path):
    write_colour_model(tmp_path / "a", seed=1)
    write_colour_model(tmp_path / "b", seed=2)
    (tmp_path / "b" / ENCODER).replace(tmp_path / "a" / ENCODER)
    with pytest.raises(DualhashError, match="belongs to another model"):
        read_model(tmp_path / "a")


def test_a_file_in_place_of_the_folder_is_kept(tmp_path: Path):
    (tmp_path / "model").write_text("mine")
    with pytest.raises(DualhashError, match="cannot be written"):
        write(tmp_path / "model", 1)
    assert (tmp_path / "model").read_text() == "mine"


def test_the_weight_of_an_older_model_is_read():
    stored = card().model_dump() | {"calibration": {"soft": 2.5}}
    assert ModelCard.model_validate(stored).calibration.attribute_weight == 2.5


@pytest.mark.parametrize("bits", [0, 4, 100, 256])
def test_ranking_bits_are_a_multiple_of_8_below_the_length(bits: int):
    with pytest.raises(ValidationError, match="ranking_bits"):
        card(256, ranking_bits=bits)
    assert card(256, ranking_bits=128).ranking_bits == 128
