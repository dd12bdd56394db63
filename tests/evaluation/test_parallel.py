from threading import Barrier

import pytest

from dualhash.evaluation import parallel
from dualhash.evaluation.parallel import on_all_processors


def test_results_are_in_the_order_of_the_parts():
    assert list(on_all_processors(lambda part: part**2, range(50))) == [n**2 for n in range(50)]
    assert list(on_all_processors(lambda part: part, [])) == []


def test_uses_one_thread_per_processor(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(parallel.os, "cpu_count", lambda: 3)
    together = Barrier(3, timeout=30)
    assert sorted(on_all_processors(lambda _: together.wait(), range(3))) == [0, 1, 2]


def test_errors_in_threads_are_raised():
    with pytest.raises(ZeroDivisionError):
        list(on_all_processors(lambda part: 1 / part, [1, 0]))
