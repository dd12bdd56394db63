"""The exact best, from responses that are cut at a limit in the middle of ties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualhash.errors import DualhashError
from dualhash.search.remote.milvus import exact_topk as ranking
from dualhash.search.remote.milvus.exact_topk import COMPLETE, Fetch, Keys, best, within

LIMIT = 4


@pytest.fixture(autouse=True)
def small_answers(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ranking, "MAX_ROWS", LIMIT)


def server(keys: dict[int, float], requests: list[tuple[int, int, int]] | None = None) -> Fetch:
    """Answers with the best, of equals those with the highest ids, in no particular order."""

    def ask(low: int, high: int, limit: int) -> Keys:
        if requests is not None:
            requests.append((low, high, limit))
        assert limit <= LIMIT
        there = sorted((key, -item) for item, key in keys.items() if low <= item < high)[:limit]
        beyond = there[-1][0] if len(there) == limit else COMPLETE
        some = there[::-1]
        return Keys(
            np.array([-item for _, item in some], np.int64),
            np.array([key for key, _ in some]),
            beyond,
        )

    return ask


KEYS = st.dictionaries(st.integers(0, 60), st.integers(0, 4).map(float), max_size=40)


@given(KEYS, st.integers(1, 9))
def test_best_results_match_a_full_sort(keys: dict[int, float], k: int):
    expected = [item for _, item in sorted((key, item) for item, key in keys.items())][:k]
    assert best(server(keys), k, 61).ids.tolist() == expected


@given(KEYS, st.integers(0, 4))
def test_results_within_a_limit_match_a_full_sort(keys: dict[int, float], worst: int):
    expected = [
        item for _, item in sorted((key, item) for item, key in keys.items() if key <= worst)
    ]
    assert within(server(keys), worst, 61).ids.tolist() == expected


def test_a_complete_answer_needs_one_request():
    requests: list[tuple[int, int, int]] = []
    assert best(server({3: 1.0, 9: 0.0, 4: 1.0}, requests), 1, 10).ids.tolist() == [9]
    assert requests == [(0, 10, 4)]


def test_many_duplicates_need_few_requests():
    requests: list[tuple[int, int, int]] = []
    keys = dict.fromkeys(range(1024), 0.0)
    assert best(server(keys, requests), 2, 1024).ids.tolist() == [0, 1]
    assert len(requests) < 25


def test_too_many_equal_results_are_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ranking, "MAX_REQUESTS", 20)
    with pytest.raises(DualhashError, match="Too many items are within that radius"):
        within(server(dict.fromkeys(range(1000), 0.0)), 0, 1000)

    def vague(low: int, high: int, limit: int) -> Keys:
        return Keys(np.arange(low, low + limit), np.zeros(limit), -1.0)

    with pytest.raises(DualhashError, match="as good as the one at rank 2"):
        best(vague, 2, 1 << 40)
