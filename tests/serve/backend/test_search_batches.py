"""Searches that wait together are answered together, each as if it were alone."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from dualhash.errors import DualhashError
from dualhash.search import Index
from dualhash.search.remote.messages import Search
from dualhash.search.storage.sqlite import ItemNotFoundError
from dualhash.serve.backend import search_batches
from dualhash.serve.backend.loaded_index import LoadedIndex
from dualhash.serve.backend.search_batches import SearchBatches
from tests.serve.api_requests import ask
from tests.serve.conftest import COUNT

Scenario = Callable[[LoadedIndex, SearchBatches, list[int]], Awaitable[None]]


def run(path: Path, scenario: Scenario) -> None:
    async def with_index() -> None:
        loaded, sizes = await LoadedIndex.open(1, path, None), []
        async with asyncio.timeout(60):
            await scenario(loaded, SearchBatches(loaded, sizes.append), sizes)
        await loaded.retire()

    asyncio.run(with_index())


async def together(
    loaded: LoadedIndex, batches: SearchBatches, *searches: dict[str, Any]
) -> list[dict[str, Any] | BaseException]:
    """What is answered to searches that all wait while the thread does something else."""
    free = Event()
    busy = asyncio.create_task(loaded.run(lambda _: free.wait()))
    waiting = [asyncio.create_task(batches.answer(Search(**search), None)) for search in searches]
    await asyncio.sleep(0)
    free.set()
    await busy
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    return [each if isinstance(each, BaseException) else json.loads(each.json) for each in answers]


def test_searches_that_wait_with_equal_options_are_one_batch(shapes: Path, index: Index):
    async def scenario(loaded: LoadedIndex, batches: SearchBatches, sizes: list[int]) -> None:
        code = index.get(4).code.tobytes().hex()
        wish = {"task": "combined", "want": ["shiny"]}
        searches = [
            *({"id": item} for item in range(6)),
            {"code": code},
            *({"id": item, **wish} for item in range(3)),
            wish,
            wish,
        ]
        answers = await together(loaded, batches, *searches)
        assert sizes == [7, 5]
        for search, answer in zip(searches, answers, strict=True):
            query = search.get("id", np.frombuffer(bytes.fromhex(code), np.uint8))
            query = None if search == wish else query
            options = {name: search[name] for name in wish if name in search}
            expected = index.search(query, **options)
            assert answer["words"] == expected.words
            assert [(hit["id"], hit["distance"]) for hit in answer["hits"]] == [
                (hit.id, hit.distance) for hit in expected.hits
            ]
            assert (answer["query"] and answer["query"]["id"]) == (
                expected.query and expected.query.id
            )

    run(shapes, scenario)


def test_a_search_alone_is_a_batch_of_one(shapes: Path, client: TestClient):
    async def scenario(loaded: LoadedIndex, batches: SearchBatches, sizes: list[int]) -> None:
        for item in range(3):
            await batches.answer(Search(id=item), None)
        assert sizes == [1, 1, 1]

    run(shapes, scenario)
    ask(client, id=1)
    text = client.get("/metrics").text
    assert 'dualhash_search_batch_size_bucket{le="1.0"} 1.0' in text
    assert "dualhash_search_batch_size_count 1.0" in text


def test_a_search_that_fails_leaves_the_others_of_its_batch(shapes: Path):
    async def scenario(loaded: LoadedIndex, batches: SearchBatches, sizes: list[int]) -> None:
        first, missing, last = await together(loaded, batches, {"id": 1}, {"id": 999}, {"id": 2})
        assert sizes == [3]
        assert isinstance(missing, ItemNotFoundError)
        assert str(shapes.parent) not in str(missing)
        assert len(first["hits"]) == len(last["hits"]) == COUNT - 1
        for error in await together(loaded, batches, *[{"id": 1, "want": ["shine"]}] * 2):
            assert isinstance(error, DualhashError)
            assert "Did you mean 'shiny'" in str(error)

    run(shapes, scenario)


def test_an_unexpected_error_reaches_every_request(shapes: Path, monkeypatch: pytest.MonkeyPatch):
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    async def scenario(loaded: LoadedIndex, batches: SearchBatches, sizes: list[int]) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(search_batches, "answers", broken)
            errors = await together(loaded, batches, {"id": 1}, {"id": 2})
        assert [type(error) for error in errors] == [ZeroDivisionError] * 2
        assert json.loads((await batches.answer(Search(id=1), None)).json)["hits"]

    run(shapes, scenario)


def test_a_client_that_has_gone_does_not_disturb_its_batch(shapes: Path):
    async def scenario(loaded: LoadedIndex, batches: SearchBatches, sizes: list[int]) -> None:
        free = Event()
        busy = asyncio.create_task(loaded.run(lambda _: free.wait()))
        gone, stays = (
            asyncio.create_task(batches.answer(Search(id=item), None)) for item in range(2)
        )
        await asyncio.sleep(0)
        gone.cancel()
        free.set()
        await busy
        assert json.loads((await stays).json)["query"]["id"] == 1
        assert gone.cancelled()

    run(shapes, scenario)
