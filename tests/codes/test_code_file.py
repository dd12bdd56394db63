from dataclasses import replace

import numpy as np
import pytest

from dualhash.codes.code_file import SavedCodes, read_saved, write_saved
from dualhash.errors import DualhashError


def make_saved(images: int = 6, *, names: bool = True) -> SavedCodes:
    rng = np.random.default_rng(0)
    return SavedCodes(
        outputs=rng.random((images, 16), np.float32),
        probabilities=rng.random((images, 3), np.float32),
        labels=rng.integers(4, size=images),
        images=tuple(f"images/ä {i}.png" for i in range(images)) if names else (),
    )


@pytest.mark.parametrize("names", [True, False])
def test_round_trip(tmp_path, names):
    saved = make_saved(names=names)
    write_saved(tmp_path / "codes.npz", saved)
    found = read_saved(tmp_path / "codes.npz")
    np.testing.assert_array_equal(found.outputs, saved.outputs)
    np.testing.assert_array_equal(found.probabilities, saved.probabilities)
    np.testing.assert_array_equal(found.labels, saved.labels)
    assert found.images == saved.images
    assert found.hash == saved.hash
    assert found.ranking_bits is None


def test_ranking_bits_are_kept(tmp_path):
    saved = replace(make_saved(), ranking_bits=8)
    write_saved(tmp_path / "codes.npz", saved)
    assert read_saved(tmp_path / "codes.npz").ranking_bits == 8
    assert saved.hash != make_saved().hash


def test_numpy_can_read_the_file(tmp_path):
    write_saved(tmp_path / "codes.npz", make_saved())
    with np.load(tmp_path / "codes.npz") as file:
        assert {name: file[name].shape for name in file} == {
            "outputs": (6, 16),
            "probabilities": (6, 3),
            "labels": (6,),
            "images": (6,),
        }


def test_the_hash_depends_only_on_the_codes():
    saved = make_saved()
    assert replace(saved, images=()).hash == saved.hash
    assert replace(saved, outputs=1 - saved.outputs).hash != saved.hash
    assert replace(saved, probabilities=1 - saved.probabilities).hash != saved.hash


def test_files_of_another_kind_are_refused(tmp_path):
    path = tmp_path / "codes.npz"
    with pytest.raises(DualhashError, match="does not exist"):
        read_saved(path)
    path.write_bytes(b"")
    with pytest.raises(DualhashError, match="not a file of codes"):
        read_saved(path)
    path.write_text("some text")
    with pytest.raises(DualhashError, match="not a file of codes"):
        read_saved(path)
    write_saved(path, make_saved())
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DualhashError, match="damaged"):
        read_saved(path)
    np.save(tmp_path / "array.npy", np.zeros(3))
    with pytest.raises(DualhashError, match="not a file of codes"):
        read_saved(tmp_path / "array.npy")


@pytest.mark.parametrize(
    "wrong",
    [
        {"outputs": np.zeros(6, np.float32)},
        {"labels": np.zeros(6)},
        {"images": np.array([{}] * 6, object)},
    ],
)
def test_arrays_of_another_dtype_or_shape_are_refused(tmp_path, wrong):
    saved = make_saved()
    arrays = {name: getattr(saved, name) for name in ("outputs", "probabilities", "labels")}
    np.savez(tmp_path / "codes.npz", **({"images": np.array(saved.images)} | arrays | wrong))
    with pytest.raises(DualhashError, match="not a file of codes"):
        read_saved(tmp_path / "codes.npz")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"labels": np.zeros(5, int)}, r"arrays of different lengths: \[5, 6\]"),
        ({"images": ("a", "b")}, r"arrays of different lengths: \[2, 6\]"),
        ({"images": ("a",) * 6}, "names an image more than once"),
        ({"outputs": np.full((6, 16), np.nan, np.float32)}, "codes outside 0 to 1, .* image 0"),
        ({"probabilities": np.array([[0.5]] * 5 + [[-1]])}, "attributes outside 0 to 1, .* 5"),
    ],
)
def test_arrays_that_do_not_match_are_refused(tmp_path, wrong, message):
    write_saved(tmp_path / "codes.npz", replace(make_saved(), **wrong))
    with pytest.raises(DualhashError, match=message):
        read_saved(tmp_path / "codes.npz")
