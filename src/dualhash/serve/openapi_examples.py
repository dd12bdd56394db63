"""Answers as the description of the API shows them."""

from typing import Any

_CATEGORY = {
    "name": "Shirts",
    "source": "labelled",
    "predicted": "Shirts",
    "probability": 0.93,
}
_IMAGE = {
    "id": 17,
    "code": "f563",
    "category": _CATEGORY,
    "attributes": [
        {
            "name": "colour=red",
            "facet": "colour",
            "present": False,
            "source": "predicted",
            "probability": 0.02,
        }
    ],
    "thumbnail": "/api/v1/items/17/thumbnail?v=3f9c0d6a41be7752",
}
_HIT = {
    "rank": 1,
    "id": 20,
    "distance": 2,
    "differing": "1020",
    "code": "e543",
    "score": 0.81,
    "category": _CATEGORY,
    "probabilities": {"colour=red": 0.81},
    "labels": {"colour=red": True},
    "verdict": "right",
    "file_name": "checked-shirt.jpg",
    "payload": {"name": "Checked shirt"},
    "thumbnail": "/api/v1/items/20/thumbnail?v=3f9c0d6a41be7752",
}

_ANSWER = {
    "task": "combined",
    "words": "Same kind, but colour=red",
    "bits": 16,
    "query": _IMAGE,
    "conditions": {"colour=red": True},
    "threshold": 0.5,
    "attribute_weight": None,
    "matched": 134,
    "verdicts": {
        "right": "category and attributes as wanted",
        "half": "only one of the two",
        "wrong": "neither of the two",
        "unknown": "a label is missing",
    },
    "hits": [_HIT],
    "next_offset": 1,
    "shortage": None,
    "index": {"items": 33756, "generation": 1},
    "timings": {"decode": 0.0, "encode": 0.0, "search": 2.1, "total": 2.3},
}
_ITEM = {**_IMAGE, "file_name": "plain-shirt.jpg", "payload": {"name": "Plain shirt"}}
_ATTRIBUTES = {
    "facets": [
        {
            "facet": "colour",
            "attributes": [{"name": "colour=red", "label": "red", "present": 1209}],
        },
        {"facet": None, "attributes": [{"name": "shiny", "label": "shiny", "present": 87}]},
    ],
    "categories": ["Shirts"],
}
_FIELDS = {
    "fields": [
        {"name": "category", "values": [{"value": "Shirts", "items": 3217}], "complete": False},
        {"name": "season", "values": [{"value": "Summer", "items": 20000}], "complete": True},
    ],
    "items": 20000,
}
_STATS = {
    "name": "products.dhx",
    "items": 33756,
    "labelled": 20756,
    "categories": 73,
    "attributes": 30,
    "bits": 16,
    "code_bytes": 67512,
    "generation": 1,
    "model": "46b0",
    "images": True,
    "problem": None,
}
ANSWERS: dict[tuple[str, str], dict[str, Any]] = {
    ("post", "/api/v1/search"): _ANSWER,
    ("get", "/api/v1/items/{number}"): _ITEM,
    ("get", "/api/v1/attributes"): _ATTRIBUTES,
    ("get", "/api/v1/fields"): _FIELDS,
    ("get", "/api/v1/stats"): _STATS,
}
"""By method and route."""

UPLOAD: dict[str, Any] = {
    "image": "(content of a JPEG, PNG, WebP or GIF file)",
    "search": {"task": "combined", "want": ["colour=red"], "k": 10},
}
