import json

import pytest

from tests.analysis.small_codes import make_analysis

pytest.importorskip("matplotlib", reason="drawing needs the extra `analysis`")

from dualhash.analysis import plots
from dualhash.analysis.bit_functionality import BitFunctionality
from dualhash.analysis.write_report import as_json, write_report
from dualhash.errors import DualhashError


def test_all_files_are_written_and_other_files_kept(tmp_path):
    analysis, folder = make_analysis(), tmp_path / "new" / "report"
    folder.mkdir(parents=True)
    (folder / "notes.txt").write_text("mine")
    written = write_report(analysis, folder)
    assert written[0].name == "summary.md"
    assert {path.name for path in folder.iterdir()} == {"notes.txt", *(p.name for p in written)}
    assert all(path.stat().st_size for path in written)
    stored = json.loads((folder / "analysis.json").read_text())
    assert stored["hashes"] == analysis.hashes
    assert BitFunctionality.model_validate(stored["functionality"]) == analysis.functionality


def test_undefined_values_are_null_in_json():
    stored = as_json(make_analysis(images=2))
    assert "NaN" not in json.dumps(stored)


def test_the_summary_names_every_file(tmp_path):
    names = [path.name for path in write_report(make_analysis(), tmp_path)]
    page = (tmp_path / "summary.md").read_text()
    assert [name for name in names[1:] if f"`{name}`" not in page] == []


def test_without_attributes_only_category_files_are_written(tmp_path):
    written = write_report(make_analysis(attributes=0), tmp_path)
    assert [path.name for path in written] == ["summary.md", "analysis.json", "bits.csv"]
    assert sorted(tmp_path.iterdir()) == sorted(written)
    assert "attribute" not in (tmp_path / "bits.csv").read_text()
    page = (tmp_path / "summary.md").read_text()
    assert "The model has no attributes, so only categories are analysed." in page
    text = page.replace("The model has no attributes", "")
    assert [word for word in ("attribute", "paper", ".png") if word in text] == []
    assert [path.name for path in written[1:] if f"`{path.name}`" not in page] == []


def test_nothing_is_written_without_the_extra(tmp_path, monkeypatch):
    monkeypatch.setattr(plots, "find_spec", lambda name: None)
    with pytest.raises(DualhashError, match=r"matplotlib: pip install 'dualhash\[analysis\]'"):
        write_report(make_analysis(), tmp_path / "report")
    assert not (tmp_path / "report").exists()
