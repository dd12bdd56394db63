"""Deletion, replacement and compaction, and how readers see them."""

from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dualhash.codes import Model
from dualhash.errors import DualhashError
from dualhash.search import Index, ItemLabels
from dualhash.search.storage import writer as changes
from tests.search.stored_codes import count_block_reads, stored

QUERY = np.zeros(2, np.uint8)


def distance(code: bytes) -> int:
    """Hamming distance from the query."""
    return int.from_bytes(code).bit_count()


def found(index: Index, **options: object) -> list[int]:
    return [hit.id for hit in index.search(QUERY, k=100, **options).hits]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from(["add", "delete", "update", "compact"]), st.integers(0, 2**32)),
        max_size=12,
    )
)
def test_random_changes_have_the_same_result_as_in_a_dictionary(
    tmp_path: Path, model: Model, monkeypatch: pytest.MonkeyPatch, steps: list[tuple[str, int]]
):
    """With blocks of 8. Two connections take turns, and a third one only reads."""
    monkeypatch.setattr(changes, "CODES_PER_BLOCK", 8)
    path = tmp_path / "i.dhx"
    Index.create(path, model, replace=True).close()
    expected: dict[int, bytes] = {}
    given_ids = 0
    with Index.open(path) as one, Index.open(path) as other, Index.open(path) as reader:
        for turn, (step, seed) in enumerate(steps):
            index, rng = (one, other)[turn % 2], np.random.default_rng(seed)
            if step == "add":
                codes = rng.integers(0, 256, (int(rng.integers(0, 30)), 2), np.uint8)
                ids = index.add(codes, [code.tobytes().hex() for code in codes]).tolist()
                assert ids == list(range(given_ids, given_ids + len(codes)))
                expected |= dict(zip(ids, map(bytes, codes), strict=True))
                given_ids += len(codes)
            elif step == "compact":
                index.compact()
                sizes = [len(ids) for ids, _ in index.codes()]
                assert sizes[:-1] == [8] * len(sizes[:-1])
            elif expected:
                chosen = rng.choice(list(expected), int(rng.integers(1, len(expected) + 1)), False)
                if step == "delete":
                    index.delete(chosen)
                    expected = {item: c for item, c in expected.items() if item not in chosen}
                else:
                    code = rng.integers(0, 256, 2, np.uint8)
                    index.update(int(chosen[0]), code=code, image=code.tobytes().hex())
                    expected[int(chosen[0])] = code.tobytes()
            ids, codes = stored(reader)
            assert dict(zip(ids.tolist(), map(bytes, codes), strict=True)) == expected
            assert ids.tolist() == sorted(expected)
            assert {item.id: Path(item.image).name for item in reader} == {
                item: code.hex() for item, code in expected.items()
            }
            nearest = sorted(expected, key=lambda item: (distance(expected[item]), item))
            assert [hit.id for hit in reader.search(QUERY, k=1000).hits] == nearest
        assert not reader.verify()


def test_ids_are_never_used_again(index: Index):
    index.delete([5, 4])
    index.compact()
    assert index.add(QUERY[None], ["new.png"]).tolist() == [6]
    index.delete(range(4))
    index.delete([6])
    assert len(index) == 0
    assert found(index) == []
    assert index.add(QUERY[None], ["newer.png"]).tolist() == [7]
    assert found(index) == [7]


@pytest.mark.parametrize("item", [2.5, np.float64(2), "2", None, True])
def test_ids_are_whole_numbers(index: Index, item: object):
    for use in (
        index.item,
        lambda item: index.delete([item]),
        lambda item: index.update(item, payload={}),
        lambda item: index.replace([item], QUERY[None], ["x"]),
    ):
        with pytest.raises(DualhashError, match="An id is a whole number, not "):
            use(item)
    assert len(index) == 6


def test_nothing_is_deleted_if_an_id_does_not_exist(index: Index):
    for unknown in (6, -1, 10**30):
        with pytest.raises(DualhashError, match=r"no item with the id"):
            index.delete([0, unknown])
    assert len(index) == 6
    assert index.item(0).payload == {"number": 0}


@pytest.mark.parametrize(
    ("image", "payload", "labels"),
    [
        ("caf\udce9.png", {}, ItemLabels()),
        ("a.png", {"title": "caf\udce9"}, ItemLabels()),
        ("a.png", {"caf\udce9": 1}, ItemLabels()),
        ("a.png", {}, ItemLabels("caf\udce9")),
    ],
)
def test_text_that_is_not_unicode_is_refused(
    index: Index, image: str, payload: dict, labels: ItemLabels
):
    with pytest.raises(DualhashError, match=r"cannot be stored.*UTF-8"):
        index.add(QUERY[None], [image], [payload], [labels])
    assert len(index) == 6
    with pytest.raises(DualhashError, match=r"cannot be stored.*UTF-8"):
        index.update(0, image=image, payload=payload, labels=labels)
    assert index.item(0).payload == {"number": 0}


def test_deleted_items_are_not_found(index: Index):
    assert found(index) == [0, 5, 1, 2, 3, 4]
    index.delete([0, 3, 3])
    assert found(index) == [5, 1, 2, 4]
    with pytest.raises(DualhashError, match="no item with the id 3"):
        index.search("id:3")


def test_an_update_replaces_only_the_given_parts(index: Index, tmp_path: Path):
    old = index.item(1)
    index.update(1, payload={"number": "one"})
    new = index.item(1)
    assert new.payload == {"number": "one"}
    assert (new.image, new.labels) == (old.image, old.labels)
    assert found(index) == [0, 5, 1, 2, 3, 4]
    index.update(
        1, code=np.array([255, 255], np.uint8), labels=ItemLabels("square", {"blue": True})
    )
    assert found(index) == [0, 5, 2, 3, 1, 4]
    assert index.item(1).labels == ItemLabels("square", {"blue": True})
    index.update(1, image=tmp_path / "moved.png")
    assert index.item(1).image == str(tmp_path / "moved.png")


def test_invalid_updates_are_refused(index: Index):
    with pytest.raises(DualhashError, match="no item with the id 6"):
        index.update(6, payload={})
    with pytest.raises(DualhashError, match="16 bits"):
        index.update(1, code=np.zeros(3, np.uint8))


def test_several_items_are_replaced_at_once(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(changes, "CODES_PER_BLOCK", 2)
    index.add(np.ones((3, 2), np.uint8), ["x"] * 3)
    ids = [8, 0, 6, 3]
    codes = np.array([[i, 255] for i in ids], np.uint8)
    index.replace(ids, codes, [f"{i}.png" for i in ids], [{"number": -i} for i in ids])
    _, now = stored(index)
    for item, code in zip(ids, codes.tolist(), strict=True):
        assert now[item].tolist() == code
        assert Path(index.item(item).image).name == f"{item}.png"
        assert [hit.id for hit in index.search(QUERY, filter={"number": -item}).hits] == [item]
    assert index.item(1).payload == {"number": 1}
    assert len(index) == 9
    assert index.verify() == ()


def test_invalid_replacements_are_refused(index: Index):
    zeros = np.zeros((2, 2), np.uint8)
    for ids, message in (([0, 6], "no item with the id 6"), ([1, 1], "2 different ids, not 1")):
        with pytest.raises(DualhashError, match=message):
            index.replace(ids, zeros, ["x"] * 2)
    assert index.item(0).payload == {"number": 0}


def test_items_are_found_by_their_images(index: Index, tmp_path: Path):
    images = [tmp_path / "images" / f"{i}.png" for i in (4, 9, 1)]
    assert index.find(images) == [4, None, 1]
    assert index.find([str(images[2]), "elsewhere.png"]) == [1, None]
    index.add(np.zeros((1, 2), np.uint8), [images[0]])
    assert index.find(images[:1]) == [4]
    assert index.find([images[0], images[2], *images[:1] * 2]) == [4, 1, 6, None]
    assert index.find(images[:1], start=5) == [6]
    index.delete([4])
    assert index.find(images[:1]) == [6]


def test_several_changes_in_one_transaction(index: Index):
    def add_and_delete(item: int) -> None:
        with index.changing():
            index.add(np.zeros((1, 2), np.uint8), [f"with {item} gone"])
            index.delete([item])

    with pytest.raises(DualhashError, match="no item with the id 99"):
        add_and_delete(99)
    with index.changing():
        add_and_delete(0)
        with pytest.raises(DualhashError, match="no item with the id 99"):
            add_and_delete(99)
        add_and_delete(1)
    assert [item.id for item in index] == [2, 3, 4, 5, 6, 7]
    assert [Path(index.item(i).image).name for i in (6, 7)] == ["with 0 gone", "with 1 gone"]
    assert index.verify() == ()


def test_undone_changes_are_not_searched(index: Index):
    far = np.array([[255, 254]], np.uint8)

    def change_and_fail(code: NDArray[np.uint8], *, expected: list[int]) -> None:
        with index.changing():
            index.update(0, code=code)
            index.add(QUERY[None], ["undone.png"])
            assert found(index) == expected
            raise KeyError

    assert found(index) == [0, 5, 1, 2, 3, 4]
    with pytest.raises(KeyError):
        change_and_fail(far[0], expected=[5, 6, 1, 2, 3, 0, 4])
    index.add(far, ["far.png"])
    assert found(index) == [0, 5, 1, 2, 3, 6, 4]
    with index.changing():
        with pytest.raises(KeyError):
            change_and_fail(far[0], expected=[5, 7, 1, 2, 3, 0, 6, 4])
        index.update(5, code=far[0])
        assert found(index) == [0, 1, 2, 3, 5, 6, 4]
    assert found(index) == [0, 1, 2, 3, 5, 6, 4]


def test_exceptions_pass_through_a_block_of_changes(index: Index):
    def delete_and_decode() -> None:
        with index.changing():
            index.delete([0])
            b"\xff".decode()

    with pytest.raises(UnicodeDecodeError):
        delete_and_decode()
    assert len(index) == 6


@pytest.mark.parametrize("blocks", [1, 2])
def test_a_full_disk_undoes_the_whole_transaction(index: Index, blocks: int):
    """SQLite then ends the transaction; later changes in the block must not be kept alone."""

    def change() -> None:
        many = np.zeros((5000, 2), np.uint8)
        with ExitStack() as outer:
            for _ in range(blocks):
                outer.enter_context(index.changing())
            index.add(QUERY[None], ["one.png"])
            with pytest.raises(DualhashError, match="disk is full"):
                index.add(many, ["many.png"] * len(many))
            with pytest.raises(DualhashError, match="all of it was undone"):
                index.add(QUERY[None], ["another.png"])

    ((pages,),) = index.connection.select("PRAGMA page_count")
    list(index.connection.select(f"PRAGMA max_page_count = {pages + 2}"))
    with pytest.raises(DualhashError, match="all of it was undone"):
        change()
    assert index.find(["one.png", "another.png"]) == [None, None]
    list(index.connection.select(f"PRAGMA max_page_count = {pages + 1000}"))
    assert index.add(QUERY[None], ["later.png"]).tolist() == [6]


def test_an_index_is_not_compacted_in_a_block_of_changes(index: Index):
    with index.changing(), pytest.raises(DualhashError, match="in a block of `changing`"):
        index.compact()


def test_compaction_returns_space(tmp_path: Path, model: Model):
    path = tmp_path / "i.dhx"
    codes = np.random.default_rng(0).integers(0, 256, (5000, 2), np.uint8)
    with Index.create(path, model) as index:
        index.add(codes, [f"{i:060}" for i in range(5000)])
        index.delete(range(10, 5000))
        before = index.stats()
        index.compact()
        after = index.stats()
        assert found(index) == sorted(range(10), key=lambda i: (distance(codes[i]), i))
    assert before.free_bytes > before.file_bytes / 2
    assert after.free_bytes == 0
    assert after.file_bytes < before.file_bytes / 2
    assert path.stat().st_size == after.file_bytes


def test_a_search_sees_one_snapshot(index: Index):
    """Changes by another program during a search are seen by the next search only."""
    with Index.open(index.path) as other, index.reading():
        assert found(index) == [0, 5, 1, 2, 3, 4]
        other.delete([0, 1])
        other.add(QUERY[None], ["new.png"])
        assert found(other) == [5, 6, 2, 3, 4]
        assert found(index) == [0, 5, 1, 2, 3, 4]
    assert found(index) == [5, 6, 2, 3, 4]


def test_ids_may_be_numpy_integers(tmp_path: Path, model: Model, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(changes, "CODES_PER_BLOCK", 2)
    codes = np.arange(14, dtype=np.uint8).reshape(7, 2)
    with Index.create(tmp_path / "i.dhx", model) as index:
        ids = index.add(codes, [str(i) for i in range(7)])
        assert index.item(ids[3]).id == 3
        assert index.search(ids[3]).query.code.tolist() == [6, 7]
        index.update(ids[3], code=np.array([9, 9], np.uint8))
        index.delete(ids[:2])
        assert [item.id for item in index.items(ids[3], ids[5])] == [3, 4]
        assert stored(index)[1].tolist() == [[4, 5], [9, 9], [8, 9], [10, 11], [12, 13]]


def test_items_are_iterated_in_batches(index: Index, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("dualhash.search.storage.reader.AT_ONCE", 2)
    index.delete([3])
    assert [item.id for item in index] == [0, 1, 2, 4, 5]
    assert [item.payload["number"] for item in index.items(1, 5)] == [1, 2, 4]
    assert list(index.items(6)) == []


def test_changes_by_others_are_followed_without_reading_all_codes(
    tmp_path: Path, model: Model, monkeypatch: pytest.MonkeyPatch
):
    codes = np.random.default_rng(0).integers(0, 256, (300, 2), np.uint8)
    with Index.create(tmp_path / "i.dhx", model) as writer:
        writer.add(codes, ["x"] * 300)
        with Index.open(writer.path) as reader:
            expected = {i: bytes(code) for i, code in enumerate(codes)}

            def check() -> None:
                nearest = sorted(expected, key=lambda i: (distance(expected[i]), i))
                results = reader.search(QUERY, k=1000)
                assert [hit.id for hit in results.hits] == nearest
                sides = [
                    {hit.id for hit in reader.search(task="combined", k=1000, **side).hits}
                    for side in ({"want": "red"}, {"without": "red"})
                ]
                assert sides[0] | sides[1] == set(expected)
                assert not sides[0] & sides[1]
                with Index.open(writer.path) as fresh:
                    again = fresh.search(task="combined", want="red", k=1000)
                    assert {hit.id for hit in again.hits} == sides[0]

            check()
            read = count_block_reads(reader)
            writer.delete([0, 70, 299])
            for gone in (0, 70, 299):
                del expected[gone]
            check()
            writer.update(71, code=np.array([0, 0], np.uint8))
            expected[71] = bytes(2)
            check()
            assert read == [1, 1]  # the block, after each change
            writer.add(codes[:2], ["x"] * 2)
            expected |= {300: bytes(codes[0]), 301: bytes(codes[1])}
            check()
            assert read == [1, 1, 1]
            writer.delete(range(1, 60))
            for gone in range(1, 60):
                del expected[gone]
            check()
            assert read == [1, 1, 1]  # no block has had these ids


def test_all_codes_are_read_again_if_the_list_of_changes_was_emptied(index: Index):
    with Index.open(index.path) as reader:
        assert found(reader) == [0, 5, 1, 2, 3, 4]
        index.delete([0])
        index.compact()
        index.delete([1])
        assert found(reader) == [5, 2, 3, 4]
