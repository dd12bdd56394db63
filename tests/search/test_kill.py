"""kill -9 while an index is changed: what was done is there, and nothing is half there."""

import multiprocessing
import random
from pathlib import Path

import numpy as np
from tests.search.stored import stored
from tests.search.writer import write

from dualhash.codes import Model
from dualhash.search import Index

ROUNDS = 50


def run_and_kill(path: Path, seed: int, messages: int) -> list[tuple[str, object]]:
    """What the writer said until it was killed, soon after so many messages."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["dualhash.search"])
    receiver, sender = context.Pipe(duplex=False)
    writer = context.Process(target=write, args=(str(path), seed, sender), daemon=True)
    writer.start()
    sender.close()
    said = [receiver.recv() for _ in range(messages)]
    writer.kill()
    writer.join()
    try:
        while True:
            said.append(receiver.recv())
    except (EOFError, OSError):
        return said


def after(ids: list[int], next_id: int, step: tuple[str, object]) -> tuple[list[int], int]:
    """Ids that are there, and the next one, when a step is done."""
    kind, which = step
    if kind == "add":
        return [*ids, *range(next_id, next_id + which)], next_id + which
    return [item for item in ids if kind != "delete" or item not in set(which)], next_id


def test_an_index_survives_kills(tmp_path: Path, model: Model):
    path = tmp_path / "i.dhx"
    Index.create(path, model).close()
    chance, state = random.Random(0), ([], 0)
    for turn in range(ROUNDS):
        said = run_and_kill(path, turn, chance.randint(1, 12))
        steps = said[::2]
        for step in steps[: len(said) // 2]:
            state = after(*state, step)
        begun = [state] + ([after(*state, steps[-1])] if len(said) % 2 else [])
        with Index.open(path) as index:
            ids, codes = stored(index)
            assert not index.verify()
            payloads = {item.id: item.payload["code"] for item in index}
            next_id = index._store.state().next_id
        state = (ids.tolist(), next_id)
        assert state in begun
        assert payloads == {
            item: code.tobytes().hex() for item, code in zip(state[0], codes, strict=True)
        }
        np.testing.assert_array_equal(ids, np.sort(ids))
