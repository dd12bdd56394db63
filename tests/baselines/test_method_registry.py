import pytest

from dualhash.baselines import METHODS, find_method
from dualhash.errors import DualhashError
from dualhash.training.method import Method


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
