import struct
from dataclasses import replace

import numpy as np
import pytest

from dualhash.codes.code_file import SavedCodes
from dualhash.codes.dat_files import read_dat, write_dat
from dualhash.errors import DualhashError
from tests.codes.test_code_file import make_saved


@pytest.fixture
def folder(tmp_path):
    write_dat(tmp_path, make_saved())
    return tmp_path


def test_written_bytes_match_a_hand_worked_example(tmp_path):
    """Two images, eight bits and one attribute; float32 has the halves below exactly."""
    bits = [0.5, 0, 1, 0.25, 0, 0, 0, 1]
    (tmp_path / "code.dat").write_bytes(struct.pack("<16f", *bits, *reversed(bits)))
    (tmp_path / "attribute.dat").write_bytes(struct.pack("<2f", 0.75, 0.125))
    (tmp_path / "label.dat").write_bytes(struct.pack("<2f", 3, 0))
    found = read_dat(tmp_path)
    assert found.outputs.tolist() == [bits, bits[::-1]]
    assert found.probabilities.tolist() == [[0.75], [0.125]]
    assert found.labels.tolist() == [3, 0]
    assert found.images == ()


def test_file_names_match_the_released_test_m(folder):
    saved = make_saved()
    content = (folder / "code.dat").read_bytes()
    assert struct.unpack("<96f", content) == tuple(saved.outputs.ravel().tolist())
    content = (folder / "attribute.dat").read_bytes()
    assert struct.unpack("<18f", content) == tuple(saved.probabilities.ravel().tolist())
    assert struct.unpack("<6f", (folder / "label.dat").read_bytes()) == tuple(saved.labels)
    assert (folder / "images.txt").read_text("utf-8").splitlines() == list(saved.images)


@pytest.mark.parametrize("names", [True, False])
def test_round_trip(tmp_path, names):
    write_dat(tmp_path, make_saved(3))
    saved = make_saved(names=names)
    write_dat(tmp_path, saved)
    found = read_dat(tmp_path)
    assert found.hash == saved.hash
    assert found.labels.tolist() == saved.labels.tolist()
    assert found.images == saved.images


def test_only_ranking_bits_are_written(tmp_path):
    saved = make_saved()
    write_dat(tmp_path, replace(saved, ranking_bits=8))
    np.testing.assert_array_equal(read_dat(tmp_path).outputs, saved.outputs[:, :8])


def test_codes_without_attributes(tmp_path):
    saved = replace(make_saved(), probabilities=np.zeros((6, 0), np.float32))
    write_dat(tmp_path, saved)
    assert read_dat(tmp_path).probabilities.shape == (6, 0)


@pytest.mark.parametrize("name", ["code.dat", "label.dat", "attribute.dat"])
def test_a_missing_or_truncated_file_is_named(folder, name):
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[:-1])
    with pytest.raises(DualhashError, match=rf"{name} has .* not a multiple of 4"):
        read_dat(folder)
    (folder / name).unlink()
    with pytest.raises(DualhashError, match=rf"{name} is missing; the folder must hold code\.dat"):
        read_dat(folder)


@pytest.mark.parametrize(
    ("name", "numbers", "message"),
    [
        ("label.dat", (), "is empty"),
        ("label.dat", (0, 1, 2, 1, 0.5, 0), "must hold category indices"),
        ("label.dat", (0, 1, 2, 1, -1, 0), "must hold category indices"),
        ("label.dat", (0, 1, 2, 1, float("nan"), 0), "must hold category indices"),
        ("label.dat", (0,) * 5, r"96 numbers, which is not a multiple of the 5 images"),
        ("label.dat", (0,) * 3, "arrays of different lengths|names"),
        ("code.dat", (0.5,) * 42, "positive multiple of 8, not 7"),
        ("code.dat", (0.5,) * 47 + (1.5,), "codes outside 0 to 1, first for image 5"),
        ("attribute.dat", (float("nan"),) * 6, "attributes outside 0 to 1, first for image 0"),
    ],
)
def test_invalid_numbers_are_refused(folder, name, numbers, message):
    (folder / name).write_bytes(struct.pack(f"<{len(numbers)}f", *numbers))
    with pytest.raises(DualhashError, match=message):
        read_dat(folder)


def test_names_that_are_not_text_are_refused(folder):
    (folder / "images.txt").write_bytes(b"\xff\xfe\xfd")
    with pytest.raises(DualhashError, match=r"images\.txt cannot be read"):
        read_dat(folder)


def test_values_that_the_format_cannot_hold_are_refused(tmp_path):
    saved = make_saved(2)
    with pytest.raises(DualhashError, match=r"label\.dat can hold only category indices below"):
        write_dat(tmp_path, replace(saved, labels=np.array([0, 2**24])))
    with pytest.raises(DualhashError, match="has a line break"):
        write_dat(tmp_path, replace(saved, images=("a", "b\nc")))
    assert not list(tmp_path.iterdir())


def test_float32_represents_every_category_index_below_the_limit(tmp_path):
    labels = np.array([2**24 - 1, 2**24 - 2])
    write_dat(tmp_path, SavedCodes(np.zeros((2, 8)), np.zeros((2, 1)), labels))
    assert read_dat(tmp_path).labels.tolist() == labels.tolist()
