"""Clients that send too much, pipeline too much, or do not read; and too many connections."""

import contextlib
import shutil
import socket
import time
from pathlib import Path

import pytest

from dualhash.errors import DualhashError
from dualhash.search import Index
from dualhash.serve.http.protocol import MAX_PIPELINED
from dualhash.serve.settings import MIB, Settings
from tests.serve.server_process import HEAD, PATIENCE, Live, connect, read_until_closed, serving

PROBE = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
IMAGE = b"Content-Type: multipart/form-data; boundary=x\r\nConnection: close\r\n"
DISCONNECTED = r"reset|Broken"


def send_forever(connection: socket.socket, data: bytes) -> None:
    while True:
        connection.sendall(data)


@pytest.fixture(scope="module")
def live(shapes: Path):
    with serving(shapes, transfer_seconds=PATIENCE) as server:
        yield server


def test_a_client_that_sends_everything_first_gets_the_refusal(live: Live):
    body = b"a" * (Settings().upload_bytes + 8 * MIB)
    with connect(live) as connection:
        connection.sendall(HEAD + IMAGE + b"Content-Length: %d\r\n\r\n" % len(body))
        connection.sendall(body)
        assert b"upload-too-large" in read_until_closed(connection)


def test_the_library_reports_why_its_upload_is_refused(live: Live, tmp_path: Path):
    picture = tmp_path / "large.jpg"
    picture.write_bytes(b"a" * (Settings().upload_bytes + 8 * MIB))
    with (
        Index.open(live.address) as index,
        pytest.raises(DualhashError, match="larger than 20 MiB"),
    ):
        index.search(picture)


def test_a_refused_endless_body_is_cut_off(shapes: Path):
    with serving(shapes, transfer_seconds=0.5) as live, connect(live) as connection:
        connection.sendall(HEAD + IMAGE + b"Content-Length: 99999999999\r\n\r\n")
        with pytest.raises(OSError, match=DISCONNECTED):
            send_forever(connection, b"a" * MIB)


@pytest.mark.parametrize("zeros", [5, 5000])
def test_a_content_length_with_leading_zeros_is_accepted(live: Live, zeros: int):
    search = b'{"id": 1}'
    head = HEAD + b"Content-Type: application/json\r\nConnection: close\r\nContent-Length: "
    with connect(live) as connection:
        connection.sendall(head + b"0" * zeros + b"%d\r\n\r\n" % len(search) + search)
        assert b"200 OK" in read_until_closed(connection)


def test_a_body_with_an_upgrade_header_is_refused(live: Live):
    upgrade = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
    kind = b"Content-Type: application/json\r\nContent-Length: 9\r\n\r\n"
    with connect(live) as connection:
        connection.sendall(HEAD + upgrade + kind + b'{"id": 1}')
        assert b"without an Upgrade header" in read_until_closed(connection)


def test_pipelined_requests_are_answered(live: Live):
    last = PROBE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    with connect(live) as connection:
        connection.sendall(PROBE * (MAX_PIPELINED - 1) + last)
        assert read_until_closed(connection).count(b"200 OK") == MAX_PIPELINED


def test_endless_pipelining_closes_the_connection(live: Live):
    with connect(live) as connection, pytest.raises(OSError, match=DISCONNECTED):
        send_forever(connection, PROBE * 1000)


def test_a_client_that_does_not_read_is_disconnected(shapes: Path, tmp_path: Path):
    shutil.copytree(shapes.parent, tmp_path / "shapes")
    with Index.open(tmp_path / "shapes" / shapes.name) as index:
        code = index.search(0, k=1).query.code
        index.add(code[None], ["x.png"], [{"text": "a" * 16 * MIB}])
    search = b'{"id": 0, "k": 1}'
    head = HEAD + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(search)
    with serving(index.path, transfer_seconds=1.0) as live:
        files = Path(f"/proc/{live.process.pid}/fd")
        before = len(list(files.iterdir()))
        with connect(live) as connection:
            connection.sendall(head + search)
            assert connection.recv(1) == b"H"
            end = time.monotonic() + PATIENCE
            while len(list(files.iterdir())) > before:
                assert time.monotonic() < end, "it is still connected"


def test_connections_far_above_the_limit_are_closed(shapes: Path):
    with (
        serving(shapes, connections=1, refused_connections=2) as live,
        contextlib.ExitStack() as stack,
    ):
        for _ in range(3):
            stack.enter_context(connect(live))
        with connect(live) as connection, contextlib.suppress(ConnectionError):
            connection.sendall(PROBE)
            assert read_until_closed(connection) == b""


def test_the_limit_on_open_files_is_raised(shapes: Path):
    with serving(shapes, files=(256, 4096)) as live, contextlib.ExitStack() as stack:
        for _ in range(500):
            stack.enter_context(connect(live))
        with connect(live) as connection:
            connection.sendall(PROBE)
            assert b"200 OK" in connection.recv(65536)


def test_few_open_files_mean_fewer_connections(shapes: Path):
    with serving(shapes, files=(256, 256)) as live, contextlib.ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(connect(live))
        with connect(live) as connection:
            connection.sendall(PROBE.replace(b"healthz", b"readyz"))
            assert b"503 Service Unavailable" in connection.recv(65536)
