"""Examples, security and errors in the OpenAPI description."""

from pathlib import Path

import pytest
from pydantic import BaseModel
from starlette.testclient import TestClient

from dualhash.search.remote import messages
from dualhash.search.remote.item_messages import Item
from dualhash.serve import schemas
from dualhash.serve.app import create_app
from dualhash.serve.http.errors import KINDS
from dualhash.serve.settings import Settings
from tests.serve.api_requests import SEARCH, refused

EXAMPLES = [
    ("post", SEARCH, messages.SearchResponse),
    ("get", "/api/v1/items/{number}", Item),
    ("get", "/api/v1/attributes", schemas.Attributes),
    ("get", "/api/v1/stats", schemas.Stats),
]

described = create_app("none.dhx").openapi()


@pytest.mark.parametrize(("method", "path", "schema"), EXAMPLES)
def test_example_responses_match_their_schemas(method: str, path: str, schema: type[BaseModel]):
    answered = described["paths"][path][method]["responses"]["200"]
    content = answered["content"]["application/json"]
    assert content["schema"]["$ref"].endswith(f"/{schema.__name__}")
    assert schema.model_validate(content["example"], strict=True).model_dump() == content["example"]


def test_the_example_searches_are_valid():
    content = described["paths"][SEARCH]["post"]["requestBody"]["content"]["application/json"]
    for task, example in content["examples"].items():
        search = messages.Search.model_validate(example["value"])
        assert search.task_for(query=search.id is not None) == task


def test_the_example_upload_is_valid():
    content = described["paths"][SEARCH]["post"]["requestBody"]["content"]
    shown = content["multipart/form-data"]["example"]
    assert set(shown) == {"image", "search"}
    assert list(messages.Search.model_validate(shown["search"]).want) == shown["search"]["want"]


def test_the_description_says_which_addresses_need_a_token(shapes: Path):
    assert described["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    app = create_app(shapes, settings=Settings(rate=0, token="secret"))
    with TestClient(app, base_url="http://localhost") as client:
        for path, methods in described["paths"].items():
            for method, operation in methods.items():
                open_to_all = operation.get("security", described["security"]) == []
                status = client.request(method, path.replace("{number}", "1")).status_code
                assert (status == 401) != open_to_all


def test_metrics_describe_their_errors():
    assert {"400", "401", "429", "503"} <= set(described["paths"]["/metrics"]["get"]["responses"])


def test_every_status_of_a_problem_is_described():
    listed = {
        int(status)
        for methods in described["paths"].values()
        for operation in methods.values()
        for status in operation["responses"]
    }
    by_hand = {404, 405, 431, 500}
    assert {status for status, _ in KINDS.values()} <= listed | by_hand


def test_requests_refused_by_access_control_count_for_their_route(shapes: Path):
    app = create_app(shapes, settings=Settings(rate=0, token="secret"))
    with TestClient(app, base_url="http://localhost") as client:
        refused(client.post(SEARCH, json={"id": 1}), 401, "token-needed")
        refused(client.get("/api/v1/items/7"), 401, "token-needed")
        refused(client.get("/api/v1/none"), 401, "token-needed")
        text = client.get("/metrics", headers={"Authorization": "Bearer secret"}).text
    for method, route in (("POST", SEARCH), ("GET", "/api/v1/items/{number}"), ("GET", "other")):
        counted = f'dualhash_requests_total{{method="{method}",route="{route}",status="401"}} 1.0'
        assert counted in text


def test_metrics_distinguish_codes_from_no_query(client: TestClient):
    for search in ({"code": "0f0f"}, {"task": "attribute", "want": ["shiny"]}):
        assert client.post(SEARCH, json=search).status_code == 200
    text = client.get("/metrics").text
    for task, query in (("category", "code"), ("attribute", "none")):
        assert f'dualhash_search_seconds_count{{query="{query}",task="{task}"}} 1.0' in text
