import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from dualhash.errors import DualhashError
from dualhash.training.loop.run_folder import RunFolder
from tests.builders import write_colour_model
from tests.training.tiny_training import make_config

CONFIG = make_config()
LABELS = {"label_hash": "labels"}


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path / "deep" / "model", CONFIG, LABELS)


def begin(run: RunFolder) -> None:
    run.begin(resume=False)
    (run.folder / "last.ckpt").touch()


def test_a_new_training_starts_in_a_folder_beside_the_model(run: RunFolder):
    run.check(resume=False, replace=False)
    begin(run)
    assert run.folder.name == "model.training"
    assert not run.out.exists()


def test_a_folder_that_is_not_a_model_is_never_replaced(run: RunFolder):
    run.out.mkdir(parents=True)
    (run.out / "thesis.tex").touch()
    for replacing in (False, True):
        with pytest.raises(DualhashError, match="not a model folder"):
            run.check(resume=False, replace=replacing)


def test_a_file_in_the_way_is_refused(run: RunFolder):
    run.out.parent.mkdir()
    run.out.touch()
    with pytest.raises(DualhashError, match="not a model folder"):
        run.check(resume=False, replace=True)


def test_a_model_is_replaced_only_with_the_option(run: RunFolder):
    write_colour_model(run.out)
    with pytest.raises(DualhashError, match="--replace"):
        run.check(resume=False, replace=False)
    run.check(resume=False, replace=True)


def test_an_unfinished_training_is_not_lost(run: RunFolder):
    begin(run)
    with pytest.raises(DualhashError, match="--resume continues it"):
        run.check(resume=False, replace=False)
    run.check(resume=True, replace=False)
    run.begin(resume=True)
    assert run.begun
    run.check(resume=False, replace=True)
    run.begin(resume=False)
    assert not run.begun


def test_only_the_same_training_is_resumed(run: RunFolder):
    begin(run)
    with pytest.raises(DualhashError, match="had seed = 0, not 1"):
        replace(run, config=make_config(seed=1)).check(resume=True, replace=False)
    with pytest.raises(DualhashError, match="other labels"):
        replace(run, origin={"label_hash": "other"}).check(resume=True, replace=False)


def test_a_folder_that_cannot_be_created_is_refused(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(DualhashError, match="cannot be written"):
        RunFolder(tmp_path / "file" / "model", CONFIG, LABELS).begin(resume=False)


def test_two_trainings_cannot_share_a_folder(run: RunFolder):
    with run.locked():
        with (
            pytest.raises(DualhashError, match=r"Another training is writing to .*model: wait"),
            run.locked(),
        ):
            pass
        with RunFolder(run.out.with_name("other"), CONFIG, LABELS).locked():
            pass
        begin(run)
    with run.locked():
        assert run.begun
    assert [path.name for path in run.out.parent.iterdir()] == ["model.training"]


def test_a_killed_training_releases_its_lock(run: RunFolder):
    program = (
        "import sys; from pathlib import Path\n"
        "from dualhash.file_lock import only_one\n"
        "with only_one(Path(sys.argv[1])) as alone:\n"
        "    print(alone, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    run.out.parent.mkdir()
    lock = run.out.with_name(".model.lock")
    with subprocess.Popen(
        [sys.executable, "-c", program, lock],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout.readline() == "True\n"
        with pytest.raises(DualhashError, match="Another training"), run.locked():
            pass
        other.kill()
    assert lock.exists()
    with run.locked():
        pass
    assert not list(run.out.parent.iterdir())


def test_a_folder_that_cannot_be_locked_is_refused(tmp_path: Path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(DualhashError, match="cannot be written"),
        RunFolder(tmp_path / "file" / "model", CONFIG, LABELS).locked(),
    ):
        pass
