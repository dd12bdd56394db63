"""Several programs on one index, of which some are killed: nothing is ever half there."""

import multiprocessing
import random
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from pathlib import Path

import numpy as np
from tests.search.programs import read, write
from tests.search.stored import stored

from dualhash.codes import Model
from dualhash.search import Index

ROUNDS = 50


CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["dualhash.search"])


@contextmanager
def writer(path: Path, seed: int) -> Iterator[Connection]:
    """What a program says that changes an index, until it is killed at the end of the block."""
    receiver, sender = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(target=write, args=(str(path), seed, sender), daemon=True)
    process.start()
    sender.close()
    try:
        yield receiver
    finally:
        process.kill()
        process.join()


def run_and_kill(path: Path, seed: int, messages: int) -> list[tuple[str, object]]:
    """What the writer said until it was killed, soon after so many messages."""
    with writer(path, seed) as receiver:
        said = [receiver.recv() for _ in range(messages)]
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
            codes_by_column = [
                texts[place] for texts, which in index._store.columns("code") for place in which
            ]
        state = (ids.tolist(), next_id)
        assert state in begun
        assert payloads == {
            item: code.tobytes().hex() for item, code in zip(state[0], codes, strict=True)
        }
        assert codes_by_column == list(payloads.values())
        np.testing.assert_array_equal(ids, np.sort(ids))


def test_two_programs_search_while_one_writes(tmp_path: Path, model: Model):
    path = tmp_path / "i.dhx"
    Index.create(path, model).close()
    readers = [CONTEXT.Process(target=read, args=(str(path), 30), daemon=True) for _ in range(2)]
    with writer(path, 0) as receiver:
        assert receiver.recv()[0] == "add"
        for reader in readers:
            reader.start()
        while at_work := [reader.sentinel for reader in readers if reader.is_alive()]:
            if receiver in wait([receiver, *at_work]):
                receiver.recv()
    assert [reader.exitcode for reader in readers] == [0, 0]
