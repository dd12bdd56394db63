from typing import Any

import pytest
from starlette.testclient import TestClient

from dualhash.search import Index
from tests.serve.api_requests import ask
from tests.serve.conftest import COUNT, NAMES


def test_the_shortage_names_the_condition_that_excludes_most(client: TestClient, index: Index):
    wishes = {"want": ["shiny"], "without": ["colour=red"]}
    filters = {"parity": "even"}
    answer = ask(client, id=3, task="combined", k=COUNT, filter=filters, **wishes)
    without = {
        ("want", "shiny"): {"without": wishes["without"], "filter": filters},
        ("without", "colour=red"): {"want": wishes["want"], "filter": filters},
        ("filter", "parity=even"): wishes,
    }
    counts = {
        wish: index.search(3, task="combined", **left).matched for wish, left in without.items()
    }
    shortage = answer["shortage"]
    assert shortage["matched_without"] == max(counts.values()) > answer["matched"]
    assert counts[shortage["field"], shortage["value"]] == shortage["matched_without"]


@pytest.mark.parametrize("query", [{"id": 3}, {}])
def test_a_single_condition_explains_the_shortage(client: TestClient, query: dict[str, int]):
    wish = next(
        name for name in NAMES if ask(client, task="combined", want=[name])["shortage"] is not None
    )
    answer = ask(client, **query, task="combined", want=[wish], k=COUNT)
    assert answer["shortage"] == {
        "field": "want",
        "value": wish,
        "matched_without": COUNT - len(query),
    }


@pytest.fixture
def counted(index: Index, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The options of every search of the index."""
    made: list[dict[str, Any]] = []
    search = Index.search

    def counting(self: Index, *args: Any, **options: Any) -> Any:
        made.append(options)
        return search(self, *args, **options)

    monkeypatch.setattr(Index, "search", counting)
    return made


NOTHING = {"id": 3, "filter": {"parity": "even", "number": 1}, "radius": 0}
"""Any two of these three conditions exclude everything; so does the radius alone."""


def test_of_overlapping_conditions_the_rarest_explains_the_shortage(client: TestClient):
    answer = ask(client, **NOTHING)
    assert answer["matched"] == 0
    assert answer["shortage"] == {"field": "radius", "value": "0", "matched_without": 0}


def test_conditions_that_exclude_nothing_are_no_shortage(client: TestClient):
    answer = ask(client, id=3, k=COUNT, radius=16)
    assert (answer["matched"], answer["shortage"]) == (COUNT - 1, None)


def test_repeated_conditions_count_once(client: TestClient, counted: list[dict[str, Any]]):
    once = ask(client, id=3, task="combined", want=["shiny"], without=["colour=red"], k=COUNT)
    searches = len(counted)
    again = ask(
        client, id=3, task="combined", want=["shiny"] * 100, without=["colour=red"] * 100, k=COUNT
    )
    assert len(counted) == 2 * searches
    assert {**again, "timings": None} == {**once, "timings": None}


def test_the_number_of_tried_conditions_is_limited(
    client: TestClient, counted: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("dualhash.search.too_few_results.MAX_CONDITIONS", 2)
    assert ask(client, **NOTHING)["shortage"]["value"] == "number=1"
    assert len(counted) == 1 + 2 + 1 + 2


def test_enough_results_have_no_shortage(client: TestClient):
    assert ask(client, id=3, k=COUNT - 1)["shortage"] is None


def test_the_radius_can_explain_the_shortage(client: TestClient):
    answer = ask(client, id=0, radius=0)
    assert answer["shortage"] == {"field": "radius", "value": "0", "matched_without": COUNT - 1}
