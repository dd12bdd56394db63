import shutil
from pathlib import Path

import pytest

from dualhash.errors import DualhashError
from reproduction.cell import Cell
from reproduction.needs import Needs
from reproduction.run import agenda, expected_seconds, in_order, run
from reproduction.store import ResultStore
from tests.reproduction.cases import FakeLaboratory, Killed, result

BACKBONE, TRIAL = Cell("pretraining"), Cell("dph", 16, trial=True)
DPH, SSDH, SVM = Cell("dph", 16), Cell("ssdh", 16), Cell("svm-binary", 16)
CELLS = [DPH, SVM]
NEEDED = {TRIAL: (BACKBONE,), DPH: (BACKBONE,), SSDH: (BACKBONE,), SVM: (SSDH, BACKBONE)}
ORDER = [BACKBONE, TRIAL, DPH, SSDH, SVM]


@pytest.fixture
def lab() -> FakeLaboratory:
    return FakeLaboratory(needed=NEEDED, tried={DPH: (TRIAL,)})


@pytest.fixture
def store(tmp_path: Path) -> ResultStore:
    return ResultStore(tmp_path / "results")


def go(lab, store, tmp_path, cells=CELLS, whole=CELLS):
    said: list[str] = []
    run(cells, lab, store, tmp_path / "work", whole=whole, tell=said.append)
    return said


def test_cells_come_after_their_trials_and_parts(lab):
    assert in_order(CELLS, lab) == ORDER


def test_every_cell_is_performed_once_and_kept(lab, store, tmp_path):
    go(lab, store, tmp_path)
    assert lab.performed == ORDER
    assert set(store.read()) == {cell.name for cell in ORDER}


def test_finished_cells_are_not_performed_again(lab, store, tmp_path):
    go(lab, store, tmp_path)
    lab.performed.clear()
    said = go(lab, store, tmp_path)
    assert not lab.performed
    assert "5 of 5 cells are finished" in said[0]


def test_no_model_but_the_backbone_is_left_when_nothing_needs_it(lab, store, tmp_path):
    go(lab, store, tmp_path)
    assert [path.name for path in (tmp_path / "work").iterdir()] == [BACKBONE.name]


def test_models_stay_while_other_tables_need_them(lab, store, tmp_path):
    go(lab, store, tmp_path, cells=[DPH])
    assert [path.name for path in (tmp_path / "work").iterdir()] == [BACKBONE.name]


def test_a_killed_run_goes_on_where_it_stopped(lab, store, tmp_path):
    lab.dies_at = SSDH
    with pytest.raises(Killed):
        go(lab, store, tmp_path)
    assert lab.performed == [BACKBONE, TRIAL, DPH]
    lab.dies_at = None
    go(lab, store, tmp_path)
    assert lab.performed == ORDER
    assert lab.resumed == [SSDH]


def test_what_was_begun_with_other_settings_is_not_gone_on_with(lab, store, tmp_path):
    lab.dies_at = DPH
    with pytest.raises(Killed):
        go(lab, store, tmp_path)
    changed = FakeLaboratory(needed=NEEDED, tried={DPH: (TRIAL,)}, version=2)
    go(changed, store, tmp_path)
    assert changed.performed == ORDER
    assert not changed.resumed


def test_a_part_whose_model_is_gone_is_made_again(lab, store, tmp_path):
    go(lab, store, tmp_path)
    (store.folder / f"{SVM.name}.json").unlink()
    lab.performed.clear()
    go(lab, store, tmp_path)
    assert lab.performed == [SSDH, SVM]  # the backbone's model is kept
    (store.folder / f"{SVM.name}.json").unlink()
    shutil.rmtree(tmp_path / "work")
    lab.performed.clear()
    go(lab, store, tmp_path)
    assert lab.performed == [BACKBONE, SSDH, SVM]


def test_results_on_other_data_or_with_other_settings_are_made_again(lab, store, tmp_path):
    go(lab, store, tmp_path)
    for change in ({"data": "e" * 64}, {"version": 2}):
        changed = FakeLaboratory(needed=NEEDED, tried={DPH: (TRIAL,)}, **change)
        steps = agenda(CELLS, changed, store, tmp_path / "work")
        assert all(step.due for step in steps)


def test_what_is_made_from_a_model_that_changed_is_made_again(lab, store, tmp_path):
    go(lab, store, tmp_path)
    changed = FakeLaboratory(needed=NEEDED, tried={DPH: (TRIAL,)}, versions={SSDH: 2})
    go(changed, store, tmp_path)
    assert changed.performed == [SSDH, SVM]


def test_what_lacks_a_figure_that_tables_have_is_made_again(lab, store, tmp_path):
    go(lab, store, tmp_path)
    lab.asked = {DPH: Needs(frozenset({"category_map"}))}
    lab.performed.clear()
    go(lab, store, tmp_path)
    assert lab.performed[-1] == DPH
    lab.performed.clear()
    go(lab, store, tmp_path)
    assert not lab.performed


def test_one_failure_does_not_cost_the_other_cells(lab, store, tmp_path):
    lab.fails_at = frozenset({SSDH})
    with pytest.raises(DualhashError, match=r"ssdh-16-s0: it does not converge"):
        go(lab, store, tmp_path, cells=[SVM, DPH])
    assert lab.performed == [BACKBONE, TRIAL, DPH]


def test_a_damaged_result_is_named(store):
    store.folder.mkdir()
    (store.folder / "dph-16-s0.json").write_text("{")
    with pytest.raises(DualhashError, match=r"dph-16-s0\.json is not a result"):
        store.read()


def test_the_time_left_is_that_of_finished_cells_of_the_method():
    slow = result(DPH, seconds={"training": 100.0, "judging": 20.0})
    quick = result(SSDH, seconds={"training": 30.0})
    results = {slow.name: slow, quick.name: quick}
    assert expected_seconds(Cell("dph", 32), results) == 120
    assert expected_seconds(Cell("lsh", 32), results) == 75
    assert expected_seconds(Cell("lsh", 32), {}) is None


def test_the_time_left_is_told(lab, store, tmp_path):
    said = go(lab, store, tmp_path)
    assert said[1] == "pretraining-s0: 1 of 5, time left not known yet"
    assert said[2] == "dph-16-trial-s0: 2 of 5, time left not known yet"
