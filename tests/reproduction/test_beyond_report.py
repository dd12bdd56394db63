import json
import shutil
from pathlib import Path

import pytest

from dualhash.errors import DualhashError
from dualhash.evaluation.compare import compare_draws
from reproduction.beyond.exhibits import check_names, chosen_cells, exhibits, shared_cells
from reproduction.beyond.plans import PLANS, added_ideas, cells, parts_of
from reproduction.beyond.report import write_report
from reproduction.beyond.targets import check_target, targets
from reproduction.paper_exhibits import cells_of
from tests.reproduction.tiny_beyond import made_up, write_made_up

pytest.importorskip("matplotlib", reason="the analysis extra is not installed")

FASHION = PLANS["fashion"]
REPOSITORY = Path(__file__).parents[2]
COMMITTED = REPOSITORY / "benchmarks" / "results" / "beyond"


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("beyond")
    write_made_up(folder)
    (folder / "findings").mkdir()
    (folder / "findings" / "unseen.md").write_text("What was never seen is found too.\n")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_same_results_give_the_same_report_byte_for_byte(results: Path, tmp_path: Path):
    assert write_report(results, tmp_path / "one") == 0
    assert write_report(results, tmp_path / "two") == 0
    first = contents(tmp_path / "one")
    assert first == contents(tmp_path / "two")
    shown = ("bits-category", "bits-attribute", "bits-combined", "reliability")
    pictures = {f"beyond/{name}.png" for name in shown}
    assert set(first) == {"beyond.md", "beyond.json", *pictures}
    text = first["beyond.md"].decode()
    assert "What was never seen is found too." in text
    assert "ot yet measured" not in text
    for plan in PLANS.values():
        for exhibit in exhibits(plan).values():
            assert exhibit.title in text


def test_the_committed_report_is_that_of_the_committed_results(tmp_path: Path):
    write_report(COMMITTED, tmp_path)
    for name in ("beyond.md", "beyond.json"):
        assert (tmp_path / name).read_bytes() == (REPOSITORY / "docs" / name).read_bytes()


def test_every_target_is_in_the_json(results: Path, tmp_path: Path):
    write_report(results, tmp_path)
    written = json.loads((tmp_path / "beyond.json").read_text())["targets"]
    assert list(written) == list(targets())
    for name, found in written.items():
        assert list(found) == ["measured", "target", "low", "high", "holds"]
        reaches = found["measured"] >= found["target"]
        at_most = targets()[name].bound == "most"
        assert found["holds"] == (found["measured"] <= found["target"] if at_most else reaches)
        assert (found["low"] is None) == targets()[name].divided


def test_a_cell_without_a_result_is_listed_as_not_yet_measured(results: Path, tmp_path: Path):
    shutil.copytree(results, tmp_path / "results")
    (tmp_path / "results" / "fashion" / "dph+-256-s1.json").unlink()
    assert write_report(tmp_path / "results", tmp_path) == 1
    text = (tmp_path / "beyond.md").read_text()
    assert "## Not yet measured\n\n1 cells have no result:\n\n- fashion/dph+-256-s1" in text
    found = json.loads((tmp_path / "beyond.json").read_text())
    assert found["missing"] == ["fashion/dph+-256-s1"]
    assert found["targets"]["category-map"] == {
        "measured": None,
        "target": 0.79,
        "low": None,
        "high": None,
        "holds": None,
    }
    assert found["targets"]["unseen-map"]["measured"] is not None


def test_without_results_nothing_is_measured(tmp_path: Path):
    every = {cell for plan in PLANS.values() for cell in cells_of(exhibits(plan))}
    assert write_report(tmp_path / "none", tmp_path) >= len(every)
    found = json.loads((tmp_path / "beyond.json").read_text())
    assert all(each["measured"] is None for each in found["targets"].values())


def test_a_margin_is_that_to_the_best_rival_over_paired_draws():
    results = {result.name: result for result in made_up("fashion")}

    def draws(method: str, bits: int, figure: str) -> list[float]:
        each = [results[cell.name] for cell in cells(method, FASHION, bits)]
        rows = [[r.figures[figure].value, *r.draws[figure]] for r in each]
        return [sum(column) / len(rows) for column in zip(*rows, strict=True)]

    rivals = (("ssdh", 256), ("multiple-model", 256), ("class-id", 0), ("float-features", 0))
    best = max((draws(*rival, "category_map") for rival in rivals), key=lambda row: row[0])
    expected = compare_draws(draws("dph+", 256, "category_map"), best)
    found = check_target(targets()["category-map-margin"], results)
    assert (found.measured, found.low, found.high) == pytest.approx(tuple(expected))


def test_the_way_that_finds_more_counts():
    results = {result.name: result for result in made_up("fashion")}
    means = [
        sum(results[cell.name].figures[figure].value for cell in cells("dph+", FASHION)) / 2
        for figure in ("combined_recall_at_5", "combined_posterior_recall_at_5")
    ]
    found = check_target(targets()["combined-recall-at-5"], results)
    assert found.measured == pytest.approx(max(means))


def test_cells_are_chosen_by_table_name_or_what_it_begins_with_and_by_seed():
    ladder = list(chosen_cells(FASHION, ["ladder-256"], 0))
    names = [cell.name for cell in ladder]
    assert names[:3] == ["dph-256-s0", "dph-cosine-256-s0", "features-256-s0"]
    assert names[-1] == "dph+-256-s0"
    assert {cell.bits for cell in chosen_cells(FASHION, ["bits"])} == {16, 32, 64, 128, 256, 512}
    assert {cell.name for cell in chosen_cells(FASHION, ["dph+-64"])} == {
        "dph+-64-s0",
        "dph+-64-s1",
    }
    assert not chosen_cells(PLANS["openmoji"], ["ladder-256"])
    check_names(PLANS.values(), ["openmoji", "shares"])
    with pytest.raises(DualhashError, match=r"begins with 'laddr'\. There are ladder-256"):
        check_names(PLANS.values(), ["laddr"])


def test_multiple_model_is_made_from_ssdh_with_the_bits_that_the_attributes_leave():
    (model, _) = cells("multiple-model", FASHION, 64)
    assert [part.name for part in parts_of(model, FASHION)] == ["ssdh-32-s0", "cnn-attribute-s0"]
    shown = {cell.bits for cell in chosen_cells(FASHION) if cell.method == "multiple-model"}
    assert shown == {64, 128, 256, 512}


def test_each_setting_that_dph_plus_adds_to_features_is_a_step_of_the_ladder(monkeypatch):
    presets = {
        "features": {"alpha": 0.5, "epochs": 15},
        "dph+": {"alpha": 0.5, "epochs": 20, "category_share": 0.5},
    }
    monkeypatch.setattr("reproduction.beyond.plans.PRESETS", presets)
    assert added_ideas() == {
        "features-epochs": ("epochs", {"preset": "features", "epochs": 20}),
        "dph+": ("bits shared out", {"preset": "dph+"}),
    }


def test_the_share_of_the_preset_is_the_preset():
    names = [shared_cells(FASHION, share)[0].name for share in (0.25, 0.5)]
    assert names == ["dph+-256-category-share-0.25-s0", "dph+-256-s0"]
