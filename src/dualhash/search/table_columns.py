"""Columns of tables of items: labels, payload, and the results of a search."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from dualhash.search.results import ItemLabels, Results

LARGEST_INTEGER = 2**63 - 1


def results_table(results: Results) -> pl.DataFrame:
    """Returns one row per hit; `Results.to_polars` lists the columns."""
    hits = results.hits
    labels = [hit.labels for hit in hits]
    known = list(dict.fromkeys(name for each in labels for name in each.attributes))
    return pl.DataFrame(
        [
            pl.Series("rank", [hit.rank for hit in hits], pl.Int64),
            pl.Series("id", [hit.id for hit in hits], pl.Int64),
            pl.Series("distance", [hit.distance for hit in hits], pl.Int64),
            pl.Series("score", [hit.score for hit in hits], pl.Float64),
            *(
                [pl.Series("category_probability", [hit.category_probability for hit in hits])]
                if results.task == "posterior"
                else []
            ),
            pl.Series("image", [hit.image for hit in hits], pl.String),
            *label_columns(labels, known),
            *(
                pl.Series(
                    f"probability.{name}", [hit.probabilities[name] for hit in hits], pl.Float64
                )
                for name in results.conditions
            ),
            *payload_columns([hit.payload for hit in hits]),
        ]
    )


def label_columns(labels: Sequence[ItemLabels], attributes: Sequence[str]) -> list[pl.Series]:
    """Returns `category`, and `attribute.NAME` for each of the attributes; null where missing."""
    return [
        pl.Series("category", [each.category for each in labels], pl.String),
        *(
            pl.Series(
                f"attribute.{name}", [each.attributes.get(name) for each in labels], pl.Boolean
            )
            for name in attributes
        ),
    ]


def payload_columns(payloads: Sequence[Mapping[str, Any]]) -> list[pl.Series]:
    """Returns `payload.FIELD` for every field, sorted: numbers, booleans or text.

    Other or mixed values become JSON text.
    """
    fields = sorted({field for payload in payloads for field in payload})
    return [
        _column(f"payload.{field}", [payload.get(field) for payload in payloads])
        for field in fields
    ]


def _column(name: str, values: list[Any]) -> pl.Series:
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return pl.Series(name, values, pl.Boolean)
    if kinds == {int} and all(abs(value or 0) <= LARGEST_INTEGER for value in values):
        return pl.Series(name, values, pl.Int64)
    if kinds and kinds <= {int, float}:
        return pl.Series(name, [None if v is None else float(v) for v in values], pl.Float64)
    texts = [
        value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for value in values
    ]
    return pl.Series(name, texts, pl.String)
