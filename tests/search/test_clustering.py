"""Index files whose codes are clustered, over any history of changes."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dualhash.codes import LinearHead
from dualhash.errors import DualhashError
from dualhash.search import Index, clustered_codes, clustering
from dualhash.search.storage import writer
from dualhash.search.storage.header import FORMAT
from dualhash.search.storage.rows import Centres, checksum
from tests.search.clumps import draw_codes
from tests.search.stored_codes import count_block_reads, stored

QUERY = np.zeros(32, np.uint8)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty codes are clustered, whether they lie in clumps or not; blocks hold 32."""
    monkeypatch.setattr(clustering, "FEWEST", 50)
    monkeypatch.setattr(clustered_codes, "_in_clumps", lambda *_: True)
    monkeypatch.setattr(writer, "CODES_PER_BLOCK", 32)


def head(kind: str, bits: int) -> LinearHead:
    """With few values, so that many items have equal probabilities."""
    rng = np.random.default_rng(len(kind))
    weight = np.rint(rng.normal(0, 1, (3, bits))).astype(np.float32)
    return LinearHead(tuple(f"{kind} {i}" for i in range(3)), weight, np.ones(3, np.float32))


def create(path: Path, codes: np.ndarray, ranking_bits: int | None = None) -> Index:
    bits = 8 * codes.shape[1]
    return Index.from_codes(
        path,
        codes,
        payload=shelves(range(len(codes))),
        category_head=head("kind", bits),
        attribute_head=head("attribute", bits),
        ranking_bits=ranking_bits,
        replace=True,
    )


def shelves(items: range) -> list[dict[str, int]]:
    return [{"shelf": item % 3} for item in items]


def clumps(rng: np.random.Generator, count: int = 400) -> np.ndarray:
    pool = rng.integers(0, 256, (8, 32), dtype=np.uint8)
    flips = np.packbits(rng.random((count, 256)) < 0.03, axis=1)
    return pool[rng.integers(0, 8, count)] ^ flips


BY_DISTANCE = [
    {},
    {"radius": 9},
    {"radius": 9, "filter": {"shelf": 1}},
    {"ids": (40, 90), "filter": {"shelf": 2}},
]
OTHERS = [
    {"task": "combined", "want": "attribute 0", "without": "attribute 2"},
    {"task": "attribute", "want": ["attribute 0", "attribute 1"]},
    {"task": "weighted", "want": "attribute 1", "attribute_weight": 3},
    {"task": "posterior", "want": "attribute 1", "filter": {"shelf": 0}},
    {"task": "posterior", "category": "kind 1", "query": None},
]


def check_others(index: Index, query: np.ndarray, k: int, threads: int) -> None:
    """Compares all searches with those of an index in the order of ids."""
    with Index.open(index.path) as flat:
        none = flat.centres().codes[:0]
        flat.centres = lambda: Centres(0, 0, 0, none)
        for options in [*BY_DISTANCE, *OTHERS]:
            chosen = {"query": query, "k": k, **options}
            found = index.search(**chosen, threads=threads)
            expected = flat.search(**chosen)
            assert flat._searcher.args[1].table().codes.in_clusters == 0
            assert [(hit.id, hit.score) for hit in found] == [
                (hit.id, hit.score) for hit in expected
            ]
            assert found.matched == expected.matched


def check(index: Index, codes: dict[int, bytes], query: np.ndarray, k: int, threads: int) -> None:
    """Compares searches by distance with a full sort."""
    ids = np.array(sorted(codes), np.int64)
    rows = np.array([list(codes[item]) for item in ids.tolist()], np.uint8)
    width = index.header.compared_bits // 8
    far = np.bitwise_count(rows ^ query)[:, :width].sum(axis=1, dtype=int)
    for options in BY_DISTANCE:
        start, stop = options.get("ids", (0, 10_000))
        among = (ids >= start) & (ids < stop) & (far <= options.get("radius", 999))
        among &= ids % 3 == options.get("filter", {}).get("shelf", ids % 3)
        expected = sorted(zip(far[among].tolist(), ids[among].tolist(), strict=True))
        found = index.search(query, k=k, threads=threads, **options)
        assert [(hit.distance, hit.id) for hit in found] == expected[:k]
        assert found.matched == len(expected)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_results_match_a_full_sort_over_any_history(few: None, tmp_path: Path, data: st.DataObject):
    """Every step is also searched by a connection that has searched before."""
    width = data.draw(st.sampled_from([2, 9, 32]))
    ranking_bits = data.draw(st.sampled_from([None, 8]))
    codes = draw_codes(data.draw, data.draw(st.sampled_from([0, 45, 60, 300])), width)
    path = tmp_path / "i.dhx"
    index, expected = create(path, codes, ranking_bits), dict(enumerate(map(bytes, codes)))
    reader = Index.open(path)
    steps = st.lists(st.sampled_from(["add", "delete", "update", "compact"]), max_size=4)
    for step in [None, *data.draw(steps)]:
        rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
        more = draw_codes(data.draw, data.draw(st.sampled_from([1, 30, 90])), width)
        if step == "add":
            start = index.state.next_id
            ids = index.add(more, payloads=shelves(range(start, start + len(more)))).tolist()
            expected |= dict(zip(ids, map(bytes, more), strict=True))
        elif step == "compact":
            index.compact()
        elif step and expected:
            share = data.draw(st.sampled_from([0.05, 0.3, 0.8]))
            chosen = rng.permutation(sorted(expected))[: max(1, int(share * len(expected)))]
            chosen = chosen[: len(more)] if step == "update" else chosen
            if step == "delete":
                index.delete(chosen)
                expected = {item: code for item, code in expected.items() if item not in chosen}
            else:
                payloads = [{"shelf": int(item) % 3} for item in chosen]
                index.replace(chosen, more[: len(chosen)], [""] * len(chosen), payloads)
                expected |= dict(zip(chosen.tolist(), map(bytes, more), strict=False))
        (query,) = draw_codes(data.draw, 1, width)
        k, threads = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 2))
        if len({item % 3 for item in expected}) == 3:
            check(reader, expected, query, k, threads)
            check_others(reader, query, k, threads)
            check_others(reader, stored(index)[1][0], 300, threads)
    assert index.verify() == ()
    index.close()
    reader.close()


def in_clusters(index: Index) -> int:
    return index._searcher.args[1].table().codes.in_clusters


@pytest.mark.parametrize("clumpy", [True, False])
def test_codes_are_clustered_when_an_index_is_made_if_they_lie_in_clumps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator, clumpy: bool
):
    monkeypatch.setattr(clustering, "FEWEST", 50)
    codes = clumps(rng) if clumpy else rng.integers(0, 256, (400, 32), dtype=np.uint8)
    with create(tmp_path / "i.dhx", codes) as index:
        with index.reading():
            assert in_clusters(index) == 400 * clumpy
        assert (index.filed()[:, 0] < len(index.centres().codes)).all() == clumpy


def test_few_codes_are_not_clustered(tmp_path: Path, rng: np.random.Generator):
    with create(tmp_path / "i.dhx", clumps(rng)) as index:
        assert len(index.centres().codes) == 0


def test_added_codes_are_clustered_once_they_are_many(
    few: None, tmp_path: Path, rng: np.random.Generator
):
    codes = clumps(rng, 460)
    with create(tmp_path / "i.dhx", codes[:200]) as index, Index.open(index.path) as reader:
        centres = index.centres().codes.tolist()
        for count, clustered, learned in ((40, 200, 200), (20, 260, 200), (200, 460, 460)):
            start = len(index)
            index.add(codes[start : start + count])
            reader.search(QUERY)
            with reader.reading():
                assert in_clusters(reader) == clustered
            assert index.centres().count == learned
            assert (index.centres().codes.tolist() == centres) == (learned == 200)


def test_compaction_learns_centres_unless_nothing_has_changed(
    few: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
):
    learned = []
    learn = clustered_codes.learn_centres
    monkeypatch.setattr(
        clustered_codes, "learn_centres", lambda *given: learned.append(given[1]) or learn(*given)
    )
    with create(tmp_path / "i.dhx", clumps(rng)) as index:
        index.compact()
        index.delete([3])
        index.compact()
        index.compact()
        index.add(QUERY[None])
        index.compact()
    assert learned == [400, 399, 400]


def test_changed_codes_are_read_without_the_others(
    few: None, tmp_path: Path, rng: np.random.Generator
):
    codes = clumps(rng)
    with create(tmp_path / "i.dhx", codes) as index, Index.open(index.path) as reader:
        reader.search(QUERY)
        index.update(70, code=QUERY)
        index.delete([5])
        read = count_block_reads(reader)
        assert reader.search(QUERY, k=1)[0].id == 70
        assert read == [0, 64]
        with reader.reading():
            assert in_clusters(reader) == 400


def old_format(path: Path) -> None:
    """Makes a file as format 5 has it."""
    with Index.open(path) as index, index.changing():
        connection = index.connection
        connection.execute("DROP TABLE clusters")
        connection.execute("DROP TABLE centres")
        connection.execute("PRAGMA user_version = 5")
        meta = dict(connection.execute("SELECT * FROM meta WHERE key != 'checksum'")) | {
            "format": 5
        }
        values = (part for key in sorted(meta) for part in (key, meta[key]))
        change = "UPDATE meta SET value = ? WHERE key = ?"
        connection.execute(change, 5, "format")
        connection.execute(change, checksum(*values), "checksum")


def test_an_older_file_is_searched_and_changed_and_compaction_clusters_it(
    few: None, tmp_path: Path, rng: np.random.Generator
):
    path, codes = tmp_path / "i.dhx", clumps(rng)
    create(path, codes, ranking_bits=128).close()
    old_format(path)
    expected = dict(enumerate(map(bytes, codes)))
    with Index.open(path) as index, Index.open(path) as reader:
        assert not index.has_clusters
        index.add(codes[:200], payloads=shelves(range(400, 600)))
        index.delete([7])
        expected |= dict(enumerate(map(bytes, codes[:200]), start=400))
        del expected[7]
        assert not index.has_clusters
        check(reader, expected, codes[7], 20, 2)
        assert index.verify() == ()
        header = index.header
        index.compact()
        assert index.has_clusters
        check(reader, expected, codes[7], 20, 2)
        with reader.reading():
            assert in_clusters(reader) == 599
        reader.update(8, code=codes[0])
        expected[8] = bytes(codes[0])
        check(index, expected, codes[7], 20, 2)
        assert index.verify() == ()
    with Index.open(path) as index:
        assert index.connection.execute("PRAGMA user_version") == [(FORMAT,)]
        assert index.header.model_hash == header.model_hash
        assert index.header.ranking_bits == 128
        np.testing.assert_array_equal(
            index.header.attribute_head.weight, header.attribute_head.weight
        )


COMPACT = """
import sys
from dualhash.search import Index, clustered_codes, clustering
from dualhash.search.storage import writer
clustering.FEWEST = 50
writer.CODES_PER_BLOCK = 32
clustered_codes._in_clumps = lambda *_: True
def wait(write):
    def waiting(index, first, *rest):
        write(index, first, *rest)
        if first >= 96:
            print("in the middle", flush=True)
            sys.stdin.read()  # until it is killed
    return waiting
clustering.writer.write_filed = wait(writer.write_filed)
Index.open(sys.argv[1]).compact()
"""


@pytest.mark.parametrize("old", [True, False])
def test_a_killed_compaction_changes_nothing(
    few: None, tmp_path: Path, rng: np.random.Generator, old: bool
):
    path, codes = tmp_path / "i.dhx", clumps(rng)
    create(path, codes).close()
    if old:
        old_format(path)
    with Index.open(path) as index:
        index.delete([5])
        before = index.filed().tolist()
    command, pipe = [sys.executable, "-c", COMPACT, str(path)], subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "in the middle\n"
        process.kill()
    assert process.returncode == -signal.SIGKILL
    expected = {item: bytes(code) for item, code in enumerate(codes) if item != 5}
    with Index.open(path) as index:
        assert index.has_clusters != old
        assert index.filed().tolist() == before
        check(index, expected, codes[5], 20, 2)
        assert index.verify() == ()
        index.compact()
        with index.reading():
            assert in_clusters(index) == 399
        check(index, expected, codes[5], 20, 2)
        assert index.verify() == ()


def with_other_distance(index: Index) -> None:
    """Of one code in a block, with a right checksum."""
    filed = index.block_filed(64, 32).copy()
    filed[3, 1] ^= 1
    writer.write_filed(index, 64, filed)


@pytest.mark.parametrize(
    ("damage", "part"),
    [
        ("UPDATE clusters SET filed = zeroblob(128) WHERE first_id = 64", "begins with id 64"),
        ("UPDATE clusters SET filed = zeroblob(128), checksum = 7 WHERE first_id = 64", "id 64"),
        ("UPDATE centres SET codes = zeroblob(length(codes))", "its centres"),
        ("UPDATE centres SET next_id = next_id + 1", "its centres"),
        (with_other_distance, "the clusters of "),
    ],
)
def test_damaged_clusters_are_reported(
    few: None,
    tmp_path: Path,
    rng: np.random.Generator,
    damage: str | Callable[[Index], None],
    part: str,
):
    with create(tmp_path / "i.dhx", clumps(rng)) as index:
        index.connection.execute(damage) if isinstance(damage, str) else damage(index)
        with pytest.raises(DualhashError, match=rf"i\.dhx is damaged: .*{part}"):
            index.search(QUERY)
        (sentence,) = index.verify()
        assert part in sentence
