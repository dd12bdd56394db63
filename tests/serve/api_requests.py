"""Requests to the API, and checks of what it answers."""

from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from dualhash.serve.http.errors import TYPE_PREFIX

SEARCH = "/api/v1/search"


def ask(client: TestClient, **search: Any) -> dict[str, Any]:
    answered = client.post(SEARCH, json=search)
    assert answered.status_code == 200, answered.text
    return answered.json()


def upload(client: TestClient, path: Path, search: str = "{}") -> dict[str, Any]:
    answered = client.post(
        SEARCH, files={"image": (path.name, path.read_bytes())}, data={"search": search}
    )
    assert answered.status_code == 200, answered.text
    return answered.json()


def ids(answer: dict[str, Any]) -> list[int]:
    return [hit["id"] for hit in answer["hits"]]


def refused(answered: Any, status: int, kind: str) -> str:
    """Checks that a request was refused, and returns the detail of the problem."""
    assert answered.headers["content-type"] == "application/problem+json"
    problem = answered.json()
    assert (answered.status_code, problem["type"]) == (status, TYPE_PREFIX + kind), problem
    assert problem["status"] == status
    assert problem["title"]
    return problem["detail"]
