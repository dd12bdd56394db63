import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from dualhash.analysis.bit_attribution import carried_attributes
from dualhash.codes.linear_head import LinearHead
from dualhash.codes.model import Prediction, predict
from dualhash.search import Index
from dualhash.search.remote.messages import SearchResponse
from dualhash.serve.backend import responses
from tests.serve.api_requests import SEARCH, ask, ids, upload
from tests.serve.conftest import COUNT, NAMES


@pytest.mark.parametrize(
    "search",
    [
        {"id": 3},
        {"id": 3, "radius": 8},
        {"id": 3, "filter": {"parity": "even"}},
        {"id": 3, "task": "attribute", "want": ["shiny"], "match": ["colour=red"]},
        {"task": "attribute", "want": ["shiny"], "without": ["colour=red"]},
        {"id": 3, "task": "combined", "without": ["colour=red"], "k": 2},
        {"task": "combined", "without": ["colour=red"]},
        {"task": "combined", "without": ["colour=red"], "threshold": 0.9},
        {"id": 3, "task": "weighted", "want": ["shiny"]},
        {"id": 3, "task": "weighted", "want": ["shiny"], "attribute_weight": 0.5},
        {"id": 3, "task": "posterior", "want": ["shiny"]},
        {"category": "square", "want": ["shiny"]},
    ],
)
def test_results_match_the_library(client: TestClient, index: Index, search: dict[str, Any]):
    answer = ask(client, **search)
    assert SearchResponse.model_validate(answer).model_dump(mode="json") == answer
    found = index.search(search.get("id"), **{k: v for k, v in search.items() if k != "id"})
    assert found.hits
    assert ids(answer) == [hit.id for hit in found.hits]
    assert (answer["matched"], answer["words"]) == (found.matched, found.words)
    assert answer["conditions"] == found.conditions
    for name in ("task", "thresholds", "attribute_weight", "category"):
        assert answer[name] == getattr(found, name)
    for hit, same in zip(answer["hits"], found.hits, strict=True):
        assert (hit["rank"], hit["distance"], hit["score"]) == (
            same.rank,
            same.distance,
            same.score,
        )
        assert hit["probabilities"] == same.probabilities
        assert hit["category_probability"] == same.category_probability
        assert bytes.fromhex(hit["code"]) == same.code.tobytes()
        assert hit["payload"] == same.payload


def test_differing_bits_are_as_many_as_the_distance(client: TestClient):
    answer = ask(client, id=0)
    query = int(answer["query"]["code"], 16)
    for hit in answer["hits"]:
        assert int(hit["differing"], 16) == query ^ int(hit["code"], 16)
        assert int(hit["differing"], 16).bit_count() == hit["distance"]


def test_an_uploaded_image_finds_itself(client: TestClient, index: Index):
    answer = upload(client, Path(index.item(5).image), '{"k": 3}')
    assert answer["hits"][0]["distance"] == 0
    assert 5 in ids(answer)
    assert answer["query"]["code"] == index.search(5, k=1).query.code.tobytes().hex()
    assert (answer["query"]["id"], answer["query"]["thumbnail"]) == (None, None)
    assert answer["query"]["category"]["source"] == "predicted"
    timings = answer["timings"]
    assert 0 < timings["decode"] + timings["encode"] + timings["search"] <= timings["total"]


def test_pages_continue_at_next_offset(client: TestClient):
    everything = ids(ask(client, id=0, k=COUNT))
    pages, offset = [], 0
    while offset is not None:
        answer = ask(client, id=0, k=4, offset=offset)
        assert [hit["rank"] for hit in answer["hits"]][:1] == [offset + 1]
        pages.append(ids(answer))
        offset = answer["next_offset"]
    assert [len(page) for page in pages] == [4, 4, 3]
    assert [number for page in pages for number in page] == everything


def test_verdicts_follow_the_labels(client: TestClient):
    answer = ask(client, id=0)
    verdicts = {hit["id"]: hit["verdict"] for hit in answer["hits"]}
    assert verdicts == {i: "right" if i % 2 == 0 else "unknown" for i in range(1, COUNT)}
    assert answer["verdicts"]["right"] == "same category"
    attribute = ask(client, task="attribute", want=["shiny"])["hits"]
    assert {hit["verdict"] for hit in attribute} == {"wrong", "unknown"}
    both = ask(client, id=0, task="combined", without=["colour=red"], threshold=0.999)
    assert {hit["verdict"] for hit in both["hits"] if hit["id"] % 2 == 0} == {"half"}
    assert both["verdicts"]["half"] == "only one of the two"


def test_a_predicted_category_makes_no_result_right_or_wrong(client: TestClient, index: Index):
    code = index.search(0, k=1).query.code.tobytes().hex()
    answer = ask(client, code=code)
    assert answer["query"]["category"]["source"] == "predicted"
    assert {hit["verdict"] for hit in answer["hits"]} == {"unknown"}
    assert set(answer["verdicts"]) == {"unknown"}


def test_fields_list_what_filters_accept(client: TestClient):
    answer = client.get("/api/v1/fields").json()
    assert answer["items"] == COUNT
    category, number, parity = answer["fields"]
    half = COUNT // 2
    assert category == {
        "name": "category",
        "values": [{"value": "circle", "items": half}],
        "complete": True,
    }
    assert (number["name"], len(number["values"])) == ("number", COUNT)
    assert parity["values"] == [{"value": v, "items": half} for v in ("even", "odd")]


def test_fields_of_a_large_index_list_common_values_only(
    shapes: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("dualhash.serve.backend.responses.FIELD_ITEMS", 8)
    monkeypatch.setattr("dualhash.serve.backend.responses.FIELD_STRETCHES", 2)
    monkeypatch.setattr("dualhash.serve.backend.responses.FIELD_VALUES", 2)
    with Index.open(shapes) as index:
        answer = responses.fields(index)
    assert answer.items == 8
    number, parity = answer.fields[1:]
    assert (number.values, number.complete) == ([], False)
    assert [(each.value, each.items) for each in parity.values] == [("even", 4), ("odd", 4)]
    assert parity.complete


def test_file_names_come_without_folders(client: TestClient, index: Index):
    name = index.item(4).image.rpartition("/")[2]
    assert client.get("/api/v1/items/4").json()["file_name"] == name
    (hit,) = ask(client, id=0, ids=(4, 5))["hits"]
    assert hit["file_name"] == name


@pytest.mark.parametrize("address", ["items/3", "items/3/thumbnail", "samples?count=50"])
def test_items_are_looked_up_without_a_search(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, address: str
):
    def search(*_: object, **__: object) -> None:
        raise AssertionError("the index was searched")

    monkeypatch.setattr(Index, "search", search)
    assert client.get(f"/api/v1/{address}").status_code == 200


def test_every_value_is_marked_as_labelled_or_predicted(client: TestClient, index: Index):
    labelled, predicted = (client.get(f"/api/v1/items/{i}").json() for i in (2, 3))
    assert labelled["category"]["name"] == "circle"
    assert labelled["category"]["source"] == "labelled"
    assert predicted["category"]["source"] == "predicted"
    assert predicted["category"]["name"] == predicted["category"]["predicted"]
    sources = {each["name"]: each["source"] for each in labelled["attributes"]}
    assert sources == dict(zip(NAMES, ("labelled", "predicted", "labelled"), strict=True))
    assert {each["name"]: each["facet"] for each in labelled["attributes"]} == dict(
        zip(NAMES, ("colour", "colour", None), strict=True)
    )
    red, _, shiny = labelled["attributes"]
    assert (red["present"], shiny["present"]) == (True, False)
    prediction = index.search(3, k=1).query.prediction
    for each in predicted["attributes"]:
        assert each["probability"] == prediction.attributes[each["name"]]
        assert each["present"] is (each["probability"] >= 0.5)
    assert labelled["payload"] == {"number": 2, "parity": "even"}


def test_attributes_are_grouped_by_facet(client: TestClient, index: Index):
    answer = client.get("/api/v1/attributes").json()
    assert answer["categories"] == ["circle", "square", "triangle"]
    assert [
        (each["facet"], [v["name"] for v in each["attributes"]]) for each in answer["facets"]
    ] == [
        ("colour", ["colour=red", "colour=green"]),
        (None, ["shiny"]),
    ]
    for facet in answer["facets"]:
        for value in facet["attributes"]:
            assert value["label"] in {"red", "green", "shiny"}
            found = index.search(task="combined", want=[value["name"]], k=COUNT)
            assert value["present"] == len(found.hits)


def test_bits_list_their_strongest_attributes(client: TestClient, index: Index):
    bits = client.get("/api/v1/bits").json()["bits"]
    assert len(bits) == 16
    for i, carried in enumerate(bits):
        expected = carried_attributes(index.header.attribute_head, i)
        assert [(each["name"], each["attribution"]) for each in carried] == [
            (each.name, each.attribution) for each in expected
        ]


def test_samples_of_an_index_with_deleted_items(shapes: Path, tmp_path: Path):
    with Index.open(shutil.copy(shapes, tmp_path / "few.dhx")) as few:
        code = few.search(0, k=1).query.code
        few.add(np.repeat(code[None], 2000, axis=0), ["x.png"] * 2000)
        few.delete([each.id for each in few if each.id != 900])
        samples = responses.samples(few, "v", 1, np.random.default_rng(0))
        assert [each.id for each in samples.items] == [900]


def test_samples_are_distinct_and_deterministic_for_a_seed(client: TestClient):
    first, again = (client.get("/api/v1/samples?count=5&seed=7").json() for _ in range(2))
    assert first == again
    assert len({item["id"] for item in first["items"]}) == 5
    everything = client.get("/api/v1/samples?count=50").json()["items"]
    assert {item["id"] for item in everything} == set(range(COUNT))


def test_stats_describe_the_index(client: TestClient):
    stats = client.get("/api/v1/stats").json()
    expected = {"name": "shapes.dhx", "items": COUNT, "labelled": COUNT // 2, "bits": 16}
    assert expected.items() <= stats.items()
    assert (stats["images"], stats["problem"]) == (True, None)


def test_only_the_categories_of_hits_are_predicted(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
):
    heads = []

    def recorded(
        codes: np.ndarray, category_head: LinearHead, attribute_head: LinearHead
    ) -> list[Prediction]:
        heads.append((len(codes), attribute_head.names))
        return predict(codes, category_head, attribute_head)

    monkeypatch.setattr(responses, "predict", recorded)
    ask(client, id=3, k=5)
    assert heads == [(5, ())]


def test_no_response_contains_a_path_of_the_server(client: TestClient, shapes: Path):
    answers = [
        client.post(SEARCH, json={"id": 0}),
        client.get("/api/v1/items/0"),
        client.get("/api/v1/stats"),
        client.get("/api/v1/samples"),
        client.post(SEARCH, json={"id": 99}),
        client.post(SEARCH, json={"id": 0, "filter": {"size": 3}}),
    ]
    assert not [answer for answer in answers if str(shapes.parent) in answer.text]


@pytest.mark.parametrize(
    ("search", "task"),
    [
        ({"id": 3}, "category"),
        ({"want": ["shiny"]}, "attribute"),
        ({"id": 3, "match": ["shiny"]}, "attribute"),
        ({"id": 3, "want": ["shiny"], "threshold": 0.9}, "combined"),
    ],
)
def test_the_default_task_follows_from_the_options(
    client: TestClient, search: dict[str, Any], task: str
):
    answer, named = ask(client, **search, k=COUNT), ask(client, **search, task=task, k=COUNT)
    assert (answer["task"], answer["hits"]) == (task, named["hits"])
    assert answer["shortage"] == named["shortage"]
