"""A million embeddings to an index: time and memory of learning a head and of indexing."""

from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.child_process import run_dualhash
from benchmarks.features.steps import Figures

KINDS = ("float16", "float32")
ROWS = 1_000_000
LENGTH = 768
LABELLED = 100_000
"""Rows with labels, the first ones; the others are only indexed, as in most collections."""

CATEGORIES, ATTRIBUTES = 200, 16
BLOCK = 50_000
BITS = 256


def measure_embeddings(
    folder: Path, kind: str, rows: int = ROWS, options: tuple[str, ...] = ()
) -> Figures:
    """Learns a head and creates an index, each in a process of its own.

    Args:
        folder: Where the embeddings, the model and the index are written; the embeddings are
            removed at the end.
        kind: Number format of the embeddings, "float16" or "float32".
        rows: N.
        options: Further options of `dualhash train`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    vectors, table = folder / "embeddings.npy", folder / "table.csv"
    make_embeddings(vectors, table, kind, rows)
    size = vectors.stat().st_size
    attributes = ",".join(f"attribute-{i}" for i in range(ATTRIBUTES))
    model, index = folder / "model", folder / "index.dhx"
    learned = run_dualhash(
        [
            *("train", str(table), "--features", str(vectors)),
            *("--category-column", "category", "--attribute-columns", attributes),
            *("--subset-column", "subset", "--bits", str(BITS), *options),
            *("--out", str(model), "--replace"),
        ]
    )
    indexed = run_dualhash(
        [
            *("index", "create", str(model), str(table), "--features", str(vectors)),
            *("--out", str(index), "--replace"),
        ]
    )
    vectors.unlink()
    peaks = [ran.peak_megabytes for ran in (learned, indexed) if ran.peak_megabytes is not None]
    return {
        "rows": rows,
        "labelled": min(rows, LABELLED),
        "length": LENGTH,
        "embeddings_mb": round(size / 1e6),
        "learning_seconds": round(learned.seconds, 1),
        "learning_peak_mb": learned.peak_megabytes,
        "learning_peak_own_mb": learned.peak_own_megabytes,
        "indexing_seconds": round(indexed.seconds, 1),
        "indexing_peak_mb": indexed.peak_megabytes,
        "indexing_peak_own_mb": indexed.peak_own_megabytes,
        "peak_mb": max(peaks, default=None),
    }


def make_embeddings(vectors: Path, table: Path, kind: str, rows: int) -> None:
    """Writes made-up embeddings block by block, and a table with their labels.

    An embedding is the centre of its category, plus a direction for each attribute that is
    present, plus Gaussian noise as long as the two together.

    Args:
        vectors: The file to write, (rows, LENGTH) of `kind`.
        table: The file to write, with the columns id, category, attribute-0, … and subset.
        kind: "float16" or "float32".
        rows: N.
    """
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((CATEGORIES, LENGTH), np.float32)
    directions = rng.standard_normal((ATTRIBUTES, LENGTH), np.float32) / 2
    categories = rng.integers(0, CATEGORIES, rows)
    present = rng.random((rows, ATTRIBUTES)) < 0.3
    file = np.lib.format.open_memmap(vectors, "w+", np.dtype(kind), (rows, LENGTH))
    for start in range(0, rows, BLOCK):
        block = slice(start, min(start + BLOCK, rows))
        clean = centres[categories[block]] + present[block].astype(np.float32) @ directions
        noise = rng.standard_normal(clean.shape, np.float32) * clean.std()
        file[block] = clean + noise
    file.flush()
    labelled = np.arange(rows) < LABELLED
    pl.DataFrame(
        {
            "id": np.arange(rows),
            "category": pl.Series(categories).cast(pl.String),
            **{f"attribute-{i}": present[:, i].astype(np.int8) for i in range(ATTRIBUTES)},
            "subset": pl.select(
                pl.when(pl.Series(labelled)).then(pl.lit("train-both"))
            ).to_series(),
        }
    ).write_csv(table)
