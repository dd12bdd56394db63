import itertools
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

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


def test_what_is_written_is_read(tmp_path: Path):
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


class KilledError(BaseException):
    """Stands for the process ending at this point."""


@pytest.mark.parametrize("step", range(12))
def test_killed_at_any_step_leaves_the_old_or_the_new_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
):
    """Every change of the file system before `step` happened, none after it."""
    write(tmp_path, 1)
    counter = itertools.count()

    def killing(original):
        def change(*arguments, **options):
            if next(counter) == step:
                raise KilledError
            return original(*arguments, **options)

        return change

    with monkeypatch.context() as patched:
        for name in ("mkdir", "open", "rename", "replace", "rmdir"):
            patched.setattr(Path, name, killing(getattr(Path, name)))
        try:
            write(tmp_path, 2)
            finished = True
        except KilledError:
            finished = False
    left = version_of(tmp_path)
    assert left == 2 if finished else left in (1, 2)
    write(tmp_path, 3)
    assert version_of(tmp_path) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == [ENCODER, CARD, TENSORS]


WRITER = """
import itertools, sys
from pathlib import Path
from tests.codes.test_model_folder import write
for version in itertools.count(1):
    write(Path(sys.argv[1]), version)
    print(version, flush=True)
"""


def test_killed_for_real(tmp_path: Path):
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        for _ in range(5):
            writer.stdout.readline()
        writer.kill()
        *_, written = [5, *map(int, writer.stdout.read().split())]
    assert version_of(tmp_path) in (written, written + 1)


def test_a_folder_without_a_card_is_no_model(tmp_path: Path):
    with pytest.raises(DualhashError, match="is not a model folder: it has no readable"):
        read_model(tmp_path)
    with pytest.raises(DualhashError, match="is not a model folder"):
        read_model(tmp_path / "missing")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is damaged: it is not JSON"),
        ("[]", "states no format"),
        ('{"name": "something else"}', "states no format"),
        ('{"format": 2, "colour": "new"}', "format 2, newer than the 1 .* upgrade"),
        ('{"format": 1}', "is damaged: bits: Field required"),
    ],
)
def test_cards_that_are_none(tmp_path: Path, content: str, said: str):
    (tmp_path / CARD).write_text(content)
    with pytest.raises(DualhashError, match=said):
        read_model(tmp_path)


def test_unknown_keys_are_refused(tmp_path: Path):
    write(tmp_path, 1)
    described = json.loads((tmp_path / CARD).read_text())
    (tmp_path / CARD).write_text(json.dumps(described | {"bites": 3}))
    with pytest.raises(DualhashError, match="bites"):
        read_model(tmp_path)


@pytest.mark.parametrize("name", [TENSORS, ENCODER])
def test_missing_and_damaged_files(tmp_path: Path, name: str):
    write(tmp_path, 1)
    content = bytearray((tmp_path / name).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DualhashError, match=f"{name} is damaged or belongs to another model"):
        read_model(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(DualhashError, match=f"not complete: {name} cannot be read"):
        read_model(tmp_path)


def test_files_of_two_models_do_not_mix(tmp_path: Path):
    write_colour_model(tmp_path / "a", seed=1)
    write_colour_model(tmp_path / "b", seed=2)
    (tmp_path / "b" / ENCODER).replace(tmp_path / "a" / ENCODER)
    with pytest.raises(DualhashError, match="belongs to another model"):
        read_model(tmp_path / "a")


def test_a_file_in_the_way(tmp_path: Path):
    (tmp_path / "model").write_text("mine")
    with pytest.raises(DualhashError, match="cannot be written"):
        write(tmp_path / "model", 1)
    assert (tmp_path / "model").read_text() == "mine"


def test_the_weight_of_an_older_model_is_read():
    stored = card().model_dump() | {"calibration": {"soft": 2.5}}
    assert ModelCard.model_validate(stored).calibration == {"attribute_weight": 2.5}
