"""The JSON of searches, of their responses and of a model over HTTP.

The server writes these messages (`of`) and the client reads them (`read`).
"""

from copy import copy
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, field_validator, model_validator
from pydantic.json_schema import SkipJsonSchema

from dualhash.catalogue.images import ImageLike
from dualhash.codes import linear_head
from dualhash.codes.calibration import Calibration
from dualhash.codes.linear_head import HEADS
from dualhash.search.remote.item_messages import Hit, Image, Schema, shared_fields
from dualhash.search.request import SearchRequest
from dualhash.search.result_verdict import Verdict
from dualhash.search.results import Results, Task
from dualhash.search.storage.header import Header
from dualhash.search.storage.reader import LAST_ID
from dualhash.search.too_few_results import Shortage

MOST_RESULTS = 200
"""The largest `k`."""

LAST_OFFSET = 10_000
"""The largest `offset`."""

LONGEST_VECTOR = 8_192
"""The largest number of values of a vector."""

QUERY_FIELDS = {"id", "code", "vector", "generation"}
"""Fields of a search that are no options."""

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Id = Annotated[int, Field(ge=0, le=LAST_ID)]


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
    k: int = _limited("k", le=MOST_RESULTS)
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
    """Number of leading bits that distances compare, the largest possible distance."""
    query: Image | None
    """The query; null for a search by attributes alone."""
    conditions: dict[str, bool]
    """Chosen attributes by name: true if wanted, false if unwanted."""
    thresholds: dict[str, float]
    """For combined: the probability from which an attribute counted as present, by name."""
    attribute_weight: float | None
    """Weight that was used, for weighted; null for other tasks."""
    category: str | None
    """The named category, for posterior; null if there is none."""
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

    def read(self, address: str, given: ImageLike | None) -> Results:
        """Returns the results; the arguments are those of `Image.read`."""
        changed = {
            "query": self.query and self.query.read(address, given),
            "hits": tuple(hit.read(address) for hit in self.hits),
        }
        return Results(**shared_fields(Results, self) | changed)


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

    @classmethod
    def of(cls, header: Header) -> Self:
        """Returns the properties that all codes of an index share."""
        heads = {_field(name): LinearHead(**getattr(header, name).as_dict()) for name in HEADS}
        return cls(
            **vars(header) | heads,
            model=header.model_hash,
            attribute_weight=header.calibration.attribute_weight,
        )

    def read(self) -> Header:
        """Returns them; the folder of the model is not known."""
        sent = {name: vars(getattr(self, _field(name))) for name in HEADS}
        heads = {
            name: linear_head.LinearHead.from_dict(head, self.bits) for name, head in sent.items()
        }
        values = shared_fields(Header, self) | heads
        return Header(**values, model_hash=self.model, model_folder=Path())


def _field(head: str) -> str:
    """The field of `Model` for one of `HEADS`."""
    return head.removesuffix("_head")
