"""The OpenAPI description: problems of each address, and what FastAPI cannot derive."""

import json
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from dualhash.search.remote.messages import Search
from dualhash.serve.http.errors import KINDS, ProblemDetails

COMMON_PROBLEMS = (
    *("bad-request", "unknown-host", "token-needed", "too-many-requests"),
    *("unsupported-transfer-encoding", "busy", "index-unusable"),
)
"""Problems that every address can answer with."""

EXTRA = Path(__file__).with_name("openapi_extra.json")
"""Additions to the description in the form of OpenAPI: the body of a search, which is read by hand
to limit its size and time; examples of searches and responses; and which addresses need a token."""


def problems(*kinds: str) -> dict[int | str, dict[str, Any]]:
    """Describes the error responses of an address: these kinds and `COMMON_PROBLEMS`."""
    titles: dict[int, list[str]] = {}
    for kind in (*kinds, *COMMON_PROBLEMS):
        status, title = KINDS[kind]
        titles.setdefault(status, []).append(f"`{kind}`: {title}.")
    schema = {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}
    return {
        status: {
            "description": " ".join(sorted(set(sentences))),
            "content": {"application/problem+json": schema},
        }
        for status, sentences in sorted(titles.items())
    }


def complete_description(app: FastAPI) -> None:
    """Adds `EXTRA` and the schemas of hand-read and hand-written bodies to the description."""
    description = app.openapi()
    _merge(description, json.loads(EXTRA.read_text("utf-8")))
    for model in (Search, ProblemDetails):
        description["components"]["schemas"][model.__name__] = model.model_json_schema(
            ref_template="#/components/schemas/{model}"
        )


def _merge(target: dict[str, Any], extra: dict[str, Any]) -> None:
    for key, value in extra.items():
        if isinstance(value, dict) and key in target:
            _merge(target[key], value)
        else:
            target[key] = value
