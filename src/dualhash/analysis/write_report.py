"""Writes an analysis as a folder of text, tables and figures."""

import json
from pathlib import Path
from typing import Any

from dualhash.analysis.analyse import Analysis
from dualhash.analysis.csv_tables import attribute_table, attribution_table, bit_table
from dualhash.analysis.plots import draw_alignment, draw_attributions, draw_bits, save
from dualhash.analysis.summary_text import summarise
from dualhash.files import write_whole


def as_json(analysis: Analysis) -> dict[str, Any]:
    """Returns the numbers of figures 10 and 11 and their source, for JSON."""
    return {
        "source": analysis.source,
        "hashes": analysis.hashes,
        "functionality": analysis.functionality.model_dump(mode="json"),
        "largest_category": {"name": analysis.largest, "share_of_pairs": analysis.largest_share},
        "failures": analysis.failures,
    }


def write_report(analysis: Analysis, folder: Path) -> tuple[Path, ...]:
    """Writes summary.md, analysis.json, three tables and three figures; other files are kept.

    For a model without attributes only the table of bits and no figures are written, since
    everything else is about attributes.

    Args:
        analysis: The analysis.
        folder: Created if it does not exist.

    Returns:
        The files, the summary first.

    Raises:
        DualhashError: The extra `analysis` is not installed; nothing is written.
        DualhashError: The folder cannot be written.
    """
    numbers = json.dumps(as_json(analysis), indent=2, ensure_ascii=False, allow_nan=False)
    texts = {
        "summary.md": summarise(analysis),
        "analysis.json": numbers + "\n",
        "bits.csv": bit_table(analysis).write_csv(),
    }
    figures = {}
    if analysis.head.names:
        texts["attributes.csv"] = attribute_table(analysis).write_csv()
        texts["attributions.csv"] = attribution_table(analysis).write_csv()
        figures = {
            "bits.png": draw_bits(analysis.functionality),
            "alignment.png": draw_alignment(analysis.functionality),
            "attributions.png": draw_attributions(analysis),
        }
    for name, text in texts.items():
        write_whole(folder / name, text)
    for name, figure in figures.items():
        save(figure, folder / name)
    return tuple(folder / name for name in (*texts, *figures))
