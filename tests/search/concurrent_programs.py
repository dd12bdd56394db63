"""Functions that other processes run on one index at the same time."""

from multiprocessing.connection import Connection

import numpy as np

from dualhash.codes import Model
from dualhash.search import Index
from dualhash.search.storage import writer as changes


def write(path: str, seed: int, report: Connection) -> None:
    """Changes an index until it is killed; sends each step before and after it."""
    changes.CODES_PER_BLOCK = 64
    rng = np.random.default_rng(seed)
    with Index.open(path) as index:
        while True:
            present = [item.id for item in index]
            kind = rng.choice(["add", "add", "delete", "update", "compact"]) if present else "add"
            if kind == "add":
                codes = rng.integers(0, 256, (int(rng.integers(1, 200)), 2), np.uint8)
                names = [code.tobytes().hex() for code in codes]
                report.send(("add", names))
                index.add(codes, names, [{"code": name} for name in names])
            elif kind == "delete":
                chosen = rng.choice(present, int(rng.integers(1, len(present) + 1)), replace=False)
                report.send(("delete", chosen.tolist()))
                index.delete(chosen)
            elif kind == "update":
                item, code = int(rng.choice(present)), rng.integers(0, 256, 2, np.uint8)
                name = code.tobytes().hex()
                report.send(("update", (item, name)))
                index.update(item, code=code, image=name, payload={"code": name})
            else:
                report.send(("compact", None))
                index.compact()
            report.send(("done", None))


def make(path: str, model: str, report: Connection) -> None:
    """Starts to create an index, sends "begun", and completes it after a reply."""
    with Index.unfinished(path, Model.open(model), replace=True) as index:
        index.add(np.zeros((3, 2), np.uint8), ["x"] * 3)
        report.send("begun")
        report.recv()
    report.send("done")


def read(path: str, searches: int) -> None:
    """Searches, and fails if results mix several states of the index."""
    query = np.zeros(2, np.uint8)
    with Index.open(path) as index:
        for _ in range(searches):
            results = index.search(query, k=100_000)
            ids = [hit.id for hit in results.hits]
            assert results.matched == len(ids) == len(set(ids))
            for hit in results.hits:
                assert hit.distance == int(hit.payload["code"], 16).bit_count()
