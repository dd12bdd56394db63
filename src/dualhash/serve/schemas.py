"""Response models of the API that only the page reads; `search.remote` has the others."""

from typing import Literal

from dualhash.analysis.bit_attribution import CarriedAttribute
from dualhash.search.remote.item_messages import Item, Schema


class FacetValue(Schema):
    """An attribute of the model."""

    name: str
    """Name, as in requests."""
    label: str
    """Name within its facet."""
    present: int
    """Number of items that are predicted to have it."""


class Facet(Schema):
    """Attributes of one facet."""

    facet: str | None
    """Name of the facet; null for attributes without a facet."""
    attributes: list[FacetValue]
    """Attributes in the order of the model."""


class Attributes(Schema):
    """All attributes by facet, and all categories."""

    facets: list[Facet]
    """Attributes by facet."""
    categories: list[str]
    """Categories in the order of the model."""
    prefers_posterior: bool
    """Whether a query with wanted attributes is a search by posterior if no task is given."""


class FieldValue(Schema):
    """A value of a field."""

    value: str
    """The value as text, as `filter` compares it."""
    items: int
    """Number of items with this value, among those that were read."""


class FilterField(Schema):
    """A field that a search can filter by."""

    name: str
    """`category`, or a field of the payload."""
    values: list[FieldValue]
    """Common values, most common first."""
    complete: bool
    """Whether `values` are all values that were read."""


class Fields(Schema):
    """The fields of `filter`, with common values."""

    fields: list[FilterField]
    """`category` first, then payload fields by name."""
    items: int
    """Number of items that were read, spread over the index."""


class Stats(Schema):
    """Size and state of the index."""

    name: str
    """Name of the index file."""
    items: int
    """Number of items."""
    labelled: int
    """Number of items with a category label."""
    categories: int
    """Number of categories of the model."""
    attributes: int
    """Number of attributes of the model."""
    bits: int
    """Length of a code."""
    code_bytes: int
    """Size of all codes."""
    generation: int
    """Increases when the index file is replaced."""
    model: str
    """Hash of the model that made the codes."""
    images: bool
    """Whether uploaded images can be used as queries."""
    vector_length: int | None
    """Number of values of a vector, if the model takes vectors; null if it takes images."""
    problem: str | None
    """What is wrong with the index or its model, and how to fix it; null if nothing is."""


class Samples(Schema):
    """Items drawn at random."""

    items: list[Item]
    """Different items, in random order."""


class Bits(Schema):
    """The attributes that each bit contributes to."""

    bits: list[list[CarriedAttribute]]
    """For each bit, from bit 0, the attributes that it contributes most to, strongest first."""


class Health(Schema):
    """The server runs, or is ready."""

    status: Literal["ok"]
    """Always ok."""
