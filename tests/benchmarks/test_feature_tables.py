"""Tables of a page, filled from figures."""

from typing import Any

import pytest

from benchmarks.features.tables import filled

QUALITY = {
    "category_map": 0.8,
    "attribute_map": 0.4,
    "avg_hm": 0.9,
    "combined_recall_at_5": 0.1,
    "combined_capped_recall_at_5": 0.3,
}

FIGURES: dict[str, Any] = {
    "targets": {
        "ratio": {"measured": 2.625, "target": 2.5, "bound": "at least", "met": True},
        "seconds": {"measured": 130.5, "target": 120, "bound": "at most", "met": False},
    },
    "steps": {
        "extraction-96x128": {
            "images_per_second": {"onnxruntime": 262.5, "PyTorch": 100, "files": 250},
            "ratio": 2.625,
            "largest_relative_difference": 0.0009,
        },
        "fashion-seed-0": {**QUALITY, "seconds_cold": 300},
        "fashion-seed-1": {**QUALITY, "category_map": 0.7, "seconds_kept": 61},
        "embeddings-float16": {
            "rows": 1_000_000,
            "length": 768,
            "learning_seconds": 99.6,
            "indexing_seconds": 20,
            "learning_peak_mb": 1900,
            "indexing_peak_mb": 800,
        },
    },
}


def page(name: str) -> str:
    return f"Before.\n\n<!-- table: {name} -->\n| old |\n<!-- end of table -->\n\nAfter.\n"


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("results", "| fashion, 60x80 | 0.750 | 0.400 | 0.900 | 0.100, 0.300 | 300 | 61 |"),
        ("extraction", "| 96x128 | 262 | 100 | 250 | 2.62 | 0.0009 |"),
        ("embeddings", "| 1,000,000 x 768, float16 | 100 | 20 | 1,900 | 800 |"),
        ("targets", "| ratio | 2.625 | at least 2.5 | met |"),
        ("targets", "| seconds | 130.5 | at most 120 | **missed** |"),
    ],
)
def test_a_table_contains_the_figures(name: str, row: str):
    assert row in filled(page(name), FIGURES).splitlines()


def test_filling_changes_only_the_text_between_the_marks():
    once = filled(page("results"), FIGURES)
    assert once.startswith("Before.\n\n<!-- table: results -->\n| data and network |")
    assert once.endswith("|\n<!-- end of table -->\n\nAfter.\n")
    assert "| old |" not in once
    assert filled(once, FIGURES) == once


def test_an_unknown_table_is_refused():
    with pytest.raises(KeyError, match="speed"):
        filled(page("speed"), FIGURES)
