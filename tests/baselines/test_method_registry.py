from pathlib import Path

import pytest

from dualhash.baselines import METHODS, find_method
from dualhash.errors import DualhashError
from dualhash.training.config import TrainConfig
from dualhash.training.method import DPH, Method
from dualhash.training.train import train


@pytest.mark.parametrize("name", METHODS)
def test_every_entry_describes_itself(name: str):
    method = METHODS[name]
    assert isinstance(method, Method)
    assert method.name == name
    assert method.answers
    assert 1990 < method.year <= 2020


def test_an_unknown_method_is_answered_with_the_nearest():
    with pytest.raises(DualhashError, match=r"no method 'lhs'.*'lsh'"):
        find_method("lhs")


def test_the_method_of_the_paper_is_found_by_name():
    assert find_method("dph") is DPH


def test_a_base_folder_is_kept_by_methods_that_read_another_model(tmp_path: Path):
    assert find_method("svm-binary", tmp_path).base_folder == tmp_path
    assert find_method("ssdh", tmp_path) is METHODS["ssdh"]


def test_a_name_instead_of_a_method_is_refused(tmp_path: Path):
    with pytest.raises(DualhashError, match=r"give dualhash\.baselines\.find_method\('itq'\)"):
        train(None, TrainConfig(), tmp_path / "m", method="itq")
