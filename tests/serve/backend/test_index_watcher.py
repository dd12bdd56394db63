"""The index file is replaced, overwritten, damaged or deleted while it is served."""

import asyncio
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from dualhash.search import Index, Results
from dualhash.serve.app import create_app
from dualhash.serve.backend import index_watcher
from dualhash.serve.backend.index_watcher import IndexWatcher
from dualhash.serve.settings import Settings
from tests.builders import colour_model
from tests.serve.api_requests import SEARCH, ask, refused
from tests.serve.conftest import COUNT, NAMES, write_index


@pytest.fixture
def folder(shapes: Path, tmp_path: Path) -> Path:
    """A copy of the index that may be changed."""
    shutil.copytree(shapes.parent, tmp_path / "shapes")
    return tmp_path / "shapes"


@pytest.fixture
def client(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """A client of a server of that index, which looks at the file only in `refresh`."""
    app = create_app(folder / "shapes.dhx", settings=Settings(rate=0))
    monkeypatch.setattr(index_watcher, "POLL_SECONDS", 3600)
    with TestClient(app, base_url="http://localhost") as opened:
        yield opened


def refresh(client: TestClient) -> None:
    """Looks at the file now."""
    client.portal.call(client.app.state.service.watcher.refresh)


def replace(folder: Path, content: bytes) -> None:
    """Replaces the index file."""
    (folder / "new.dhx").write_bytes(content)
    (folder / "new.dhx").replace(folder / "shapes.dhx")


def stats(client: TestClient) -> dict[str, object]:
    return client.get("/api/v1/stats").json()


def test_a_refused_file_is_served_once_it_is_repaired(folder: Path, client: TestClient):
    sound = (folder / "shapes.dhx").read_bytes()
    replace(folder, b"not an index")
    refresh(client)
    assert stats(client)["generation"] == 1
    refused = (folder / "shapes.dhx").stat().st_ino
    (folder / "shapes.dhx").write_bytes(sound)
    assert (folder / "shapes.dhx").stat().st_ino == refused
    refresh(client)
    assert (stats(client)["generation"], stats(client)["problem"]) == (2, None)


def test_an_index_copied_over_the_file_is_served(folder: Path, client: TestClient):
    other = write_index(folder / "other", colour_model(folder / "else", seed=5), COUNT, seed=7)
    (folder / "shapes.dhx").write_bytes(other.read_bytes())
    refresh(client)
    assert (stats(client)["generation"], stats(client)["problem"]) == (2, None)
    with Index.open(other) as index:
        assert stats(client)["model"] == index.header.model_hash
        expected = index.search(0, k=3).hits
    hits = client.post(SEARCH, json={"id": 0, "k": 3}).json()["hits"]
    assert [hit["id"] for hit in hits] == [hit.id for hit in expected]


def test_a_copied_index_of_equal_size_is_noticed(folder: Path, client: TestClient, shapes: Path):
    with Index.open(shapes) as index:
        other = write_index(folder / "other", index.model, COUNT, seed=7)
    (folder / "shapes.dhx").write_bytes(other.read_bytes())
    refresh(client)
    assert stats(client)["generation"] == 2


def test_an_overwritten_file_is_reported_until_it_is_repaired(folder: Path, client: TestClient):
    sound = (folder / "shapes.dhx").read_bytes()
    (folder / "shapes.dhx").write_bytes(b"spoilt" * 1000)
    refresh(client)
    refused(client.get("/api/v1/stats"), 503, "index-unusable")
    (folder / "shapes.dhx").write_bytes(sound)
    refresh(client)
    assert stats(client)["problem"] is None
    assert ask(client, id=0)["matched"] == COUNT - 1


def test_added_items_do_not_start_a_new_generation(folder: Path, client: TestClient):
    for number in range(3):
        with Index.open(folder / "shapes.dhx") as index:
            code = index.search(0, k=1).query.code
            index.add(code[None], [f"{number}.png"], [{"text": "a" * (4 << 20)}])
        refresh(client)
    assert stats(client)["generation"] == 1
    assert ask(client, id=0)["matched"] == COUNT + 2


def test_a_refused_file_is_tried_again_after_it_was_moved_away(
    folder: Path, client: TestClient, monkeypatch: pytest.MonkeyPatch
):
    """As if the file system used the same inode again."""
    tried = []
    opened = index_watcher.LoadedIndex.open

    async def noted(*arguments: object) -> index_watcher.LoadedIndex:
        tried.append(arguments)
        return await opened(*arguments)

    monkeypatch.setattr(index_watcher.LoadedIndex, "open", noted)
    monkeypatch.setattr(index_watcher, "fingerprint", lambda path: (1,) if path.exists() else None)
    replace(folder, b"not an index")
    refresh(client)
    refresh(client)
    assert len(tried) == 1
    (folder / "shapes.dhx").rename(folder / "away.dhx")
    refresh(client)
    (folder / "away.dhx").rename(folder / "shapes.dhx")
    refresh(client)
    assert len(tried) == 2


def test_a_deleted_index_stays_in_service(folder: Path, client: TestClient):
    before = ask(client, id=1)["hits"]
    (folder / "shapes.dhx").unlink()
    refresh(client)
    message = stats(client)["problem"]
    assert "was deleted" in message
    assert "dualhash index create MODEL PICTURES --out shapes.dhx --replace" in message
    assert ask(client, id=1)["hits"] == before


def test_watching_goes_on_after_a_failure(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    looked = []

    async def fails(self: IndexWatcher) -> None:
        looked.append(self)
        if len(looked) == 3:
            raise asyncio.CancelledError
        raise RuntimeError("disk on fire")

    monkeypatch.setattr(index_watcher, "POLL_SECONDS", 0)
    monkeypatch.setattr(IndexWatcher, "refresh", fails)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(IndexWatcher(Path("none.dhx"), None).watch())
    assert len(caplog.records) == 2
    assert "disk on fire" in caplog.text


def test_a_model_that_is_restored_is_loaded(folder: Path):
    (folder / "model").rename(folder / "away")
    app = create_app(folder / "shapes.dhx", settings=Settings(rate=0))
    with TestClient(app, base_url="http://localhost") as client:
        assert stats(client)["images"] is False
        shutil.copytree(folder / "away", folder / "model")
        refresh(client)
        assert (stats(client)["images"], stats(client)["problem"]) == (True, None)
        upload = {"image": ("a.png", (folder / "images" / "0-0.png").read_bytes())}
        assert client.post(SEARCH, files=upload).status_code == 200


def test_messages_contain_no_folders(folder: Path):
    shutil.rmtree(folder / "model")
    app = create_app(folder / "shapes.dhx", settings=Settings(rate=0))
    with TestClient(app, base_url="http://localhost") as client:
        messages = [stats(client)["problem"]]
        upload = {"image": ("a.png", (folder / "images" / "0-0.png").read_bytes())}
        messages.append(refused(client.post(SEARCH, files=upload), 503, "model-unavailable"))
        replace(folder, b"not an index")
        refresh(client)
        messages.append(stats(client)["problem"])
    for message in messages:
        assert str(folder.parent) not in message
        assert "/" not in message
    assert "model" in messages[0]
    assert "option `model`" in messages[1]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("/a/b/x.dhx is damaged", "x.dhx is damaged"),
        ("/a/b/../m/model/model.json is missing", "model/model.json is missing"),
        ("x.dhx and ../y stay", "x.dhx and ../y stay"),
    ],
)
def test_without_folders_removes_folders_only(message: str, expected: str):
    paths = (Path("/a/b/x.dhx"), Path("/a/b/../m/model"), Path("x.dhx"))
    assert index_watcher.without_folders(message, *paths) == expected


def test_a_truncated_file_is_not_ready_but_has_metrics(folder: Path, client: TestClient):
    ask(client, id=1)
    file = folder / "shapes.dhx"
    sound = file.read_bytes()
    with file.open("r+b") as opened:
        opened.truncate(8192)
    refused(client.post(SEARCH, json={"id": 1}), 503, "index-unusable")
    refresh(client)
    assert "The index" in refused(client.get("/readyz"), 503, "index-unusable")
    assert client.get("/healthz").status_code == 200
    assert f"dualhash_index_items {float(COUNT)}" in client.get("/metrics").text
    file.write_bytes(sound)
    refresh(client)
    assert client.get("/readyz").json() == {"status": "ok"}
    ask(client, id=1)


def test_one_damaged_item_does_not_make_the_index_unready(folder: Path, client: TestClient):
    with closing(sqlite3.connect(folder / "shapes.dhx")) as connection, connection:
        connection.execute("UPDATE items SET payload = '{}' WHERE id = 3")
    refused(client.get("/api/v1/items/3"), 503, "index-unusable")
    refresh(client)
    assert client.get("/readyz").status_code == 200


def test_the_next_page_must_come_from_the_same_index(folder: Path, client: TestClient):
    first = ask(client, id=1, k=2)
    known = {"generation": first["index"]["generation"]}
    assert ask(client, id=1, k=2, offset=2, **known)["hits"]
    shutil.copy(folder / "shapes.dhx", folder / "new.dhx")
    (folder / "new.dhx").replace(folder / "shapes.dhx")
    refresh(client)
    answered = client.post(SEARCH, json={"id": 1, "k": 2, "offset": 2, **known})
    assert "from the beginning" in refused(answered, 409, "index-replaced")
    assert ask(client, id=1, k=2, offset=2)["hits"]


def test_thumbnail_addresses_change_with_the_index(folder: Path, client: TestClient):
    def addresses() -> list[str]:
        answer = ask(client, id=1, k=2)
        known = [answer["query"], *answer["hits"], client.get("/api/v1/items/1").json()]
        return [each["thumbnail"] for each in known]

    before = addresses()
    assert addresses() == before
    assert before[0] == before[-1]
    shutil.copy(folder / "shapes.dhx", folder / "new.dhx")
    (folder / "new.dhx").replace(folder / "shapes.dhx")
    refresh(client)
    assert not set(before) & set(addresses())


def test_only_versioned_thumbnails_are_cached_by_browsers(client: TestClient):
    address = ask(client, id=1, k=1)["hits"][0]["thumbnail"]
    assert client.get(address).headers["cache-control"] == "private, max-age=300"
    bare = client.get(address.partition("?")[0])
    assert bare.headers["cache-control"] == "private, no-cache"
    assert (bare.status_code, bare.content) == (200, client.get(address).content)


def test_responses_are_cached_until_the_index_changes(
    folder: Path, client: TestClient, monkeypatch: pytest.MonkeyPatch
):
    searches = []
    search = Index.search

    def noted(self: Index, *arguments: object, **options: object) -> Results:
        searches.append(options)
        return search(self, *arguments, **options)

    monkeypatch.setattr(Index, "search", noted)

    def visit() -> tuple[dict[str, object], ...]:
        addresses = ("attributes", "bits", "model", "stats")
        return tuple(client.get(f"/api/v1/{address}").json() for address in addresses)

    first = visit()
    count = len(searches)
    assert count == len(NAMES)
    assert visit() == first
    assert len(searches) == count
    with Index.open(folder / "shapes.dhx") as index:
        index.add(index.search(1, k=1).query.code[None], ["x.png"])
        index.delete([2, 3])
    del searches[:]
    attributes, bits, model, stats = visit()
    assert len(searches) == count
    assert (bits, model, stats["items"]) == (first[1], first[2], COUNT - 1)
    with Index.open(folder / "shapes.dhx") as index:
        for facet in attributes["facets"]:
            for each in facet["attributes"]:
                found = index.search(task="combined", want=[each["name"]])
                assert each["present"] == found.matched
