from pathlib import Path

import pytest

from dualhash.baselines import METHODS, find_method
from dualhash.baselines.common.head_method import HeadMethod
from dualhash.baselines.common.shallow_method import ShallowMethod
from dualhash.errors import DualhashError
from dualhash.training.config import TrainConfig
from dualhash.training.method import DPH, NetworkMethod
from dualhash.training.train import train

EXPECTED = {
    "lsh": (ShallowMethod, "LSH", 1999, {"category"}, "category"),
    "itq": (ShallowMethod, "ITQ", 2011, {"category"}, "category"),
    "cca-itq": (ShallowMethod, "CCA-ITQ", 2011, {"category"}, "category"),
    "dbc": (ShallowMethod, "DBC", 2012, {"category"}, "category"),
    "ksh": (ShallowMethod, "KSH", 2012, {"category"}, "category"),
    "sdh": (ShallowMethod, "SDH", 2015, {"category"}, "category"),
    "dnnh": (NetworkMethod, "DNNH", 2015, {"category"}, "category"),
    "hashnet": (NetworkMethod, "HashNet", 2017, {"category"}, "category"),
    "ssdh": (NetworkMethod, "SSDH", 2018, {"category"}, "category"),
    "svm-real": (ShallowMethod, "SVM-real", 2008, {"attribute"}, "attribute"),
    "svm-binary": (
        HeadMethod,
        "SVM-binary",
        2020,
        {"category", "attribute", "combined"},
        "attribute",
    ),
    "cnn-attribute": (NetworkMethod, "CNN-attribute", 2020, {"attribute"}, "attribute"),
    "jlbc": (ShallowMethod, "JLBC", 2015, {"category", "attribute", "combined"}, "joint"),
    "multiple-model": (
        NetworkMethod,
        "Multiple-model",
        2020,
        {"category", "attribute", "combined"},
        "both",
    ),
}
"""Kind, title, year, tasks and labels of every method, in the order of the paper's tables."""


def test_registry_holds_the_methods_of_the_paper():
    assert list(METHODS) == list(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_methods_are_found_by_name(name: str):
    method = find_method(name)
    kind, *described = EXPECTED[name]
    assert isinstance(method, kind)
    assert method.name == name
    assert [method.title, method.year, method.answers, method.labels] == described


def test_an_unknown_method_suggests_the_nearest():
    with pytest.raises(DualhashError, match=r"no method 'lhs'.*'lsh'"):
        find_method("lhs")


def test_dph_is_found_by_name():
    assert find_method("dph") is DPH


def test_only_head_methods_take_a_base_folder(tmp_path: Path):
    assert find_method("svm-binary", tmp_path).base_folder == tmp_path
    assert find_method("ssdh", tmp_path) is METHODS["ssdh"]


def test_a_name_instead_of_a_method_is_refused(tmp_path: Path):
    with pytest.raises(DualhashError, match=r"pass dualhash\.baselines\.find_method\('itq'\)"):
        train(None, TrainConfig(), tmp_path / "m", method="itq")
