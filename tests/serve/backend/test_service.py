"""Thumbnails, metrics, and a damaged index."""

import io
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image
from starlette.testclient import TestClient

from dualhash.serve.app import create_app
from dualhash.serve.settings import Settings
from tests.builders import colour_model
from tests.serve.api_requests import SEARCH, ask, refused
from tests.serve.conftest import COUNT, NAMES, write_index
from tests.serve.hostile_uploads import image


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An index that may be changed."""
    write_index(tmp_path, colour_model(tmp_path / "model", attribute_names=NAMES))
    return tmp_path


@pytest.fixture
def client(folder: Path) -> Iterator[TestClient]:
    """A client of a server of that index."""
    app = create_app(folder / "shapes.dhx", settings=Settings(rate=0))
    with TestClient(app, base_url="http://localhost") as opened:
        yield opened


def refresh(client: TestClient) -> None:
    """Looks at the file now, not in half a second."""
    client.portal.call(client.app.state.service.watcher.refresh)


def test_a_thumbnail_has_no_metadata(folder: Path, client: TestClient):
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "where I live"
    drawn = Image.new("RGB", (600, 300), "red")
    drawn.save(folder / "images" / "0-3.png", exif=exif)
    answered = client.get("/api/v1/items/3/thumbnail?side=128")
    assert answered.headers["content-type"] == "image/webp"
    assert b"where I live" not in answered.content
    with Image.open(io.BytesIO(answered.content)) as small:
        assert (small.format, small.size) == ("WEBP", (64, 128))
        red, green, blue = small.convert("RGB").getpixel((30, 60))
        assert red > 240
        assert max(green, blue) < 20
        assert not small.getexif()


def test_a_thumbnail_is_not_larger_than_its_image(client: TestClient):
    answered = client.get("/api/v1/items/3/thumbnail?side=512")
    assert Image.open(io.BytesIO(answered.content)).size == (8, 8)


def test_the_etag_changes_with_the_image(folder: Path, client: TestClient):
    first = client.get("/api/v1/items/3/thumbnail")
    known = {"If-None-Match": first.headers["etag"]}
    again = client.get("/api/v1/items/3/thumbnail", headers=known)
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/api/v1/items/4/thumbnail", headers=known).status_code == 200
    (folder / "images" / "0-3.png").write_bytes(image("PNG"))
    other = client.get("/api/v1/items/3/thumbnail", headers=known)
    assert (other.status_code, other.content != first.content) == (200, True)


def test_thumbnails_of_missing_or_damaged_images(folder: Path, client: TestClient):
    (folder / "images" / "0-3.png").unlink()
    (folder / "images" / "0-4.png").write_text("notes")
    for item in (3, 4):
        answered = client.get(f"/api/v1/items/{item}/thumbnail")
        assert str(folder) not in refused(answered, 404, "image-missing")
    assert client.get("/api/v1/items/5/thumbnail").status_code == 200


def test_metrics_count_requests_and_searches(client: TestClient):
    ask(client, id=1)
    ask(client, id=1, task="attribute", want=["shiny"])
    client.post(SEARCH, json={"id": 99})
    client.post(SEARCH, files={"image": ("a.png", image("PNG"))})
    for item in range(5):
        client.get(f"/api/v1/items/{item}")
    text = client.get("/metrics").text
    figures = dict(re.findall(r"^(dualhash_\S+) (\S+)$", text, re.MULTILINE))

    def requests(route: str, status: int, method: str = "GET") -> float:
        labels = f'method="{method}",route="{route}",status="{status}"'
        return float(figures[f"dualhash_requests_total{{{labels}}}"])

    assert requests(SEARCH, 200, "POST") == 3
    assert requests(SEARCH, 404, "POST") == 1
    assert requests("/api/v1/items/{number}", 200) == 5
    counts = {
        (task, query): float(
            figures[f'dualhash_search_seconds_count{{query="{query}",task="{task}"}}']
        )
        for task, query in (("category", "item"), ("attribute", "item"), ("category", "image"))
    }
    assert set(counts.values()) == {1.0}
    assert float(figures["dualhash_index_items"]) == COUNT
    assert float(figures['dualhash_waiting_requests{work="search"}']) == 0


def test_unknown_methods_and_addresses_make_no_new_time_series(client: TestClient):
    for number in range(5):
        client.request(f"MADE{number}", "/api/v1/stats")
        client.get(f"/made-up-{number}")
    text = client.get("/metrics").text
    assert 'method="other"' in text
    assert "MADE" not in text
    assert "made-up" not in text


def test_a_damaged_replacement_is_not_served(folder: Path, client: TestClient):
    before = ask(client, id=1)["hits"]
    (folder / "bad.dhx").write_bytes(b"not an index" * 100)
    (folder / "bad.dhx").replace(folder / "shapes.dhx")
    refresh(client)
    stats = client.get("/api/v1/stats").json()
    assert "cannot be served" in stats["problem"]
    assert (stats["items"], stats["generation"]) == (COUNT, 1)
    assert ask(client, id=1)["hits"] == before
    (folder / "shapes.dhx").unlink()
    refresh(client)
    assert "was deleted" in client.get("/api/v1/stats").json()["problem"]
    assert ask(client, id=1)["hits"] == before


@pytest.mark.parametrize(
    ("method", "address"),
    [
        ("POST", SEARCH),
        ("GET", "/api/v1/items/3"),
        ("GET", "/api/v1/items/3/thumbnail"),
        ("GET", "/api/v1/samples?count=50"),
    ],
)
def test_damage_found_while_serving_is_a_server_error(
    folder: Path, client: TestClient, method: str, address: str
):
    with closing(sqlite3.connect(folder / "shapes.dhx")) as connection, connection:
        connection.execute("UPDATE items SET payload = '{}' WHERE id = 3")
    answered = client.request(method, address, json={"id": 1} if method == "POST" else None)
    message = refused(answered, 503, "index-unusable")
    assert message.startswith("The index is damaged: item 3")
    assert "dualhash index create --replace" in message
    assert answered.headers["retry-after"]
    assert client.get("/api/v1/items/4").status_code == 200


def test_without_its_model_an_index_answers_all_but_uploads(folder: Path):
    shutil.rmtree(folder / "model")
    app = create_app(folder / "shapes.dhx", settings=Settings(rate=0))
    with TestClient(app, base_url="http://localhost") as client:
        stats = client.get("/api/v1/stats").json()
        assert not stats["images"]
        assert "model" in stats["problem"]
        assert len(ask(client, id=1)["hits"]) == COUNT - 1
        answered = client.post(SEARCH, files={"image": ("a.png", image("PNG"))})
        refused(answered, 503, "model-unavailable")


def test_an_empty_index_is_served(folder: Path):
    model = colour_model(folder / "model", attribute_names=NAMES)
    from dualhash.search import Index

    Index.create(folder / "empty.dhx", model).close()
    app = create_app(folder / "empty.dhx", settings=Settings(rate=0))
    with TestClient(app, base_url="http://localhost") as client:
        assert client.get("/readyz").status_code == 200
        assert client.get("/api/v1/stats").json()["items"] == 0
        assert client.get("/api/v1/samples").json() == {"items": []}
        assert client.get("/api/v1/attributes").status_code == 200
        refused(client.post(SEARCH, json={"id": 0}), 404, "item-not-found")
        answered = client.post(SEARCH, files={"image": ("a.png", image("PNG"))}).json()
        assert (answered["hits"], answered["matched"]) == ([], 0)
