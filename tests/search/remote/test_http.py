import io
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dualhash.codes import Failure, Model
from dualhash.codes.linear_head import HEADS
from dualhash.errors import DualhashError
from dualhash.search import Index, Results
from dualhash.search.remote import http as service
from dualhash.search.remote.http import ServiceIndex
from tests.builders import colour_model
from tests.serve.conftest import NAMES, write_index
from tests.serve.server_process import Live, serving

TOKEN = "correct-horse"


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shapes")
    return write_index(folder, colour_model(folder / "model", attribute_names=NAMES))


@pytest.fixture(scope="module")
def here(shapes: Path) -> Iterator[Index]:
    with Index.open(shapes) as opened:
        yield opened


@pytest.fixture(scope="module")
def live(shapes: Path) -> Iterator[Live]:
    with serving(shapes, token=TOKEN) as server:
        yield server


@pytest.fixture
def there(live: Live, monkeypatch: pytest.MonkeyPatch) -> Index:
    monkeypatch.setenv("DUALHASH_TOKEN", TOKEN)
    with Index.open(live.address) as opened:
        return opened


def comparable(results: Results) -> tuple[object, ...]:
    """All but the images, which are addresses there."""
    query = results.query
    hits = [(replace(hit, image=""), hit.code.tobytes()) for hit in results.hits]
    known = query and (query.code.tobytes(), query.id, query.labels, query.prediction)
    return replace(results, query=None, hits=()), known, hits


@pytest.mark.parametrize(
    ("query", "options"),
    [
        (3, {}),
        ("id:2", {"k": 4}),
        (np.array([5, 77], np.uint8), {"radius": 9}),
        (3, {"filter": {"parity": "even"}, "threads": 1}),
        (3, {"ids": (2, 9)}),
        (3, {"offset": 2, "k": 3}),
        (3, {"offset": 99}),
        (3, {"want": ["shiny"]}),
        (2, {"task": "attribute", "match": "shiny", "want": ["colour=red"]}),
        (None, {"task": "combined", "without": ["shiny"], "threshold": 0.8}),
        (4, {"task": "weighted", "want": ["shiny"], "attribute_weight": 2.5}),
        (4, {"task": "posterior", "want": ["shiny"]}),
        (None, {"category": "square", "without": ["shiny"]}),
    ],
)
def test_results_match_the_index(there: Index, here: Index, query: Any, options: dict[str, Any]):
    assert comparable(there.search(query, **options)) == comparable(here.search(query, **options))


def test_an_image_is_encoded_by_the_server(there: Index, here: Index):
    image = here.item(7).image
    assert comparable(there.search(image)) == comparable(here.search(image))
    assert there.search(image).query.image == image


def test_an_image_from_memory_is_encoded_by_the_server(there: Index, here: Index):
    pixels = np.random.default_rng(0).integers(0, 256, (20, 12, 4), np.uint8)
    image = Image.fromarray(pixels)
    image.getexif()[0x0112] = 6
    file = io.BytesIO()
    image.save(file, "PNG", exif=image.getexif())
    for query in (image, pixels[..., :3], file.getvalue()):
        assert comparable(there.search(query)) == comparable(here.search(query))
    assert there.search(image).query.image is image


def test_properties_match_the_index(there: Index, here: Index, live: Live):
    assert len(there) == len(here)
    for name in ("bits", "views", "model_hash", "calibration", "ranking_bits"):
        assert getattr(there.header, name) == getattr(here.header, name)
    for head in HEADS:
        mine, other = getattr(here.header, head), getattr(there.header, head)
        assert mine.names == other.names
        np.testing.assert_array_equal(mine.weight, other.weight)
        np.testing.assert_array_equal(mine.bias, other.bias)
    hit = there.search(0, k=1).hits[0]
    assert hit.image.startswith(f"{live.address}/api/v1/items/{hit.id}/thumbnail?v=")


def test_results_span_several_pages(there: Index, here: Index, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(service, "PAGE", 4)
    assert comparable(there.search(0, k=10)) == comparable(here.search(0, k=10))
    assert comparable(there.search(0, k=99)) == comparable(here.search(0, k=99))
    later = {"k": 7, "offset": 3}
    assert comparable(there.search(0, **later)) == comparable(here.search(0, **later))


@pytest.mark.parametrize(("offset", "k"), [(0, 11), (1, 10), (3, 8), (7, 3), (9, 2), (2, 3)])
def test_the_last_page_stops_at_the_server_limit(
    there: ServiceIndex, here: Index, monkeypatch: pytest.MonkeyPatch, offset: int, k: int
):
    """Of 12 results that it gives, 4 at a time, the last 4 are requested together."""
    ask = there._search_page

    def searched(search: dict[str, Any], upload: bytes | None) -> dict[str, Any]:
        assert search["offset"] <= 8
        assert search["k"] <= 4
        answer = ask(search, upload)
        later = answer["next_offset"]
        return answer | {"next_offset": None if later is None or later > 8 else later}

    monkeypatch.setattr(service, "PAGE", 4)
    monkeypatch.setattr(service, "MAX_RESULTS", 12)
    monkeypatch.setattr(there, "_search_page", searched)
    options = {"offset": offset, "k": k}
    assert comparable(there.search(0, **options)) == comparable(here.search(0, **options))


def test_a_batch_continues_after_an_unusable_query(there: Index, here: Index):
    first, second, third = there.search_batch([1, 99, 2], k=3)
    assert comparable(first) == comparable(here.search(1, k=3))
    assert comparable(third) == comparable(here.search(2, k=3))
    assert isinstance(second, Failure)
    assert (second.row, "no item with the id 99" in second.reason) == (1, True)


@pytest.mark.parametrize(
    ("query", "options", "says"),
    [
        (99, {}, "no item with the id 99"),
        ("none.png", {}, "none.png cannot be read"),
        (3, {"k": 10_201}, "at most 10,200"),
        (3, {"k": 201, "offset": 10_000}, "at most 10,200"),
        (3, {"task": "colour"}, "`task` must be .* not 'colour'"),
        (None, {}, "needs a query"),
        (None, {"task": "attribute", "want": ["shny"]}, "Did you mean 'shiny'"),
        (np.zeros(3, np.uint8), {}, "16 bits"),
        (3.5, {}, "not float"),
        (b"damaged", {}, "not a JPEG, PNG, WebP, GIF"),
        (np.zeros((4, 5), np.uint8), {}, "must be uint8 of shape"),
    ],
)
def test_invalid_searches_are_refused(there: Index, query: Any, options: Any, says: str):
    with pytest.raises(DualhashError, match=says):
        there.search(query, **options)


def test_a_file_that_is_not_an_image_is_refused(there: Index, tmp_path: Path):
    (tmp_path / "notes.txt").write_text("none")
    with pytest.raises(DualhashError, match="not a JPEG, PNG, WebP, GIF"):
        there.search(tmp_path / "notes.txt")


def test_the_token_is_sent(live: Live, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("DUALHASH_TOKEN", raising=False)
    with pytest.raises(DualhashError, match="Send the token"):
        Index.open(live.address)
    assert len(ServiceIndex(live.address, TOKEN)) > 0
    with Index.open(f"{live.address}/?token=correct-horse") as opened:
        assert len(opened) > 0


def test_another_model_is_refused(there: Index, live: Live, here: Index, tmp_path: Path):
    assert len(Index.open(live.address, here.model)) == len(here)
    other: Model = colour_model(tmp_path / "other", seed=9)
    with pytest.raises(DualhashError, match="codes of another model"):
        Index.open(live.address, other)


def test_an_unreachable_server_is_named():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(DualhashError, match=f"127.0.0.1:{port} cannot be reached"):
        Index.open(f"http://127.0.0.1:{port}")


@contextmanager
def another_server(status: int, body: bytes) -> Iterator[str]:
    """A server that answers everything alike; yields its address."""

    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Other) as server:
        Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (200, b"<html>hello</html>", "not respond like a server of dualhash"),
        (404, b"<html>hello</html>", "404"),
        (200, b"{}", "not respond like a server of dualhash"),
        (200, b"[]", "not respond like a server of dualhash"),
        (200, b"null", "not respond like a server of dualhash"),
        (200, b'{"bits": 8, "views": 1, "model": "", "category": 3}', "like a server of dualhash"),
    ],
)
def test_a_server_of_another_kind_is_refused(status: int, body: bytes, says: str):
    with another_server(status, body) as address, pytest.raises(DualhashError, match=says):
        Index.open(address)


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b'{"index": {"generation": 1}, "next_offset": null}']
)
def test_a_first_request_to_a_server_of_another_kind_is_refused(body: bytes):
    with another_server(200, body) as address:
        with pytest.raises(DualhashError, match="like a server of dualhash"):
            len(ServiceIndex(address))
        with pytest.raises(DualhashError, match="like a server of dualhash"):
            ServiceIndex(address).search(3, k=1)


@pytest.mark.parametrize("end", ["/#id=4", "#want=shiny", "/?token=correct-horse#id=4"])
def test_an_address_copied_from_the_page_is_accepted(
    live: Live, here: Index, monkeypatch: pytest.MonkeyPatch, end: str
):
    if "token" not in end:
        monkeypatch.setenv("DUALHASH_TOKEN", TOKEN)
    with Index.open(live.address + end) as opened:
        assert opened.address == live.address
        assert len(opened) == len(here)


def test_a_replaced_index_does_not_mix_results(
    shapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    shutil.copytree(shapes.parent, tmp_path / "shapes")
    served = tmp_path / "shapes" / "shapes.dhx"
    monkeypatch.setattr(service, "PAGE", 4)
    answered = ServiceIndex._search_page

    def then_replaced(self: ServiceIndex, search: Any, upload: bytes | None) -> dict[str, Any]:
        answer = answered(self, search, upload)
        if search["offset"] == 0:
            shutil.copy(served, tmp_path / "new.dhx")
            (tmp_path / "new.dhx").replace(served)
            while self._request("/api/v1/stats")["generation"] == 1:
                pass
        return answer

    monkeypatch.setattr(ServiceIndex, "_search_page", then_replaced)
    with serving(served) as live, Index.open(live.address) as there:
        with pytest.raises(DualhashError, match="The index was replaced"):
            there.search(0, k=10)
        assert len(there.search(0, k=4).hits) == 4
