"""Host, Content-Encoding and Transfer-Encoding headers, sent as raw bytes."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serve.server_process import Live, connect, read_until_closed, serving

SEARCH = b'{"id": 1}'
POST = (
    b"POST /api/v1/search HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    b"Content-Type: application/json\r\n"
)
CHUNKED = b"9\r\n" + SEARCH + b"\r\n0\r\n\r\n"


@pytest.fixture(scope="module")
def live(shapes: Path) -> Iterator[Live]:
    with serving(shapes) as server:
        yield server


def exchange(live: Live, request: bytes) -> tuple[int, str, dict[str, str]]:
    """Sends a request and returns status, kind of the problem ("" if none) and headers."""
    with connect(live) as connection:
        connection.sendall(request)
        head, _, body = read_until_closed(connection).partition(b"\r\n\r\n")
    status, *fields = head.decode().lower().split("\r\n")
    problem = json.loads(body) if b"problem+json" in head else {"type": ""}
    headers = dict(field.split(": ", 1) for field in fields)
    return int(status.split()[1]), problem["type"].rpartition(":")[2], headers


def get(path: str, *hosts: str, version: str = "1.1") -> bytes:
    lines = [f"GET {path} HTTP/{version}", *(f"Host: {host}" for host in hosts)]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode()


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_health_check_needs_no_host(live: Live, path: str, version: str):
    assert exchange(live, get(path, version=version))[0] == 200


def test_other_requests_without_a_host_are_refused(live: Live):
    assert exchange(live, get("/api/v1/stats"))[:2] == (400, "unknown-host")


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/stats", "/"])
@pytest.mark.parametrize("second", ["localhost", "evil.example"])
def test_a_request_with_two_hosts_is_refused(live: Live, path: str, second: str):
    assert exchange(live, get(path, "localhost", second))[:2] == (400, "bad-request")


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(SEARCH, mtime=0)),
        ("gzip", SEARCH),
        ("br", SEARCH),
        ("identity, gzip", SEARCH),
    ],
)
def test_a_compressed_body_is_refused(live: Live, encoding: str, body: bytes):
    head = f"Content-Encoding: {encoding}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    status, kind, headers = exchange(live, POST + head + body)
    assert (status, kind) == (415, "unsupported-content-encoding")
    assert headers["accept-encoding"] == "identity"


def test_each_content_encoding_header_is_checked(live: Live):
    head = b"Content-Encoding: identity\r\nContent-Encoding: gzip\r\n"
    request = POST + head + b"Content-Length: %d\r\n\r\n" % len(SEARCH) + SEARCH
    assert exchange(live, request)[:2] == (415, "unsupported-content-encoding")


def test_a_compressed_upload_is_refused(live: Live):
    request = POST.replace(b"application/json", b"multipart/form-data; boundary=x")
    request += b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\n--x--"
    assert exchange(live, request)[:2] == (415, "unsupported-content-encoding")


def test_the_identity_encoding_is_accepted(live: Live):
    head = b"Content-Encoding: identity\r\nContent-Length: %d\r\n\r\n" % len(SEARCH)
    assert exchange(live, POST + head + SEARCH)[0] == 200


@pytest.mark.parametrize(
    "lines",
    [
        b"Transfer-Encoding: gzip, chunked\r\n",
        b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
    ],
)
def test_other_transfer_encodings_than_chunked_are_not_implemented(live: Live, lines: bytes):
    status, kind, _ = exchange(live, POST + lines + b"\r\n" + CHUNKED)
    assert (status, kind) == (501, "unsupported-transfer-encoding")


def test_a_chunked_body_is_read(live: Live):
    assert exchange(live, POST + b"Transfer-Encoding: Chunked\r\n\r\n" + CHUNKED)[0] == 200
