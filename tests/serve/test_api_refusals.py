import re
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from dualhash.errors import DualhashError
from dualhash.search import Index
from tests.serve.api_requests import SEARCH, refused


@pytest.mark.parametrize(
    ("search", "status", "kind", "says"),
    [
        ({}, 422, "query-refused", "needs a query"),
        ({"id": 99}, 404, "item-not-found", "no item with the id 99"),
        ({"id": -1}, 422, "invalid-request", "`id`"),
        ({"id": 2**63 - 1}, 422, "invalid-request", "`id`"),
        ({"id": 0, "k": 0}, 422, "invalid-request", "`k`"),
        ({"id": 0, "k": 1000}, 422, "invalid-request", "`k`"),
        ({"id": 0, "offset": 10**9}, 422, "invalid-request", "`offset`"),
        ({"id": 0, "task": "colour"}, 422, "invalid-request", "`task`"),
        ({"id": 0, "threshold": 1}, 422, "invalid-request", "`threshold`"),
        ({"id": 0, "attribute_weight": 1}, 422, "query-refused", "task weighted"),
        ({"id": 0, "wants": ["shiny"]}, 422, "invalid-request", "`wants`"),
        ({"id": 0, "task": "combined"}, 422, "query-refused", "at least one attribute"),
        ({"category": "sqare"}, 422, "query-refused", "Did you mean 'square'"),
        ({"id": 0, "category": "square"}, 422, "query-refused", "takes the place of a query"),
        ({"task": "attribute", "want": ["shny"]}, 422, "query-refused", "Did you mean 'shiny'"),
        (
            {"task": "attribute", "want": ["shiny"], "without": ["shiny"]},
            422,
            "invalid-request",
            "is in several of want, without and match",
        ),
        ({"id": 0, "filter": {"size": 3}}, 422, "query-refused", "No item has a field 'size'"),
        ({"id": 0, "filter": {"parity": [1]}}, 422, "invalid-request", "filter"),
    ],
)
def test_invalid_searches_are_refused(
    client: TestClient, search: dict[str, Any], status: int, kind: str, says: str
):
    assert says in refused(client.post(SEARCH, json=search), status, kind)


@pytest.mark.parametrize("field", ["id", "generation"])
@pytest.mark.parametrize("value", [True, "3", 1.5])
def test_ids_that_are_not_numbers_are_refused(client: TestClient, field: str, value: object):
    answer = client.post(SEARCH, json={"id": 0, field: value})
    detail = refused(answer, 422, "invalid-request")
    assert re.fullmatch(
        rf"The option `{field}` must be an? (number|integer), not {value!r}.", detail
    )


@pytest.mark.parametrize(
    "options",
    [
        {"k": 2.5},
        {"k": "3"},
        {"k": True},
        {"k": None},
        {"k": 0},
        {"task": "categroy"},
        {"radius": -1},
        {"threshold": 1},
        {"attribute_weight": -1},
        {"want": 3},
        {"match": [3]},
        {"want": ["shiny"], "without": ["shiny"]},
        {"ids": [1]},
        {"ids": 4},
        {"ids": ["1", 2]},
        {"ids": [5, 2]},
        {"filter": [1]},
        {"wnat": ["shiny"]},
        {"k": "y" * 1000},
    ],
    ids=str,
)
def test_errors_have_the_same_message_as_in_python(
    client: TestClient, shapes: Path, options: dict[str, Any]
):
    answer = client.post(SEARCH, json={"id": 0, **options})
    with Index.open(shapes) as index, pytest.raises(DualhashError) as python:
        index.search(0, **options)
    assert refused(answer, 422, "invalid-request") == str(python.value)
    assert len(str(python.value)) < 200


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff\xfe", b'{"id": 1e}', b'["\\ud800"]', b"[" * 9999]
)
def test_malformed_json_is_refused(client: TestClient, body: bytes):
    answered = client.post(SEARCH, content=body, headers={"Content-Type": "application/json"})
    refused(answered, 400, "bad-request")


@pytest.mark.parametrize(
    "kind", ["text/plain", "image/png", "application/x-www-form-urlencoded", ""]
)
def test_other_content_types_are_refused(client: TestClient, kind: str):
    answered = client.post(SEARCH, content=b"{}", headers={"Content-Type": kind})
    refused(answered, 415, "wrong-content-type")


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/api/v1/items/99", 404, "item-not-found"),
        ("GET", "/api/v1/items/99/thumbnail", 404, "item-not-found"),
        ("GET", "/api/v1/items/x", 422, "invalid-request"),
        ("GET", "/api/v1/items/-1", 422, "invalid-request"),
        ("GET", "/api/v1/items/1/thumbnail?side=9999", 422, "invalid-request"),
        ("GET", "/api/v1/samples?count=0", 422, "invalid-request"),
        ("GET", "/api/v1/nothing", 404, "not-found"),
        ("DELETE", "/api/v1/items/1", 405, "method-not-allowed"),
        ("GET", SEARCH, 405, "method-not-allowed"),
    ],
)
def test_unknown_addresses_and_methods_are_refused(
    client: TestClient, method: str, path: str, status: int, kind: str
):
    refused(client.request(method, path), status, kind)
