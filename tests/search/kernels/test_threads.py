import multiprocessing
from itertools import pairwise

import pytest

from dualhash.search.kernels import threads as threads_module
from dualhash.search.kernels.threads import run_in_threads


@pytest.mark.parametrize(
    ("groups", "count", "bounds"),
    [
        (0, 2, [0, 0]),
        (7, 2, [0, 7]),
        (8, 1, [0, 8]),
        (9, 2, [0, 4, 9]),
        (12, 8, [0, 4, 8, 12]),
    ],
)
def test_parts_are_contiguous(
    monkeypatch: pytest.MonkeyPatch, groups: int, count: int, bounds: list[int]
):
    monkeypatch.setattr(threads_module, "FEWEST_GROUPS", 4)
    parts = run_in_threads(lambda start, stop: (start, stop), groups, count)
    assert parts == list(pairwise(bounds))


def work_in_two() -> None:
    assert run_in_threads(lambda start, stop: stop - start, 4, 2) == [2, 2]


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="this system does not fork"
)
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_has_its_own_threads():
    work_in_two()
    child = multiprocessing.get_context("fork").Process(target=work_in_two)
    child.start()
    child.join(60)  # a wrong answer waits for threads that do not exist
    child.kill()
    child.join()
    assert child.exitcode == 0
