import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pytest

from dualhash.cli import app as shell
from dualhash.errors import DualhashError
from dualhash.search import Index, ItemLabels
from dualhash.search.remote.messages import Search
from dualhash.search.request import SearchOptions, SearchRequest, make_request


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"task": "categroy"}, "`task` must be 'category', 'attribute', .*, not 'categroy'"),
        ({"want": "red", "match": "red"}, "'red' is in several of"),
        ({"without": "red", "match": ["new", "red"]}, "'red' is in several of"),
        ({"want": "red", "without": ["red"]}, "'red' is in several of"),
        ({"filter": {1: 2}}, "`filter` must have names of fields as keys, not {1: 2}"),
        ({"k": 0}, "`k` must be at least 1, not 0"),
        ({"ids": (5, 2)}, "The ids 5:2 end before they begin"),
        ({"offset": -1}, "`offset` must be at least 0, not -1"),
        ({"radius": -1}, "`radius` must be at least 0, not -1"),
        ({"threads": 0}, "`threads` must be at least 1, not 0"),
        ({"threshold": 1.0}, "`threshold` must be less than 1, not 1.0"),
        ({"threshold": 0}, "`threshold` must be greater than 0, not 0"),
        ({"precision": 1.1}, "`precision` must be at most 1, not 1.1"),
        ({"threshold": 0.5, "precision": 0.9}, "either a threshold or a precision, not both"),
        ({"attribute_weight": -1}, "`attribute_weight` must be at least 0, not -1"),
        ({"attribute_weight": float("nan")}, "`attribute_weight` must be a finite number"),
    ],
)
def test_values_out_of_range_name_the_option(options: dict, message: str):
    with pytest.raises(DualhashError, match=message):
        make_request(options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 2.5}, "`k` must be an integer, not 2.5"),
        ({"k": "3"}, "`k` must be a number, not '3'"),
        ({"k": True}, "`k` must be a number, not True"),
        ({"k": None}, "`k` must be an integer, not None"),
        ({"threads": "all"}, "`threads` must be a number"),
        ({"threshold": "0.5"}, "`threshold` must be a number"),
        ({"want": 3}, "`want` must be a list, not 3"),
        ({"match": [3]}, "`match` must be a string, not 3"),
        ({"ids": (1,)}, r"`ids` must be a range of two numbers, such as \(3, 9\) .*, not \(1,\)"),
        ({"ids": [4, 7, 9]}, "`ids` must be a range of two numbers"),
        ({"ids": 4}, "`ids` must be a range of two numbers"),
        ({"ids": ("1", 2)}, "`ids` must be a number"),
        ({"filter": [1]}, "`filter` must be a mapping"),
        ({"filter": {"size": object()}}, "`filter` must have plain values"),
        ({"wnat": "red"}, "no option `wnat`. Did you mean 'want'"),
    ],
)
def test_wrong_types_name_the_option(index: Index, options: dict, message: str):
    with pytest.raises(DualhashError, match=message):
        index.search(0, **options)


def test_one_name_is_a_list_of_one_and_names_may_come_from_an_iterator():
    assert make_request({"want": "red"}).want == ("red",)
    assert make_request({"without": iter(["red", "new", "red"])}).without == ("red", "new")


def test_numpy_numbers_are_accepted():
    request = make_request(
        {"k": np.int64(4), "threshold": np.float64(0.2), "ids": (np.int32(1), 5)}
    )
    assert (request.k, request.threshold, request.ids) == (4, 0.2, (1, 5))


@pytest.mark.parametrize(
    ("options", "query", "task"),
    [
        ({}, True, "category"),
        ({"want": ["red"]}, False, "attribute"),
        ({"without": ["red"]}, False, "attribute"),
        ({"match": ["red"]}, True, "attribute"),
        ({"want": ["red"]}, True, "combined"),
        ({"without": ("red",)}, True, "combined"),
        ({"want": ["red"], "match": ["new"]}, True, "combined"),
        ({"want": ["red"], "attribute_weight": 0.0}, True, "weighted"),
        ({"category": "shoe"}, False, "posterior"),
        ({"category": "shoe", "want": ["red"]}, False, "posterior"),
    ],
)
def test_options_imply_the_task(options: dict, query: bool, task: str):
    assert make_request(options).task_for(query=query) == task
    assert make_request({**options, "task": None}).task_for(query=query) == task
    assert make_request({**options, "task": task}).task_for(query=query) == task


@pytest.mark.parametrize(
    ("options", "query", "message"),
    [
        ({}, False, "category needs a query"),
        ({"task": "weighted", "want": "red"}, False, "weighted needs a query"),
        ({"match": "red"}, False, "`match` needs a query"),
        ({"task": "category", "want": "red"}, True, "category takes no attributes"),
        ({"task": "attribute"}, True, "attribute needs at least one attribute"),
        ({"task": "combined"}, True, "combined needs at least one attribute"),
        ({"task": "weighted"}, True, "weighted needs at least one attribute"),
        ({"task": "attribute", "want": "red", "radius": 3}, True, "`radius` needs a query, and"),
        ({"task": "weighted", "want": "red", "radius": 3}, True, "`radius` needs a query, and"),
        ({"task": "combined", "want": "red", "radius": 3}, False, "`radius` needs a query, and"),
        ({"task": "attribute", "want": "red", "threshold": 0.7}, True, "needs the task combined"),
        ({"task": "attribute", "want": "red", "precision": 0.7}, True, "needs the task combined"),
        ({"task": "combined", "want": "red", "attribute_weight": 1}, True, "the task weighted"),
        ({"task": "posterior", "want": "red"}, False, "posterior needs a query .* or a `category`"),
        ({"task": "posterior", "radius": 3}, True, "`radius` needs a query, and"),
        ({"task": "category", "category": "shoe"}, True, "needs the task posterior"),
        ({"category": "shoe"}, True, "takes the place of a query"),
    ],
)
def test_options_that_do_not_fit_the_task_are_refused(options: dict, query: bool, message: str):
    with pytest.raises(DualhashError, match=message):
        make_request(options).task_for(query=query)


def test_every_interface_has_the_options_of_the_request(capsys: pytest.CaptureFixture[str]):
    fields = SearchRequest.model_fields
    accepted = {tuple[str, ...]: Iterable[str], dict[str, str]: Mapping[str, Any]}
    types = {name: field.annotation for name, field in fields.items()}
    options = {name: accepted.get(type_, type_) for name, type_ in types.items()}
    assert get_type_hints(SearchOptions) == options
    schema = Search.model_json_schema()["properties"]
    for name, field in fields.items():
        if name != "threads":  # the server chooses
            assert schema[name]["description"] == field.description
            assert Search.model_fields[name].default == field.default
    assert schema["k"] | {"title": ""} == {
        "default": 20,
        "description": fields["k"].description,
        "maximum": 200,
        "minimum": 1,
        "title": "",
        "type": "integer",
    }
    with pytest.raises(SystemExit):
        shell.main(["search", "--help"])
    shown = capsys.readouterr().out.replace("│", " ").split()
    for name, field in fields.items():
        assert f"--{name.replace('_', '-')}" in shown
        assert " ".join(field.description.split()) in " ".join(shown)


def test_the_server_does_not_convert_text():
    assert Search.model_validate_json(json.dumps({"id": 3, "filter": {"n": 1.0}})).filter == {
        "n": "1"
    }
    for wrong in ({"k": "3"}, {"want": "red"}, {"filter": {"n": [1]}}, {"filter": {"n": None}}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            Search.model_validate_json(json.dumps(wrong))


def test_items_are_looked_up_by_id(index: Index, tmp_path: Path):
    """Not by going through all items."""
    assert (5 in index, np.int64(0) in index) == (True, True)
    assert (6 in index, -1 in index, "5" in index, True in index, 2**70 in index) == (False,) * 5
    item = index.get(5)
    assert (item.id, item.payload, item.labels) == (5, {"number": 5}, ItemLabels())
    assert item.image == str(tmp_path / "images" / "5.png")
    assert item.code.tolist() == index.search(5).query.code.tolist()
    with pytest.raises(DualhashError, match="no item with the id 6"):
        index.get(6)
