"""The file of an index changes while it is served."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.serve.test_api import ask

from dualhash.serve import live
from dualhash.serve.app import create_app
from dualhash.serve.live import LiveIndex
from dualhash.serve.settings import Settings


@pytest.fixture
def folder(shapes: Path, tmp_path: Path) -> Path:
    """A copy of the index that may be changed."""
    shutil.copytree(shapes.parent, tmp_path / "shapes")
    return tmp_path / "shapes"


@pytest.fixture
def changed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """A client of a server of that index, which looks at the file only when `refresh` says so."""
    app = create_app(folder / "shapes.dhx", settings=Settings(rate=0))
    monkeypatch.setattr(live, "LOOK_SECONDS", 3600)
    with TestClient(app, base_url="http://localhost") as opened:
        yield opened


def refresh(client: TestClient) -> None:
    """Looks at the file now."""
    client.portal.call(client.app.state.service.live.refresh)


def replace(folder: Path, content: bytes) -> None:
    """Another file takes the index's place."""
    (folder / "new.dhx").write_bytes(content)
    (folder / "new.dhx").replace(folder / "shapes.dhx")


def stats(client: TestClient) -> dict[str, object]:
    return client.get("/api/v1/stats").json()


def test_a_refused_file_that_is_mended_in_place_is_served(folder: Path, changed: TestClient):
    sound = (folder / "shapes.dhx").read_bytes()
    replace(folder, b"not an index")
    refresh(changed)
    assert stats(changed)["generation"] == 1
    refused = (folder / "shapes.dhx").stat().st_ino
    (folder / "shapes.dhx").write_bytes(sound)
    assert (folder / "shapes.dhx").stat().st_ino == refused
    refresh(changed)
    assert (stats(changed)["generation"], stats(changed)["problem"]) == (2, None)


def test_a_refused_file_that_went_and_came_back_is_tried_again(
    folder: Path, changed: TestClient, monkeypatch: pytest.MonkeyPatch
):
    """As where a file system gives its number to another file."""
    tried = []
    opened = live.Generation.opened

    async def noted(*arguments: object) -> live.Generation:
        tried.append(arguments)
        return await opened(*arguments)

    monkeypatch.setattr(live.Generation, "opened", noted)
    monkeypatch.setattr(live, "fingerprint", lambda path: (1,) if path.exists() else None)
    replace(folder, b"not an index")
    refresh(changed)
    refresh(changed)
    assert len(tried) == 1
    (folder / "shapes.dhx").rename(folder / "away.dhx")
    refresh(changed)
    (folder / "away.dhx").rename(folder / "shapes.dhx")
    refresh(changed)
    assert len(tried) == 2


def test_a_deleted_file_is_served_on_and_says_what_mends_it(folder: Path, changed: TestClient):
    before = ask(changed, id=1)["hits"]
    (folder / "shapes.dhx").unlink()
    refresh(changed)
    said = stats(changed)["problem"]
    assert "was deleted" in said
    assert "dualhash index create MODEL PICTURES --out shapes.dhx --replace" in said
    assert ask(changed, id=1)["hits"] == before


def test_watching_goes_on_after_a_failure(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    looked = []

    async def fails(self: LiveIndex) -> None:
        looked.append(self)
        if len(looked) == 3:
            raise asyncio.CancelledError
        raise RuntimeError("disk on fire")

    monkeypatch.setattr(live, "LOOK_SECONDS", 0)
    monkeypatch.setattr(LiveIndex, "refresh", fails)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(LiveIndex(Path("none.dhx"), None).watch())
    assert len(caplog.records) == 2
    assert "disk on fire" in caplog.text
