"""kill -9 while items are added: what was reported as added is there, and nothing is half there."""

import random
import subprocess
import sys
from pathlib import Path

import numpy as np

from dualhash.codes import Model
from dualhash.search import Index

ROUNDS = 4

WRITER = """
import sys
import numpy as np
from dualhash.search import Index
rng = np.random.default_rng(int(sys.argv[2]))
with Index.open(sys.argv[1]) as index:
    while True:
        n = int(rng.integers(1, 200))
        codes = rng.integers(0, 256, (n, 2), np.uint8)
        payloads = [{"code": code.tobytes().hex()} for code in codes]
        ids = index.add(codes, [f"{code['code']}.png" for code in payloads], payloads)
        print(*ids, flush=True)
"""


def test_every_committed_item_is_found_after_a_kill(tmp_path: Path, model: Model):
    path = tmp_path / "i.dhx"
    Index.create(path, model).close()
    chance, reported = random.Random(0), 0
    for turn in range(ROUNDS):
        command = [sys.executable, "-c", WRITER, str(path), str(turn)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            lines = [writer.stdout.readline() for _ in range(chance.randint(1, 40))]
            writer.kill()
            lines += [line for line in writer.stdout if line.endswith("\n")]
        ids = [int(item) for line in lines for item in line.split()]
        assert ids[0] >= reported
        assert ids == list(range(ids[0], ids[-1] + 1))
        reported = ids[-1] + 1
        with Index.open(path) as index:
            stored_ids, codes = index._store.codes()
            items = index._store.items(stored_ids)
        assert len(stored_ids) >= reported
        np.testing.assert_array_equal(stored_ids, np.arange(len(stored_ids)))
        assert [items[item].payload["code"] for item in stored_ids.tolist()] == [
            code.tobytes().hex() for code in codes
        ]
