import http.client
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.serve.server_process import PATIENCE, serving

PATHS = ("/", "/script/main.js", "/api/v1/status", "/healthz", "/api/v1/none", "/api/v1/search")


@pytest.mark.parametrize("path", PATHS)
def test_head_answers_like_get_without_a_body(client: TestClient, path: str):
    whole, head = client.get(path), client.head(path)
    assert head.status_code == whole.status_code
    assert whole.content
    assert not head.content
    changing = {"date"}
    assert {name: head.headers[name] for name in head.headers if name not in changing} == {
        name: whole.headers[name] for name in whole.headers if name not in changing
    }


def test_a_connection_stays_open_after_head(shapes: Path):
    with serving(shapes) as live:
        connection = http.client.HTTPConnection("127.0.0.1", live.port, timeout=PATIENCE)
        for method in ("HEAD", "GET", "HEAD", "GET"):
            connection.request(method, "/")
            answer = connection.getresponse()
            body = answer.read()
            assert answer.status == 200
            assert len(body) == (int(answer.headers["Content-Length"]) if method == "GET" else 0)
        connection.close()
