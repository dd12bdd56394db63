import errno
import json
import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from dualhash.cli import app
from dualhash.codes import Model
from dualhash.search import Index, ItemLabels
from tests.builders import write_shapes
from tests.oracles import matlab

SHAPES = ("circle", "square", "triangle")
COLUMNS = ("--image-column", "file", "--category-column", "kind", "--subset-column", "part")
NAMED = (*COLUMNS, "--attribute-columns", "red,green,blue")
DAT = ["attribute.dat", "code.dat", "images.txt", "label.dat"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model and a table of plain images; 20 are test images, and number 4 is damaged."""
    write_shapes(tmp_path, images=24, trained=4, damaged=4, bits=256)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        app.main(list(arguments))
    return left.value.code


def figures(*arguments: str) -> dict[str, float]:
    options = ("--bootstrap", "0", "--out", "report.json")
    assert run("evaluate", *arguments, *options) == 0
    found = json.loads(Path("report.json").read_text())["figures"]
    return {name: figure["value"] for name, figure in found.items()}


def figures_of_codes(*arguments: str) -> dict[str, float]:
    """The figures of a model that codes and probabilities suffice for."""
    found = figures(*arguments)
    of_heads = ("ece", "precision_at_90", "posterior")
    return {name: value for name, value in found.items() if not any(h in name for h in of_heads)}


def test_exported_and_imported_codes_give_the_figures_of_the_model(
    folder: Path, capsys: pytest.CaptureFixture[str]
):
    assert run("codes", "export", "model", "shapes.csv", "--out", "out/dat") == 0
    message, noted = capsys.readouterr()
    assert "out/dat: codes of 19 test images of shapes.csv" in message
    assert "codelenth = 256; num_attr = 3; N = 19;" in message
    assert "4.png is not an image" in noted
    assert sorted(path.name for path in (folder / "out" / "dat").iterdir()) == DAT
    assert run("codes", "import", "out/dat", "--out", "out/codes.npz") == 0
    assert "19 codes of 256 bits with 3 attributes, in 3 categories" in capsys.readouterr().out
    of_codes = figures("out/codes.npz", "shapes.csv", "--protocol", "cvpr2017", *NAMED)
    of_model = figures_of_codes("model", "shapes.csv", "--protocol", "cvpr2017")
    assert of_codes == pytest.approx(of_model)


@pytest.mark.parametrize("format", ["dat", "npz"])
def test_units_that_are_attributes_survive_export_and_import(
    tmp_path: Path, monkeypatch, format: str
):
    """The baselines CNN-attribute, SVM-real and Multiple-model have such units."""
    write_shapes(tmp_path, images=24, trained=4, damaged=4, attribute_units=(9, 2, 5))
    monkeypatch.chdir(tmp_path)
    written = "codes.npz" if format == "npz" else "dat"
    run("codes", "export", "model", "shapes.csv", "--format", format, "--out", written)
    if format == "dat":
        run("codes", "import", "dat", "--out", "codes.npz")
    with np.load("codes.npz") as file:
        np.testing.assert_allclose(file["probabilities"], file["outputs"][:, [9, 2, 5]], rtol=1e-5)
    of_codes = figures("codes.npz", "shapes.csv", "--codes", "real", *NAMED)
    assert of_codes == pytest.approx(figures_of_codes("model", "shapes.csv", "--codes", "real"))


def test_exported_files_give_the_figures_of_the_scripts(folder: Path):
    """For attributes, which rarely tie; the other tasks are tested elsewhere, without ties."""
    run("codes", "export", "model", "shapes.csv", "--out", "dat")
    run("codes", "import", "dat", "--out", "codes.npz")
    found = figures("codes.npz", "shapes.csv", "--protocol", "cvpr2017", *NAMED)
    rows = [line.split(",") for line in (folder / "shapes.csv").read_text().splitlines()]
    truth = {row[0]: [int(label) for label in row[2:5]] for row in rows[1:]}
    names = (folder / "dat" / "images.txt").read_text().splitlines()
    _, labels, predicted = matlab.read(folder / "dat")
    expected = matlab.attribute(predicted, [truth[name] for name in names])
    assert found["attribute_map"] == pytest.approx(expected)
    kinds = {row[0]: SHAPES.index(row[1]) for row in rows[1:]}
    assert labels == [kinds[name] for name in names]


def test_an_index_is_exported_as_its_bits(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert run("index", "create", "model", "shapes.csv", "--out", "shapes.dhx") == 0
    assert run("codes", "export", "shapes.dhx", "shapes.csv", "--out", "dat") == 0
    assert "4.png is not in shapes.dhx" in capsys.readouterr().err
    codes, _, _ = matlab.read(folder / "dat")
    assert {bit for code in codes for bit in code} == {-1, 1}
    run("codes", "import", "dat", "--out", "codes.npz")
    of_codes = figures("codes.npz", "shapes.csv", *NAMED)
    of_model = figures_of_codes("model", "shapes.csv")
    # Probabilities very near to 1 tie in float32.
    assert of_codes.pop("attribute_map") == pytest.approx(of_model.pop("attribute_map"), abs=2e-3)
    assert of_codes == pytest.approx(of_model)


def test_npz_export_is_one_file(folder: Path):
    options = ("--format", "npz", "--out", "new/codes.npz")
    assert run("codes", "export", "model", "shapes.csv", *options) == 0
    with np.load(folder / "new" / "codes.npz") as file:
        assert file["outputs"].shape == (19, 256)


def test_existing_files_are_kept(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "dat").mkdir()
    (folder / "dat" / "label.dat").write_text("mine")
    export = ("codes", "export", "model", "shapes.csv", "--out", "dat")
    assert run(*export) == 2
    assert "dat/label.dat exists already; --replace" in capsys.readouterr().err
    assert (folder / "dat" / "label.dat").read_text() == "mine"
    assert run(*export, "--replace") == 0
    (folder / "codes.npz").write_text("mine")
    assert run("codes", "import", "dat", "--out", "codes.npz") == 2
    assert (folder / "codes.npz").read_text() == "mine"
    assert run("codes", "import", "dat", "--out", "codes.npz", "--replace") == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("export", "model", "shapes.csv", "--out", "x", "--model", "model"),
            "is a model folder, so --model",
        ),
        (
            ("export", "shapes.dhx", "shapes.csv", "--out", "x", "--views", "10"),
            "--views cannot be used",
        ),
        (("export", "none", "shapes.csv", "--out", "x"), "none"),
        (("export", "model", "--out", "x/codes.csv"), "Name a catalogue"),
        (
            ("export", "shapes.dhx", "--out", "x/codes.csv", "--views", "10"),
            "--views and --model cannot be used",
        ),
        (("export", "shapes.dhx", "--out", "x/codes.dat"), "must end in .csv, .parquet or .npz"),
        (("export", "none", "--out", "x/codes.csv"), "none does not exist"),
        (("import", "model", "--out", "x.npz"), "label.dat is missing"),
    ],
)
def test_invalid_arguments_are_refused(
    arguments: tuple[str, ...], message: str, folder: Path, capsys: pytest.CaptureFixture[str]
):
    run("index", "create", "model", "shapes.csv", "--out", "shapes.dhx")
    assert run("codes", *arguments) == 2
    assert message in capsys.readouterr().err
    assert not (folder / "x").exists()


def test_views_are_refused_for_saved_codes(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "codes.npz").write_text("")
    assert run("evaluate", "codes.npz", "shapes.csv", "--views", "10") == 2
    assert "codes.npz already has its codes" in capsys.readouterr().err


@pytest.mark.parametrize("format", ["dat", "npz", "whole"])
def test_a_full_disk_is_reported_and_leaves_no_folder(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    format: str,
):
    assert run("index", "create", "model", "shapes.csv", "--out", "shapes.dhx") == 0
    before = sorted(folder.iterdir())
    written = []

    def fail(_: int) -> None:
        written.append(None)
        if format != "dat" or len(written) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    options = {
        "dat": ("shapes.csv", "--out", "new/deep"),
        "npz": ("shapes.csv", "--format", "npz", "--out", "new/deep/codes.npz"),
        "whole": ("--out", "new/deep/codes.csv"),
    }
    name = {"dat": "attribute.dat", "npz": "codes.npz", "whole": "codes.csv"}[format]
    assert run("codes", "export", "shapes.dhx", *options[format]) == 2
    message = capsys.readouterr().err
    assert f"new/deep/{name} cannot be written: No space left on device" in message
    assert sorted(folder.iterdir()) == before


@pytest.fixture
def labelled_index(folder: Path) -> Path:
    """An index of three items, of which one has no label and no payload."""
    payloads = [
        {"name": 'Ann, "red"', "price": 1, "new": True, "size": "007", "tags": ["a"], "mixed": 1},
        {},
        {"name": "Łuk", "price": 2.5, "new": False, "size": "8", "tags": [], "mixed": "b"},
    ]
    labels = [ItemLabels("circle", {"red": True, "blue": False}), ItemLabels(), ItemLabels("hat")]
    codes = np.arange(96, dtype=np.uint8).reshape(3, 32)
    with Index.create(folder / "i.dhx", Model.open(folder / "model")) as index:
        index.add(codes, [folder / f"{i}.png" for i in range(3)], payloads, labels)
        index.delete([1])
        index.add(codes[1:2], [folder / "1.png"], payloads[1:2], labels[1:2])
    return folder


def test_a_count_of_one_is_singular(labelled_index: Path, capsys: pytest.CaptureFixture[str]):
    with Index.open(labelled_index / "i.dhx") as index:
        index.delete([2, 3])
    assert run("codes", "export", "i.dhx", "--out", "one.csv") == 0
    assert "one.csv: 1 item of i.dhx." in capsys.readouterr().out


@pytest.mark.parametrize("name", ["codes.csv", "codes.parquet"])
def test_a_whole_index_is_exported_as_a_table(
    labelled_index: Path, name: str, capsys: pytest.CaptureFixture[str]
):
    assert run("codes", "export", "i.dhx", "--out", f"new/{name}") == 0
    assert f"new/{name}: 3 items of i.dhx" in capsys.readouterr().out
    path = labelled_index / "new" / name
    read = pl.read_parquet if name.endswith("parquet") else pl.read_csv
    schema = {} if name.endswith("parquet") else {"schema_overrides": {"payload.size": pl.String}}
    frame = read(path, **schema)
    codes = [bytes(range(start, start + 32)).hex() for start in (0, 64, 32)]
    assert frame.to_dict(as_series=False) == {
        "id": [0, 2, 3],
        "image": [str(labelled_index / f"{i}.png") for i in (0, 2, 1)],
        "category": ["circle", "hat", None],
        "code": codes,
        "attribute.red": [True, None, None],
        "attribute.green": [None, None, None],
        "attribute.blue": [False, None, None],
        "payload.mixed": ["1", "b", None],
        "payload.name": ['Ann, "red"', "Łuk", None],
        "payload.new": [True, False, None],
        "payload.price": [1.0, 2.5, None],
        "payload.size": ["007", "8", None],
        "payload.tags": ['["a"]', "[]", None],
    }
    assert run("codes", "export", "i.dhx", "--out", f"new/{name}") == 2
    assert "exists already; --replace" in capsys.readouterr().err
    assert run("codes", "export", "i.dhx", "--out", f"new/{name}", "--replace") == 0


def test_a_whole_index_is_exported_for_numpy(labelled_index: Path):
    assert run("codes", "export", "i.dhx", "--out", "codes.npz") == 0
    with np.load(labelled_index / "codes.npz", allow_pickle=False) as file:
        assert file["ids"].tolist() == [0, 2, 3]
        assert file["codes"][:, 0].tolist() == [0, 64, 32]
        assert file["codes"].shape == (3, 32)
        assert [Path(image).name for image in file["images"]] == ["0.png", "2.png", "1.png"]
        assert file["categories"].tolist() == ["circle", "hat", ""]
        assert file["attribute_names"].tolist() == ["red", "green", "blue"]
        assert file["attributes"].tolist() == [[1, -1, 0], [-1, -1, -1], [-1, -1, -1]]
        payload = json.loads(bytes(file["payload"]))
        assert payload[0]["size"] == "007"
        assert payload[2] == {}


def test_an_empty_index_is_exported(folder: Path):
    Index.create(folder / "i.dhx", Model.open(folder / "model")).close()
    for name in ("codes.csv", "codes.parquet", "codes.npz"):
        assert run("codes", "export", "i.dhx", "--out", name) == 0
    assert pl.read_csv(folder / "codes.csv").columns[:4] == ["id", "image", "category", "code"]
