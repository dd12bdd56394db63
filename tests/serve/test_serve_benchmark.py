"""Faults that the benchmark of the server reports."""

from typing import Any

import pytest

from benchmarks.serve import faults


def report(wrong: int = 0, failed: int = 0, overload_failed: int = 0) -> dict[str, Any]:
    return {
        "curve": [{"failed": 0}, {"failed": failed}],
        "overload": {"failed": overload_failed, "checked": {"right": 5, "shed": 7, "wrong": wrong}},
    }


def test_a_server_that_only_refuses_has_no_faults():
    assert faults(report()) == []


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        (report(wrong=3), ["3 answers were wrong"]),
        (report(failed=1, overload_failed=2), ["3 requests were neither answered nor shed"]),
    ],
)
def test_faults_are_counted(seen: dict[str, Any], says: list[str]):
    assert faults(seen) == says
