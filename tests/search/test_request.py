import pytest

from dualhash.errors import DualhashError
from dualhash.search.request import SearchRequest, infer_task, make_request


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"task": "categroy"}, "no task 'categroy'. Did you mean 'category'"),
        ({"want": "red", "match": "red"}, "'red' is both stated and taken over"),
        ({"without": "red", "match": ["new", "red"]}, "'red' is both stated and taken over"),
        ({"k": 0}, "results k must be at least 1, not 0"),
        ({"ids": (5, 2)}, "The ids 5:2 end before they begin"),
        ({"offset": -1}, "results to skip must be at least 0, not -1"),
        ({"radius": -1}, "range of distances must be at least 0, not -1"),
        ({"threads": 0}, "threads must be at least 1, not 0"),
        ({"task": "combined", "threshold": 1.0}, "between 0 and 1, not at 1.0"),
        ({"task": "combined", "threshold": 0}, "between 0 and 1, not at 0"),
        ({"task": "attribute", "threshold": 0.7}, "threshold is for the task combined"),
        (
            {"task": "weighted", "attribute_weight": -1},
            "weight of probabilities is 0 or more, not -1",
        ),
        ({"task": "weighted", "attribute_weight": float("nan")}, "0 or more, not nan"),
        ({"task": "combined", "attribute_weight": 1}, "for the task weighted"),
    ],
)
def test_numbers_out_of_range(options: dict, said: str):
    with pytest.raises(DualhashError, match=said):
        make_request(options, query=True)


def test_a_single_name_is_a_list_of_one():
    assert make_request({"want": "red"}, query=True).want == ("red",)


def test_names_may_come_from_an_iterator():
    assert make_request({"without": iter(["red", "new"])}, query=True).without == ("red", "new")


@pytest.mark.parametrize(
    ("options", "query", "task"),
    [
        ({}, True, "category"),
        ({}, False, "category"),
        ({"want": ["red"]}, False, "attribute"),
        ({"without": ["red"]}, False, "attribute"),
        ({"match": ["red"]}, True, "attribute"),
        ({"want": ["red"]}, True, "combined"),
        ({"without": ("red",)}, True, "combined"),
        ({"want": ["red"], "match": ["new"]}, True, "combined"),
        ({"want": ["red"], "attribute_weight": 0.0}, True, "weighted"),
    ],
)
def test_the_task_that_options_are_meant_for(options: dict, query: bool, task: str):
    assert infer_task(options, query=query) == task
    assert make_request(options, query=query) == SearchRequest(**options, task=task)
    assert make_request({**options, "task": None}, query=query).task == task
    assert (
        make_request({**options, "attribute_weight": None, "task": "attribute"}, query=query).task
        == "attribute"
    )
