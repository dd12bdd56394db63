import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dualhash.catalogue.datasets import DATASETS
from dualhash.catalogue.datasets.cfw60k import CFW60K
from dualhash.catalogue.datasets.imagenet150k import IMAGENET150K
from reproduction.__main__ import main
from reproduction.beyond.plans import PLANS
from reproduction.cell_runner import CellRunner
from reproduction.grid_cell import Result
from reproduction.setting_choice import VALIDATION
from tests.reproduction.small_grid import extras

CATEGORIES, ROUNDS = 16, 5
PARTS = ("train-both", "train-attribute", "train-category", "test", "test")


def products(root: Path) -> None:
    """A shop's table: 16 categories, two images of each in test; the image files are empty."""
    rows = ["image,articleType,baseColour,gender,season,usage,subset"]
    for i in range(CATEGORIES * ROUNDS):
        colour, part = ("Black", "Red")[i % 2], PARTS[i // CATEGORIES]
        rows.append(f"{i}.jpg,kind {i % CATEGORIES},{colour},Men,Fall,Casual,{part}")
        (root / f"{i}.jpg").touch()
    (root / "products.csv").write_text("\n".join(rows))


def released(root: Path, attributes: int) -> None:
    """A `dataset_info.mat` with one training image of each kind and two test images a category."""
    savemat = pytest.importorskip("scipy.io", reason="the train extra is not installed").savemat
    train, test = 3 * CATEGORIES, 2 * CATEGORIES

    def named(count: int):
        names = [f"person {i % CATEGORIES}/{i}.jpg" for i in range(count)]
        return np.array(names, dtype=object).reshape(-1, 1)

    labels = np.arange(train) % CATEGORIES
    labels[CATEGORIES : 2 * CATEGORIES] = 999
    marks = np.where(np.arange(train * attributes).reshape(train, -1) % 2, 1, -1)
    marks[2 * CATEGORIES :] = 2
    savemat(
        root / "dataset_info.mat",
        {
            "name_train": named(train),
            "name_test": named(test),
            "label_train": labels.reshape(-1, 1),
            "label_test": (np.arange(test) % CATEGORIES).reshape(-1, 1),
            "attribute_train": marks,
            "attribute_test": np.ones((test, attributes), np.int16),
            "info": np.array([f"a{j}" for j in range(attributes)], dtype=object).reshape(-1, 1),
        },
    )


def scenes(root: Path) -> None:
    """SUN397 with 16 scenes of 13 images, of which ten are drawn for test, and one annotated."""
    savemat = pytest.importorskip("scipy.io", reason="the train extra is not installed").savemat
    for i in range(CATEGORIES):
        (root / "SUN397" / "s" / f"scene{i}").mkdir(parents=True)
        for j in range(13):
            (root / "SUN397" / "s" / f"scene{i}" / f"sun_{i}_{j}.jpg").touch()
    (root / "SUNAttributeDB").mkdir()
    known = [f"s/scene{i}/sun_{i}_0.jpg" for i in range(CATEGORIES)]
    cells = {"images": known, "attributes": ["dirt", "glass"]}
    for name, texts in cells.items():
        column = np.array(texts, dtype=object).reshape(-1, 1)
        savemat(root / "SUNAttributeDB" / f"{name}.mat", {name: column})
    votes = np.eye(2)[np.arange(CATEGORIES) % 2]
    savemat(root / "SUNAttributeDB" / "attributeLabels_continuous.mat", {"labels_cv": votes})


def go(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main([*arguments])
    return left.value.code


def paper(catalogue: str, root: Path, *arguments: str) -> int:
    return go("run", "paper", "--catalogue", catalogue, "--data", str(root), *arguments)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    small = {"categories": CATEGORIES, "partition": (*(CATEGORIES,) * 3, 2 * CATEGORIES)}
    for release in (CFW60K, IMAGENET150K):
        read = replace(release, **small).read
        monkeypatch.setitem(DATASETS, release.name, replace(DATASETS[release.name], read=read))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def untrained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cells are finished at once, with nothing in them."""

    def run(self, cell, recipe, folder, parts):
        (folder / "model").mkdir()
        requirements = self.requirements(cell)
        return Result(
            name=cell.name,
            method=cell.method,
            bits=cell.bits,
            seed=cell.seed,
            catalogue=self.plan.catalogue,
            recipe=recipe,
            figures={name: {"value": 0.5} for name in requirements.figures | set(VALIDATION)},
            draws={name: [0.5] for name in requirements.draws},
            extras={name: value for name, value in extras().items() if name in requirements.extras},
            hashes={"data": self.data},
        )

    monkeypatch.setattr(CellRunner, "run", run)


@pytest.mark.parametrize(
    ("catalogue", "write_data", "backbones"),
    [
        ("fashion", products, 1),
        ("cfw60k", lambda root: released(root, 14), 1),
        ("imagenet150k", lambda root: released(root, 25), 0),
        ("sun120k", scenes, 0),
    ],
)
def test_dry_run_lists_the_cells_of_each_catalogue(
    root: Path, capsys, catalogue: str, write_data, backbones: int
):
    write_data(root)
    assert paper(catalogue, root, "--dry-run", "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert all(row["due"] for row in rows)
    names = [row["cell"] for row in rows]
    assert len(names) == len(set(names))
    assert sum(name.startswith("pretraining") for name in names) == backbones
    assert {"lsh-32-s0", "ssdh-256-s1", "multiple-model-256-s0", "class-id-s0"} <= set(names)
    assert not (root / "benchmarks").exists()


def test_one_table_can_be_chosen(root: Path, capsys):
    products(root)
    assert paper("fashion", root, "--dry-run", "--json", "--only", "figure-9", "--quick") == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["cell"] for row in rows] == [
        "pretraining-backbone-resnet18-half-without-13-s0",
        "dph-64-s0",
        "dph-64-backbone-efficientnet-lite0-s0",
    ]
    assert rows[1]["feeds"] == ["figure-9"]


def test_an_unknown_table_is_refused(root: Path, capsys):
    products(root)
    assert paper("fashion", root, "--only", "table-9") == 2
    assert "no table or figure 'table-9'. Did you mean" in capsys.readouterr().err


def test_run_and_report_end_to_end(root: Path, capsys, untrained: None):
    products(root)
    assert paper("fashion", root, "--only", "table-1") == 0
    kept = root / "benchmarks" / "results" / "paper" / "fashion"
    assert len(list(kept.glob("*.json"))) == 14
    assert paper("fashion", root, "--only", "table-1") == 0
    assert "14 of 14 cells are finished" in capsys.readouterr().err
    assert paper("fashion", root, "--only", "table-1", "--dry-run") == 0
    assert "0 of 14 cells are left" in capsys.readouterr().out
    assert go("report") == 0
    assert (root / "docs" / "results.md").is_file()
    assert json.loads((root / "docs" / "results.json").read_text())["catalogue"] == "fashion"


def test_the_grid_beyond_the_paper_is_listed_and_reported(root: Path, capsys, monkeypatch):
    (root / "fashion").mkdir()
    products(root / "fashion")
    plan = replace(PLANS["fashion"], attributes=0)
    monkeypatch.setattr("reproduction.beyond.run_beyond.PLANS", {"fashion": plan})
    chosen = ("run", "beyond", "--data", str(root), "--only", "ladder-256", "--seed", "1")
    assert go(*chosen, "--dry-run", "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows[-1]["cell"] == "dph+-256-s1"
    assert rows[0] == {
        "cell": "dph-256-s1",
        "due": True,
        "seconds": None,
        "feeds": ["fashion/ladder-256"],
    }
    assert go("run", "beyond", "--data", str(root), "--only", "ladder-9") == 2
    assert "No table, figure or cell begins with 'ladder-9'" in capsys.readouterr().err
    assert go("report", "beyond") == 0
    assert "cells are not yet measured" in capsys.readouterr().out
    assert (root / "docs" / "beyond.json").is_file()


def test_the_paper_needs_a_catalogue(root: Path, capsys):
    assert go("run", "paper", "--data", str(root)) == 2
    assert "--catalogue" in capsys.readouterr().err


def test_quick_results_are_stored_separately(root: Path, untrained: None, monkeypatch):
    monkeypatch.setattr("reproduction.grid_plan.QUICK_IMAGES", 1.0)
    products(root)
    assert paper("fashion", root, "--only", "table-2", "--quick") == 0
    assert not (root / "benchmarks").exists()
    assert go("report", "--quick") == 0
    assert (root / "build" / "paper-quick" / "results.md").is_file()
    assert not (root / "docs").exists()


def test_a_report_without_results_is_refused(root: Path, capsys):
    assert go("report") == 2
    assert "holds no results" in capsys.readouterr().err
