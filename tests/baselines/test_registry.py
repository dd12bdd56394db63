import pytest

from dualhash.baselines.method import Method
from dualhash.baselines.registry import METHODS, method_named
from dualhash.errors import DualhashError


@pytest.mark.parametrize("name", METHODS)
def test_every_entry_describes_itself(name: str):
    method = METHODS[name]
    assert isinstance(method, Method)
    assert method.name == name
    assert method.answers
    assert 1990 < method.year <= 2020


def test_an_unknown_method_is_answered_with_the_nearest():
    with pytest.raises(DualhashError, match=r"no method 'lhs'.*'lsh'"):
        method_named("lhs")
