import subprocess
import sys
from pathlib import Path

import pytest

from dualhash.errors import DualhashError
from dualhash.training.loop.run_folder import Workspace
from tests.builders import write_colour_model
from tests.training.cases import make_config

CONFIG = make_config()


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.of(tmp_path / "deep" / "model")


def begin(workspace: Workspace) -> None:
    workspace.begin(CONFIG, "labels", resume=False)
    (workspace.folder / "last.ckpt").touch()


def test_a_new_training_begins_beside_the_model(workspace: Workspace):
    workspace.check(CONFIG, "labels", resume=False, replace=False)
    begin(workspace)
    assert workspace.folder.name == "model.training"
    assert not workspace.out.exists()


def test_what_is_not_a_model_is_never_replaced(workspace: Workspace):
    workspace.out.mkdir(parents=True)
    (workspace.out / "thesis.tex").touch()
    for replace in (False, True):
        with pytest.raises(DualhashError, match="not a model folder"):
            workspace.check(CONFIG, "labels", resume=False, replace=replace)


def test_a_file_in_the_way_is_refused(workspace: Workspace):
    workspace.out.parent.mkdir()
    workspace.out.touch()
    with pytest.raises(DualhashError, match="not a model folder"):
        workspace.check(CONFIG, "labels", resume=False, replace=True)


def test_a_model_is_replaced_only_when_told(workspace: Workspace):
    write_colour_model(workspace.out)
    with pytest.raises(DualhashError, match="--replace"):
        workspace.check(CONFIG, "labels", resume=False, replace=False)
    workspace.check(CONFIG, "labels", resume=False, replace=True)


def test_an_unfinished_training_is_not_lost(workspace: Workspace):
    begin(workspace)
    with pytest.raises(DualhashError, match="--resume goes on with it"):
        workspace.check(CONFIG, "labels", resume=False, replace=False)
    workspace.check(CONFIG, "labels", resume=True, replace=False)
    workspace.begin(CONFIG, "labels", resume=True)
    assert workspace.begun
    workspace.check(CONFIG, "labels", resume=False, replace=True)
    workspace.begin(CONFIG, "labels", resume=False)
    assert not workspace.begun


def test_only_the_same_training_is_resumed(workspace: Workspace):
    begin(workspace)
    with pytest.raises(DualhashError, match="with seed 0, not 1"):
        workspace.check(make_config(seed=1), "labels", resume=True, replace=False)
    with pytest.raises(DualhashError, match="other labels"):
        workspace.check(CONFIG, "other", resume=True, replace=False)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(DualhashError, match="cannot be written"):
        Workspace.of(tmp_path / "file" / "model").begin(CONFIG, "labels", resume=False)


def test_two_trainings_do_not_write_into_one_folder(workspace: Workspace):
    with workspace.held():
        with (
            pytest.raises(DualhashError, match=r"Another training is at work on .*model: wait"),
            workspace.held(),
        ):
            pass
        with Workspace.of(workspace.out.with_name("other")).held():
            pass
        begin(workspace)
    with workspace.held():
        assert workspace.begun
    assert [path.name for path in workspace.out.parent.iterdir()] == ["model.training"]


def test_what_a_killed_training_held_is_free(workspace: Workspace):
    program = (
        "import sys; from pathlib import Path\n"
        "from dualhash.training.loop.file_lock import only_one\n"
        "with only_one(Path(sys.argv[1])) as alone:\n"
        "    print(alone, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    workspace.out.parent.mkdir()
    lock = workspace.out.with_name(".model.lock")
    with subprocess.Popen(
        [sys.executable, "-c", program, lock],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout.readline() == "True\n"
        with pytest.raises(DualhashError, match="Another training"), workspace.held():
            pass
        other.kill()
    assert lock.exists()
    with workspace.held():
        pass
    assert not list(workspace.out.parent.iterdir())


def test_a_place_that_cannot_be_held_is_refused(tmp_path: Path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(DualhashError, match="cannot be written"),
        Workspace.of(tmp_path / "file" / "model").held(),
    ):
        pass
