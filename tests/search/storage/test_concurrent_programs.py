"""Several programs use one index, and some are killed; no change is ever kept in part."""

import multiprocessing
import random
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from pathlib import Path

from dualhash.codes import Model
from dualhash.search import Index
from tests.search.concurrent_programs import read, write
from tests.search.stored_codes import stored

ROUNDS = 50


CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["dualhash.search"])


@contextmanager
def writer(path: Path, seed: int) -> Iterator[Connection]:
    """Messages of a program that changes an index, until it is killed at the end of the block."""
    receiver, sender = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(target=write, args=(str(path), seed, sender), daemon=True)
    process.start()
    sender.close()
    try:
        yield receiver
    finally:
        process.kill()
        process.join()


def run_and_kill(path: Path, seed: int, count: int) -> list[tuple[str, object]]:
    """All messages of the writer, which is killed soon after `count` of them."""
    with writer(path, seed) as receiver:
        messages = [receiver.recv() for _ in range(count)]
    try:
        while True:
            messages.append(receiver.recv())
    except (EOFError, OSError):
        return messages


State = tuple[dict[int, str], int]
"""The code of each existing id, and the next id."""


def after(state: State, step: tuple[str, object]) -> State:
    """The state after a step."""
    (codes, next_id), (kind, what) = state, step
    if kind == "add":
        return codes | dict(enumerate(what, start=next_id)), next_id + len(what)
    if kind == "update":
        return codes | dict([what]), next_id
    gone = set(what) if kind == "delete" else set()
    return {item: code for item, code in codes.items() if item not in gone}, next_id


def test_an_index_survives_kills(tmp_path: Path, model: Model):
    path = tmp_path / "i.dhx"
    Index.create(path, model).close()
    chance, state = random.Random(0), ({}, 0)
    kinds = set()
    for turn in range(ROUNDS):
        messages = run_and_kill(path, turn, chance.randint(1, 12))
        steps = messages[::2]
        kinds |= {kind for kind, _ in steps}
        for step in steps[: len(messages) // 2]:
            state = after(state, step)
        begun = [state] + ([after(state, steps[-1])] if len(messages) % 2 else [])
        with Index.open(path) as index:
            ids, codes = stored(index)
            assert not index.verify()
            items = list(index)
            next_id = index.state.next_id
            codes_by_column = [
                texts[place] for texts, which in index.columns("code") for place in which
            ]
        names = [code.tobytes().hex() for code in codes]
        state = (dict(zip(ids.tolist(), names, strict=True)), next_id)
        assert state in begun
        assert [item.id for item in items] == ids.tolist() == sorted(ids.tolist())
        assert [item.payload["code"] for item in items] == names == codes_by_column
        assert [Path(item.image).name for item in items] == names
    assert kinds == {"add", "delete", "update", "compact"}


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
