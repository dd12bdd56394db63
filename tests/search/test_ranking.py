import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.oracles import search as oracle

from dualhash.search.ranking import first


@given(st.lists(st.integers(0, 4)), st.integers(1, 60), st.randoms())
def test_against_sorting(keys: list[int], k: int, random):
    ids = random.sample(range(1000), len(keys))
    found = first(np.array(keys, np.int64), np.array(ids, np.int64), k)
    assert [ids[row] for row in found] == oracle.first(keys, ids, k)


def test_by_hand():
    keys, ids = np.array([2.0, 1.0, 2.0, 0.5]), np.array([7, 9, 3, 8])
    assert first(keys, ids, 3).tolist() == [3, 1, 2]


@given(st.lists(st.integers(0, 3), min_size=1), st.data())
def test_the_first_of_more_are_the_first(keys: list[int], data):
    ids = np.arange(len(keys))
    k = data.draw(st.integers(1, len(keys)))
    whole = first(np.array(keys), ids, len(keys))
    assert first(np.array(keys), ids, k).tolist() == whole[:k].tolist()
