import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dualhash.codes import Model, unpack
from dualhash.errors import DualhashError
from dualhash.search import Index, ItemLabels
from dualhash.search.storage.reader import IndexReader
from tests.builders import colour_model
from tests.oracles import search as oracle


def ids(results) -> list[int]:
    return [hit.id for hit in results.hits]


def test_added_items_are_found(index: Index, tmp_path: Path):
    results = index.search(np.array([0, 0], np.uint8), k=3)
    assert ids(results) == [0, 5, 1]
    assert [hit.rank for hit in results.hits] == [1, 2, 3]
    assert [hit.distance for hit in results.hits] == [0, 0, 1]
    assert (results.matched, results.bits, results.conditions) == (6, 16, {})
    first, last, _ = results.hits
    assert first.image == str(tmp_path / "images" / "0.png")
    assert first.labels == ItemLabels("circle", {"red": True, "blue": False})
    assert last.labels == ItemLabels()
    assert last.payload == {"number": 5}
    assert [hit.code.tolist() for hit in results.hits] == [[0, 0], [0, 0], [1, 0]]
    assert (first.score, first.probabilities) == (None, {})


def test_an_item_as_query_is_not_among_its_results(index: Index):
    results = index.search("id:0", k=2)
    assert ids(results) == [5, 1]
    assert results.matched == 5
    assert (results.query.id, results.query.labels.category) == (0, "circle")
    assert ids(index.search(0, k=2)) == ids(index.search(np.int64(0), k=2)) == [5, 1]


def test_attribute_results_hold_probabilities(index: Index):
    results = index.search("id:4", task="attribute", want=["red"], match=["blue"], k=9)
    assert set(results.conditions) == {"red", "blue"}
    scores = [hit.score for hit in results.hits]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) == results.matched == 5
    head = index.header.calibrated_attribute_head
    for hit in results.hits:
        code = index.search(hit.id, k=1).query.code
        red, _, blue = head.probabilities(unpack(code[None]))[0]
        assert hit.probabilities == pytest.approx({"red": red, "blue": blue})
        wanted = blue if results.conditions["blue"] else 1 - blue
        assert hit.score == pytest.approx(red * wanted)
        assert hit.distance == bin(int.from_bytes(code) ^ 0xFFFF).count("1")


def test_combined_search_returns_only_matching_items(index: Index):
    for name in ("red", "green", "blue"):
        present = index.search(task="combined", want=[name], k=9)
        absent = index.search(task="combined", without=[name], k=9)
        assert sorted(ids(present) + ids(absent)) == list(range(6))
        assert present.matched == len(present.hits)
        assert all(hit.probabilities[name] >= 0.5 for hit in present.hits)
        assert all(hit.distance is None for hit in present.hits)
        near = index.search(np.array([0, 0], np.uint8), task="combined", want=[name], k=9)
        assert sorted(ids(near)) == sorted(ids(present))
        assert near.hits == tuple(sorted(near.hits, key=lambda hit: (hit.distance, hit.id)))


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.integers(0, 30), max_size=4), st.sampled_from([1, 2, 8, 11]), st.integers(0, 2**32)
)
def test_results_do_not_depend_on_how_items_were_added(tmp_path: Path, batches, width, seed):
    """Any k, duplicates, empty indexes and batches, k > n, ids from 0 on."""
    rng = np.random.default_rng(seed)
    folder = tmp_path / f"{width}"
    model = Model.open(folder) if folder.exists() else colour_model(folder, bits=8 * width)
    kinds = rng.integers(0, 256, (4, width), np.uint8)
    codes = kinds[rng.integers(0, 4, sum(batches))]
    with Index.create(tmp_path / "any.dhx", model, replace=True) as index:
        parts = np.split(codes, np.cumsum(batches)[:-1]) if batches else []
        given_ids = [index.add(part, ["x"] * len(part)) for part in parts]
        assert [int(i) for some in given_ids for i in some] == list(range(len(codes)))
        assert len(index) == len(codes)
        results = index.search(kinds[0], k=20)
    keys = [oracle.hamming(unpack(kinds[0]).tolist(), row) for row in unpack(codes).tolist()]
    assert ids(results) == oracle.first(keys, list(range(len(codes))), 20)
    assert results.matched == len(codes)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"radius": 9},
        {"task": "attribute", "want": ["red"]},
        {"task": "combined", "without": ["green"]},
        {"task": "weighted", "want": ["blue"]},
    ],
)
def test_items_before_the_offset_are_not_read(
    index: Index, monkeypatch: pytest.MonkeyPatch, options: dict
):
    whole = index.search("id:1", k=99, **options)
    gathered = []
    items = IndexReader.items_of
    monkeypatch.setattr(
        IndexReader, "items_of", lambda self, ids: gathered.append(len(ids)) or items(self, ids)
    )
    for offset in range(7):
        some = index.search("id:1", k=2, offset=offset, **options)
        assert some.hits == whole.hits[offset : offset + 2]
        assert (some.matched, gathered[-1]) == (whole.matched, len(some.hits))
        (batched,) = index.search_batch(["id:1"], k=2, offset=offset, **options)
        assert batched.hits == some.hits


def test_found_describes_the_number_of_results(index: Index):
    assert index.search("id:1", k=2).found == "the first 2 of 5"
    assert index.search("id:1", k=2, offset=2).found == "3 to 4 of 5"
    assert index.search("id:1", offset=5).found == "nothing after the 5 that match"
    assert index.search("id:4", radius=1).found == "nothing matches"


@pytest.mark.parametrize(
    ("query", "options", "task"),
    [
        ("id:1", {}, "category"),
        (None, {"want": ["red"]}, "attribute"),
        ("id:1", {"match": ["red"]}, "attribute"),
        ("id:1", {"without": ["red"]}, "combined"),
        ("id:1", {"want": ["red"], "attribute_weight": 1.0}, "weighted"),
    ],
)
def test_the_default_task_follows_from_the_options(index: Index, query, options: dict, task: str):
    found = index.search(query, **options)
    assert found.as_dict() == index.search(query, task=task, **options).as_dict()
    if query is not None:
        (batched,) = index.search_batch([query], **options)
        assert batched.as_dict() == found.as_dict()


def test_errors_in_python_name_no_command_line_option(index: Index):
    with pytest.raises(DualhashError, match="Use the task combined to rank") as refused:
        index.search("id:1", task="category", want=["red"])
    assert "--" not in str(refused.value)


def test_an_id_range_limits_the_results(index: Index):
    assert ids(index.search("id:0", ids=(1, 4))) == [1, 2, 3]
    assert index.search("id:0", ids=(0, 4)).matched == 3
    assert ids(index.search("id:0", ids=(4, 4))) == []
    assert ids(index.search("id:0", ids=(4, 2**63 - 1))) == [5, 4]


def test_want_and_without_divide_the_items_at_any_threshold(index: Index):
    """Whatever it is, an attribute is present or absent."""
    for threshold in (0.01, 0.5, 0.99):
        options = {"task": "combined", "threshold": threshold, "k": 9}
        present, absent = (
            index.search(want="red", **options),
            index.search(without="red", **options),
        )
        assert sorted(ids(present) + ids(absent)) == list(range(6))
        assert all(hit.probabilities["red"] >= threshold for hit in present.hits)
        assert all(hit.probabilities["red"] < threshold for hit in absent.hits)
        assert present.as_dict()["thresholds"] == {"red": pytest.approx(threshold)}
    sizes = [
        index.search(want="red", task="combined", threshold=t).matched for t in (0.01, 0.5, 0.99)
    ]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > sizes[-1]


def test_weighted_search_adds_distance_and_weighted_log_probability(
    index: Index, model: Model, tmp_path: Path
):
    query = np.array([0, 0], np.uint8)
    for attribute_weight in (0.0, 2.5, 100.0):
        results = index.search(
            query, task="weighted", want=["red"], attribute_weight=attribute_weight, k=9
        )
        costs = [hit.distance - attribute_weight * math.log(hit.score) for hit in results.hits]
        assert costs == pytest.approx(sorted(costs))
        assert (results.attribute_weight, results.matched) == (attribute_weight, 6)
    assert results.words == "Same kind, preferably red"


def test_an_empty_index_has_no_results(tmp_path: Path, model: Model):
    with Index.create(tmp_path / "empty.dhx", model) as index:
        assert len(index) == 0
        results = index.search(np.zeros(2, np.uint8))
        assert (results.hits, results.matched) == ((), 0)
        assert index.search(task="combined", want=["red"]).matched == 0
        assert len(index.add(np.zeros((0, 2), np.uint8), [])) == 0


def test_items_added_after_a_search_are_found(index: Index):
    query = np.array([170, 170], np.uint8)
    assert index.search(query).matched == 6
    index.add(query[None], ["new.png"])
    assert ids(index.search(query, k=1)) == [6]


def test_results_can_be_serialised_as_json(index: Index):
    results = index.search("id:4", task="combined", want=["red"], k=2)
    back = json.loads(json.dumps(results.as_dict(), allow_nan=False))
    assert back["query"]["code"] == "ffff"
    assert back["conditions"] == {"red": True}
    assert [hit["id"] for hit in back["hits"]] == ids(results)


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ("Same kind", {}),
        ("red and not blue", {"task": "attribute", "want": ["red"], "without": ["blue"]}),
        ("Same kind, but not blue", {"task": "combined", "without": ["blue"]}),
    ],
)
def test_words_describe_the_search(index: Index, words: str, options: dict):
    assert index.search("id:4", **options).words == words


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("id:77", "no item with the id 77"),
        (-1, "no item with the id -1"),
        ("id:" + "9" * 30, "no item with the id 999"),
        ("id:seven", "'id:seven' is not an id; write one as id:17"),
        ("nothing.png", "query cannot be used: nothing.png does not exist"),
        (1.5, "A query is .* not float"),
        (True, "A query is .* not bool"),
        (np.zeros(3, np.uint8), r"codes of 16 bits, 2 bytes each .* uint8 of shape \(3,\)"),
        (np.zeros(2), "takes images, not vectors"),
        (np.zeros((1, 2), np.uint8), r"uint8 of shape \(1, 2\)"),
    ],
)
def test_invalid_queries_are_refused(index: Index, query, message: str):
    with pytest.raises(DualhashError, match=message):
        index.search(query)


def test_unknown_tasks_and_attributes_are_refused(index: Index):
    with pytest.raises(DualhashError, match="not 'categories'"):
        index.search("id:0", task="categories")
    with pytest.raises(DualhashError, match="Did you mean 'red'"):
        index.search("id:0", task="combined", want=["read"])


def test_a_closed_index_is_refused(index: Index):
    index.close()
    index.close()
    with pytest.raises(DualhashError, match="closed"):
        index.search("id:0")


def test_kernels_are_loaded_by_the_first_search_only():
    code = "import sys; from dualhash import Index, build_index; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
