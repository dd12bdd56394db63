"""Request and response models of the API."""

from copy import copy
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic.json_schema import SkipJsonSchema

from dualhash.analysis.bit_attribution import CarriedAttribute
from dualhash.codes.calibration import Calibration
from dualhash.search.request import SearchRequest
from dualhash.search.result_verdict import Verdict
from dualhash.search.results import Task
from dualhash.search.storage.reader import LAST_ID
from dualhash.search.too_few_results import Shortage

LAST_OFFSET = 10_000
"""The largest `offset`."""

LONGEST_VECTOR = 8_192
"""The largest number of values of a vector."""

Source = Literal["labelled", "predicted"]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Id = Annotated[int, Field(ge=0, le=LAST_ID)]


class Schema(BaseModel):
    """A model whose fields are described by the strings below them."""

    model_config = ConfigDict(use_attribute_docstrings=True)


def _limited(name: str, **limits: int) -> Any:  # noqa: ANN401 - as pydantic's `Field`
    """Returns an option of `SearchRequest` with further limits."""
    option = copy(SearchRequest.model_fields[name])
    option.metadata = [*option.metadata, *Field(**limits).metadata]  # type: ignore[call-overload]
    return option


class Search(SearchRequest):
    """A search.

    The query is an uploaded image, an item (`id`), a `code` or a `vector`. A search for attributes
    alone needs no query.
    """

    id: Id | None = None
    """Item to search with."""
    code: str | None = Field(None, pattern="^([0-9a-f]{2})+$", max_length=8192)
    """Code to search with, in hexadecimal, as in `query.code` of a response."""
    vector: Annotated[list[Number], Field(max_length=LONGEST_VECTOR)] | None = None
    """Vector to search with, if the model takes vectors: as many numbers as it was trained on."""
    want: tuple[str, ...] = _limited("want", max_length=100)
    without: tuple[str, ...] = _limited("without", max_length=100)
    match: tuple[str, ...] = _limited("match", max_length=100)
    filter: dict[str, str | int | float | bool] = _limited(  # type: ignore[assignment]
        "filter", max_length=20
    )
    ids: tuple[Id, Id] | None = _limited("ids")
    k: int = _limited("k", le=200)
    offset: int = _limited("offset", le=LAST_OFFSET)
    threads: SkipJsonSchema[None] = Field(None, exclude=True)
    generation: Id | None = Field(None, ge=1)
    """Index that must answer: `index.generation` of an earlier response, to get its next page."""

    @field_validator("id", "generation", mode="before")
    @classmethod
    def _accept_ids(cls, value: object) -> object:
        return cls._accept_numbers(value)

    @model_validator(mode="after")
    def _one_query(self) -> Self:
        if sum(query is not None for query in (self.id, self.code, self.vector)) > 1:
            raise ValueError("Send an id, a code or a vector, not several")
        return self


class Category(Schema):
    """Category of an image."""

    name: str | None
    """The label, or the prediction if there is no label."""
    source: Source
    """Where `name` comes from."""
    predicted: str | None
    """The category that the code predicts."""
    probability: float
    """Probability of the predicted category, in [0, 1]."""


class Attribute(Schema):
    """Whether an image has an attribute."""

    name: str
    """Name, such as colour=red."""
    facet: str | None
    """Facet, such as colour; null for an attribute without a facet."""
    present: bool
    """The label, or the prediction if there is no label."""
    source: Source
    """Where `present` comes from."""
    probability: float
    """Predicted probability that the attribute is present, in [0, 1]."""


class Image(Schema):
    """An image with its labels and predictions."""

    id: int | None
    """Id of the item; null for an uploaded image or a code."""
    code: str
    """Code in hexadecimal, bit 0 first."""
    category: Category
    """Its category."""
    attributes: list[Attribute]
    """All attributes, in the order of the model."""
    thumbnail: str | None
    """Address of the thumbnail; null for an uploaded image or a code."""


class Item(Image):
    """An item of the index."""

    id: int
    """Id of the item; never used for another item."""
    file_name: str
    """Name of the image file, without folders."""
    payload: dict[str, Any]
    """Further values of the item."""
    thumbnail: str
    """Address of the thumbnail."""


class Hit(Schema):
    """One result."""

    rank: int
    """Place in the results; 1 is best."""
    id: int
    """Id of the item."""
    distance: int | None
    """Bits that differ from the query; null without a query."""
    differing: str | None
    """The bits that differ, in hexadecimal, bit 0 first; null without a query."""
    code: str
    """Code in hexadecimal, bit 0 first."""
    score: float | None
    """Joint probability that the chosen attributes are as wanted; null if none are chosen."""
    category: Category
    """Its category."""
    probabilities: dict[str, float]
    """Predicted probability of each chosen attribute, by name."""
    labels: dict[str, bool]
    """Labelled attributes by name."""
    verdict: Verdict
    """Whether the result is what the search asked for, judged by its labels. `verdicts` of the
    response explains the values."""
    file_name: str
    """Name of the image file, without folders."""
    payload: dict[str, Any]
    """Further values of the item."""
    thumbnail: str
    """Address of the thumbnail."""


class Timings(Schema):
    """Time spent, in milliseconds."""

    decode: float = 0.0
    """Decoding the uploaded image."""
    encode: float = 0.0
    """Computing its code."""
    search: float = 0.0
    """Searching and collecting results."""
    total: float = 0.0
    """From the complete request to the response, including time in queues."""


class ServedIndex(Schema):
    """The index that answered."""

    items: int
    """Number of items."""
    generation: int
    """Increases when the index file is replaced."""


class SearchResponse(Schema):
    """Results of a search."""

    task: Task
    """What results are ranked by."""
    words: str
    """The search in words."""
    bits: int
    """Length of a code, the largest possible distance."""
    query: Image | None
    """The query; null for a search by attributes alone."""
    conditions: dict[str, bool]
    """Chosen attributes by name: true if wanted, false if unwanted."""
    threshold: float
    """Probability from which an attribute counted as present, for combined."""
    attribute_weight: float | None
    """Weight that was used, for weighted; null for other tasks."""
    matched: int
    """Number of items that match."""
    verdicts: dict[Verdict, str]
    """What each verdict means in this search."""
    hits: list[Hit]
    """Results, best first."""
    next_offset: int | None
    """The `offset` of the next page; null on the last page."""
    shortage: Shortage | None
    """Why there are fewer results than asked for; null if there are enough."""
    index: ServedIndex
    """The index that answered."""
    timings: Timings = Timings()
    """Time spent."""


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


class LinearHead(Schema):
    """A linear function from codes to logits."""

    names: list[str]
    """Names of the m labels."""
    weight: str
    """(m, k) float32, little-endian, row by row, in base64."""
    bias: str
    """(m,) float32, little-endian, in base64."""


class Model(Schema):
    """What a program needs to read codes."""

    bits: int
    """Length k of a code."""
    views: int
    """Number of views of each image that were encoded and averaged."""
    model: str
    """Hash of the model that made the codes."""
    attribute_weight: float | None
    """Weight of attributes in weighted searches that was chosen for the model, or null."""
    calibration: Calibration
    """What was fitted on validation images: thresholds and constants of searches."""
    ranking_bits: int | None
    """Number of leading bits whose Hamming distance ranks; null for all."""
    category: LinearHead
    """Head for categories, as trained."""
    attribute: LinearHead
    """Head for attributes, as trained."""
    calibrated_category: LinearHead
    """Head for categories; the softmax of its scores gives probabilities."""
    calibrated_attribute: LinearHead
    """Head for attributes; the sigmoid of its scores gives probabilities."""


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
