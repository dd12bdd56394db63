"""A server in its own process: limits, stopping, floods, and a replaced index."""

import contextlib
import json
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from dualhash.errors import DualhashError
from dualhash.serve.server import _address, run
from dualhash.serve.settings import Settings
from tests.builders import colour_model
from tests.serve.conftest import COUNT, NAMES, write_index
from tests.serve.hostile_uploads import image
from tests.serve.server_process import (
    HEAD,
    PATIENCE,
    SEARCH,
    Live,
    connect,
    read_until_closed,
    serving,
)


@pytest.fixture
def folder(shapes: Path, tmp_path: Path) -> Path:
    """A copy of the index that may be changed."""
    shutil.copytree(shapes.parent, tmp_path / "shapes")
    return tmp_path / "shapes"


@pytest.fixture(scope="module")
def short_timeout(shapes: Path) -> Iterator[Live]:
    with serving(shapes, idle_seconds=1.0) as server:
        yield server


@pytest.mark.parametrize(
    "sent", [b"", b"P", HEAD, HEAD + b"X-Long: " + b"a" * 20_000], ids=["", "P", "head", "long"]
)
def test_an_unfinished_head_times_out(short_timeout: Live, sent: bytes):
    with connect(short_timeout) as connection:
        connection.sendall(sent)
        assert b"200 OK" not in read_until_closed(connection)


def problem_of(received: bytes) -> tuple[int, str, dict[str, str]]:
    """Returns status, kind of the problem, and headers (in lower case) of the only response."""
    head, _, body = received.partition(b"\r\n\r\n")
    status, *fields = head.decode().lower().split("\r\n")
    headers = dict(field.split(": ", 1) for field in fields)
    assert len(body) == int(headers["content-length"])
    assert headers["content-type"] == "application/problem+json"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["connection"] == "close"
    problem = json.loads(body)
    assert problem["status"] == int(status.split()[1])
    return problem["status"], problem["type"].rpartition(":")[2], headers


@pytest.fixture(scope="module")
def long_timeout(shapes: Path) -> Iterator[Live]:
    with serving(shapes, idle_seconds=10 * PATIENCE) as server:
        yield server


CHUNKED = b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /" + b"a" * (1 << 20),
        HEAD + b"X-Long: " + b"a" * (1 << 20),
        HEAD + b"X-Long: " + b"a" * 70_000 + b"\r\n\r\n",
        HEAD + b"a:\r\n" * 3000 + b"\r\n",
        HEAD + CHUNKED + b"1\r\n{\r\n0\r\nX-Long: " + b"a" * (1 << 20),
        HEAD + CHUNKED + b"1\r\n{\r\n0\r\n" + b"a:\r\n" * (1 << 18),
        HEAD + CHUNKED + b"1\r\n{\r\n1;" + b"a" * (1 << 20),
    ],
    ids=["address", "endless", "long", "many", "trailer", "trailers", "extension"],
)
def test_a_head_that_is_too_large_is_refused_before_a_timeout(long_timeout: Live, sent: bytes):
    with connect(long_timeout) as connection:
        connection.sendall(sent)
        assert problem_of(read_until_closed(connection))[:2] == (431, "head-too-large")


def test_trailers_do_not_become_headers(long_timeout: Live):
    body = b'a\r\n{"id": 1}\t\r\n0\r\nHost: evil.example\r\n\r\n'
    with connect(long_timeout) as connection:
        connection.sendall(HEAD + b"Connection: close\r\n" + CHUNKED + body)
        assert b"200 OK" in read_until_closed(connection)


def test_small_chunks_do_not_count_as_a_large_head(long_timeout: Live):
    body = b"1\r\n \r\n" * 30_000 + b'9\r\n{"id": 1}\r\n0\r\n\r\n'
    with connect(long_timeout) as connection:
        connection.sendall(HEAD + b"Connection: close\r\n" + CHUNKED + body)
        assert b"200 OK" in read_until_closed(connection)


@pytest.mark.parametrize("sent", [b"\x16\x03\x01\x02", b"GET / HTTP/1.1\r\nHost localhost\r\n\r\n"])
def test_bytes_that_are_not_http_are_refused(long_timeout: Live, sent: bytes):
    with connect(long_timeout) as connection:
        connection.sendall(sent)
        assert problem_of(read_until_closed(connection))[:2] == (400, "bad-request")


def test_a_request_gets_only_one_response(long_timeout: Live):
    with connect(long_timeout) as connection, contextlib.suppress(ConnectionError):
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + CHUNKED)
        received = connection.recv(65536)
        connection.sendall(b"0\r\nX-Long: " + b"a" * (1 << 20))
        received += read_until_closed(connection)
    assert received.count(b"HTTP/1.1") == 1


def test_connections_above_the_limit_get_a_503(shapes: Path):
    with serving(shapes, connections=2) as live, contextlib.ExitStack() as stack:
        connections = [stack.enter_context(connect(live)) for _ in range(3)]
        connections[0].sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"200 OK" in connections[0].recv(65536)
        connections[2].sendall(b"GET /api/v1/stats HTTP/1.1\r\nHost: localhost\r\n\r\n")
        status, kind, headers = problem_of(read_until_closed(connections[2]))
        assert (status, kind, headers["retry-after"]) == (503, "busy", "1")
        connections[1].sendall(
            b"GET /api/v1/stats HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )
        assert b"200 OK" in read_until_closed(connections[1])


def test_the_second_head_of_a_connection_times_out_too(short_timeout: Live):
    with connect(short_timeout) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"200 OK" in connection.recv(65536)
        connection.sendall(b"GET /healthz HT")
        assert b"200 OK" not in read_until_closed(connection)


def test_stalled_uploads_do_not_delay_other_clients(short_timeout: Live):
    kind = b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 5000\r\n\r\n--x\r\n"
    half = [connect(short_timeout) for _ in range(20)]
    for connection in half:
        connection.sendall(HEAD + kind)
    with short_timeout.client() as client:
        answered = client.post(SEARCH, files={"image": ("a.png", image("PNG"))})
        assert answered.status_code == 200
    for connection in half:
        received = read_until_closed(connection)
        assert b"408" in received
        assert b"upload-slow" in received
        connection.close()


def test_an_upload_aborted_by_the_client_is_dropped(short_timeout: Live):
    with connect(short_timeout) as connection:
        connection.sendall(HEAD + b"Content-Type: application/json\r\nContent-Length: 50\r\n\r\n{")
    with short_timeout.client() as client:
        assert client.post(SEARCH, json={"id": 1}).status_code == 200


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_server_finishes_requests_in_progress(shapes: Path, stop: signal.Signals):
    with serving(shapes) as live, connect(live) as connection:
        body = b'{"id": 1, "k": 2}'
        connection.sendall(
            HEAD + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        )
        connection.sendall(body[:5])
        with live.client() as client:
            assert client.get("/readyz").status_code == 200
        live.process.send_signal(stop)
        wait_until_port_is_closed(live)
        connection.sendall(body[5:])
        answered = read_until_closed(connection)
        assert b"200 OK" in answered
        assert b'"hits":[{"rank":1' in answered
        assert live.process.wait(PATIENCE) == 0


def wait_until_port_is_closed(live: Live) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            connect(live).close()
        except OSError:
            return
    pytest.fail("it still listens")


def test_a_replaced_index_is_loaded_without_interruption(folder: Path):
    with serving(folder / "shapes.dhx") as live, live.client() as client:
        before = client.post(SEARCH, json={"id": 0, "k": COUNT}).json()
        write_index(folder, colour_model(folder / "new", seed=4, attribute_names=NAMES), 30, seed=1)
        seen = [before]
        while seen[-1]["index"]["generation"] == 1:
            answered = client.post(SEARCH, json={"id": 0, "k": 100})
            assert answered.status_code == 200
            seen.append(answered.json())
        for answer in seen[:-1]:
            assert (answer["index"]["items"], answer["hits"]) == (COUNT, before["hits"])
        assert (seen[-1]["index"], len(seen[-1]["hits"])) == ({"items": 30, "generation": 2}, 29)
        stats = client.get("/api/v1/stats").json()
        assert (stats["items"], stats["images"], stats["problem"]) == (30, True, None)
        upload = {"image": ("a.png", (folder / "images" / "1-7.png").read_bytes())}
        assert client.post(SEARCH, files=upload).json()["hits"][0]["distance"] == 0


def test_items_added_by_another_process_are_found(folder: Path):
    from dualhash.search import Index

    with serving(folder / "shapes.dhx") as live, live.client() as client:
        with Index.open(folder / "shapes.dhx") as index:
            (added,) = index.add(index.search(0, k=1).query.code[None], ["x.png"])
        hits = client.post(SEARCH, json={"id": 0}).json()["hits"]
        assert (hits[0]["id"], hits[0]["distance"]) == (added, 0)


def test_a_flood_is_refused_and_responses_stay_right(shapes: Path):
    with serving(shapes, queue_length=1) as live, live.client() as client:
        expected = client.post(SEARCH, json={"id": 2}).json()["hits"]

        def ask(_: int) -> httpx.Response:
            return client.post(SEARCH, json={"id": 2})

        with ThreadPoolExecutor(24) as pool:
            answers = list(pool.map(ask, range(300)))
        assert {answer.status_code for answer in answers} == {200, 503}
        for answer in answers:
            if answer.status_code == 200:
                assert answer.json()["hits"] == expected
            else:
                assert answer.headers["retry-after"]
                assert answer.json()["type"].endswith(":busy")
        assert client.post(SEARCH, json={"id": 2}).status_code == 200


@pytest.mark.parametrize("terminal", [True, False])
def test_the_token_is_shown_only_on_a_terminal(monkeypatch: pytest.MonkeyPatch, terminal: bool):
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = _address(listening, Settings(token="a+b/c&d"))
        port = listening.getsockname()[1]
    shown = "/?token=a%2Bb%2Fc%26d" if terminal else ""
    assert address == f"http://127.0.0.1:{port}{shown}"


def test_a_port_in_use_is_refused(shapes: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(DualhashError, match=rf"port {port}: .*--port"):
            run(shapes, Settings(port=port))


def test_a_missing_index_is_refused(tmp_path: Path):
    with pytest.raises(DualhashError, match="does not exist"):
        run(tmp_path / "none.dhx", Settings(port=0))


@pytest.mark.parametrize(
    ("kind", "begin"),
    [("application/json", "{"), ("multipart/form-data; boundary=x", "--x\r\n")],
    ids=["json", "upload"],
)
def test_a_stalled_upload_delays_the_stop_by_the_grace_only(
    shapes: Path, kind: str, begin: str, capfd: pytest.CaptureFixture[str]
):
    """Other limits are longer than this test waits, so only `grace_seconds` can end the upload."""
    assert Settings().grace_seconds == 10
    limits = {"idle_seconds": 10 * PATIENCE, "transfer_seconds": 10 * PATIENCE}
    with serving(shapes, grace_seconds=1, **limits) as live, connect(live) as connection:
        fields = f"Content-Type: {kind}\r\nContent-Length: 50\r\n\r\n"
        connection.sendall(HEAD + (fields + begin).encode())
        with live.client() as client:
            assert client.get("/readyz").status_code == 200
        live.process.send_signal(signal.SIGTERM)
        answer = read_until_closed(connection)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"The server is stopping" in answer
        assert live.process.wait(PATIENCE) == 0
    assert "Traceback" not in capfd.readouterr().err


def test_the_grace_of_the_command_line_reaches_the_server(
    shapes: Path, monkeypatch: pytest.MonkeyPatch
):
    from dualhash.cli.app import main

    chosen = []
    monkeypatch.setattr(
        "dualhash.serve.server.run", lambda _, settings, *__, **___: chosen.append(settings)
    )
    with contextlib.suppress(SystemExit):
        main(["serve", str(shapes), "--grace", "3"])
    assert [settings.grace_seconds for settings in chosen] == [3]
