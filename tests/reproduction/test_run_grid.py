import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest

from dualhash.errors import DualhashError
from reproduction.grid_cell import Cell
from reproduction.required_figures import RequiredFigures
from reproduction.result_store import ResultStore
from reproduction.run_grid import dependency_order, expected_seconds, run, schedule
from tests.reproduction.small_grid import FakeLaboratory, Killed, result

BACKBONE, TRIAL = Cell("pretraining"), Cell("dph", 16, trial=True)
DPH, SSDH, SVM = Cell("dph", 16), Cell("ssdh", 16), Cell("svm-binary", 16)
CELLS = [DPH, SVM]
NEEDED = {TRIAL: (BACKBONE,), DPH: (BACKBONE,), SSDH: (BACKBONE,), SVM: (SSDH, BACKBONE)}
ORDER = [BACKBONE, TRIAL, DPH, SSDH, SVM]


@pytest.fixture
def runner() -> FakeLaboratory:
    return FakeLaboratory(needed=NEEDED, tried={DPH: (TRIAL,)})


@pytest.fixture
def store(tmp_path: Path) -> ResultStore:
    return ResultStore(tmp_path / "results")


def go(runner, store, tmp_path, cells=CELLS, whole=CELLS):
    messages: list[str] = []
    run(cells, runner, store, tmp_path / "work", whole=whole, notify=messages.append)
    return messages


def test_cells_come_after_their_trials_and_parts(runner):
    assert dependency_order(CELLS, runner) == ORDER


def test_every_cell_is_performed_once_and_kept(runner, store, tmp_path):
    go(runner, store, tmp_path)
    assert runner.performed == ORDER
    assert set(store.read()) == {cell.name for cell in ORDER}


def test_finished_cells_are_not_performed_again(runner, store, tmp_path):
    go(runner, store, tmp_path)
    runner.performed.clear()
    messages = go(runner, store, tmp_path)
    assert not runner.performed
    assert "5 of 5 cells are finished" in messages[0]


def test_only_backbones_are_kept_when_no_cell_needs_the_models(runner, store, tmp_path):
    go(runner, store, tmp_path)
    assert [path.name for path in (tmp_path / "work").iterdir()] == [BACKBONE.name]


def test_models_are_kept_while_other_tables_need_them(runner, store, tmp_path):
    go(runner, store, tmp_path, cells=[DPH])
    assert [path.name for path in (tmp_path / "work").iterdir()] == [BACKBONE.name]


def test_a_killed_run_continues_where_it_stopped(runner, store, tmp_path):
    runner.dies_at = SSDH
    with pytest.raises(Killed):
        go(runner, store, tmp_path)
    assert runner.performed == [BACKBONE, TRIAL, DPH]
    runner.dies_at = None
    go(runner, store, tmp_path)
    assert runner.performed == ORDER
    assert runner.resumed == [SSDH]


def test_a_training_with_other_settings_is_not_continued(runner, store, tmp_path):
    runner.dies_at = DPH
    with pytest.raises(Killed):
        go(runner, store, tmp_path)
    changed = FakeLaboratory(needed=NEEDED, tried={DPH: (TRIAL,)}, version=2)
    go(changed, store, tmp_path)
    assert changed.performed == ORDER
    assert not changed.resumed


def test_a_part_without_its_model_is_trained_again(runner, store, tmp_path):
    go(runner, store, tmp_path)
    (store.folder / f"{SVM.name}.json").unlink()
    runner.performed.clear()
    go(runner, store, tmp_path)
    assert runner.performed == [SSDH, SVM]  # the backbone's model is kept
    (store.folder / f"{SVM.name}.json").unlink()
    shutil.rmtree(tmp_path / "work")
    runner.performed.clear()
    go(runner, store, tmp_path)
    assert runner.performed == [BACKBONE, SSDH, SVM]


def test_results_on_other_data_or_with_other_settings_are_made_again(runner, store, tmp_path):
    go(runner, store, tmp_path)
    for change in ({"data": "e" * 64}, {"version": 2}):
        changed = FakeLaboratory(needed=NEEDED, tried={DPH: (TRIAL,)}, **change)
        steps = schedule(CELLS, changed, store, tmp_path / "work")
        assert all(step.due for step in steps)


def test_cells_made_from_a_changed_model_are_run_again(runner, store, tmp_path):
    go(runner, store, tmp_path)
    changed = FakeLaboratory(needed=NEEDED, tried={DPH: (TRIAL,)}, versions={SSDH: 2})
    go(changed, store, tmp_path)
    assert changed.performed == [SSDH, SVM]


def test_a_cell_without_a_required_figure_is_run_again(runner, store, tmp_path):
    go(runner, store, tmp_path)
    runner.required = {DPH: RequiredFigures(frozenset({"category_map"}))}
    runner.performed.clear()
    go(runner, store, tmp_path)
    assert runner.performed[-1] == DPH
    runner.performed.clear()
    go(runner, store, tmp_path)
    assert not runner.performed


def test_a_failed_cell_does_not_stop_the_others(runner, store, tmp_path):
    runner.fails_at = frozenset({SSDH})
    with pytest.raises(DualhashError, match=r"ssdh-16-s0: it does not converge"):
        go(runner, store, tmp_path, cells=[SVM, DPH])
    assert runner.performed == [BACKBONE, TRIAL, DPH]


class Shared(FakeLaboratory):
    """While it runs one cell, another process runs the same work."""

    def __init__(self, at: Cell, other) -> None:
        super().__init__(needed=NEEDED, tried={DPH: (TRIAL,)})
        self.at, self.other = at, other

    def run(self, cell, recipe, folder, parts):
        if cell == self.at:
            self.other()
        return super().run(cell, recipe, folder, parts)


def test_two_processes_divide_the_cells(store, tmp_path):
    """The other one leaves out what is running, does the rest, and would wait at the end."""
    other = FakeLaboratory(needed=NEEDED, tried={DPH: (TRIAL,)})
    waited: list[str] = []

    @contextmanager
    def lock(path: Path, *, wait: bool = False):
        if path.stem == SSDH.name and running:
            if wait:
                raise Killed
            waited.append(path.stem)
            yield False
        else:
            yield True

    running: list[bool] = []

    def go_other() -> None:
        running.append(True)
        with pytest.raises(Killed):
            go(other, store, tmp_path)
        running.clear()

    first = Shared(SSDH, go_other)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("reproduction.run_grid.only_one", lock)
        go(first, store, tmp_path, cells=[SSDH, SVM, DPH])
    assert first.performed == [BACKBONE, SSDH, SVM]
    assert other.performed == [TRIAL, DPH]
    assert waited == [SSDH.name]


def test_a_damaged_result_is_refused(store):
    store.folder.mkdir()
    (store.folder / "dph-16-s0.json").write_text("{")
    with pytest.raises(DualhashError, match=r"dph-16-s0\.json is not a result"):
        store.read()


def test_remaining_time_is_estimated_from_cells_of_the_method():
    slow = result(DPH, seconds={"training": 100.0, "judging": 20.0})
    quick = result(SSDH, seconds={"training": 30.0})
    results = {slow.name: slow, quick.name: quick}
    assert expected_seconds(Cell("dph", 32), results) == 120
    assert expected_seconds(Cell("lsh", 32), results) == 75
    assert expected_seconds(Cell("lsh", 32), {}) is None


def test_the_remaining_time_is_shown(runner, store, tmp_path):
    messages = go(runner, store, tmp_path)
    assert messages[1] == "pretraining-s0: 1 of 5, remaining time unknown"
    assert messages[2] == "dph-16-trial-s0: 2 of 5, remaining time unknown"
