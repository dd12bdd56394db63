"""What goes over the wire, typed."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from dualhash.analysis.verdict import Verdict
from dualhash.search.results import Task

LAST_ID = 2**63 - 2
"""The largest id that an item can have."""

LAST_OFFSET = 10_000
"""How many of the best can be skipped at most."""

Source = Literal["labelled", "predicted"]
Id = Annotated[int, Field(ge=0, le=LAST_ID)]
Names = list[str]


class Search(BaseModel):
    """What to search for.

    The query is an uploaded image, an indexed item (`id`), a `code`, or nothing where `want` and
    `without` say it all.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"id": 17},
                {"id": 17, "task": "combined", "want": ["colour=red"], "k": 40},
                {"task": "attribute", "want": ["colour=red"], "without": ["size=small"]},
            ]
        },
    )

    id: Id | None = Field(None, description="Item of the index that asks.")
    code: str | None = Field(
        None,
        pattern="^([0-9a-f]{2})+$",
        max_length=8192,
        description="Code that asks, in hexadecimal: that of an earlier query.",
    )
    task: Task | None = Field(
        None,
        description="What results are ranked by. Without it category for a query alone, attribute "
        "for attributes alone, and combined for a query and wanted or unwanted attributes.",
    )
    want: Names = Field([], max_length=100, description="Attributes that shall be present.")
    without: Names = Field([], max_length=100, description="Attributes that shall be absent.")
    match: Names = Field(
        [], max_length=100, description="Attributes that shall be as the query's code has them."
    )
    filter: dict[str, str | int | float | bool] = Field(
        {}, max_length=20, description="Only items with these values of category or payload fields."
    )
    ids: tuple[Id, Id] | None = Field(
        None, description="Only items with ids from the first to below the second."
    )
    radius: int | None = Field(
        None, ge=0, le=1 << 20, description="Only items at most so many bits away."
    )
    threshold: float = Field(
        0.5,
        gt=0,
        lt=1,
        description="For combined: the probability from which on an attribute counts as present.",
    )
    attribute_weight: float | None = Field(
        None,
        ge=0,
        le=1e6,
        description="For weighted: how many bits of distance a factor of e in probability "
        "is worth; by default the weight chosen for the model.",
    )
    k: int = Field(20, ge=1, le=200, description="How many results.")
    offset: int = Field(0, ge=0, le=LAST_OFFSET, description="How many of the best to skip.")
    generation: int | None = Field(
        None,
        ge=1,
        le=LAST_ID,
        description="Of the index that shall answer: that of an earlier answer, to go on from it.",
    )

    @model_validator(mode="after")
    def _one_query(self) -> Self:
        if self.id is not None and self.code is not None:
            raise ValueError("There is an id and a code; ask with one of them")
        return self


class Category(BaseModel):
    """Of which category an image is.

    Attributes:
        name: Its label, or what its code says where it has none.
        source: Where `name` comes from.
        predicted: What its code says.
        probability: Of what its code says, in [0, 1].
    """

    name: str | None
    source: Source
    predicted: str | None
    probability: float


class Attribute(BaseModel):
    """Whether an image has an attribute.

    Attributes:
        name: Of the attribute, such as colour=red.
        facet: What it is a value of, such as colour; None for one that stands alone.
        present: Its label, or whether its code says so where it has none.
        source: Where `present` comes from.
        probability: That it is present, by its code, in [0, 1].
    """

    name: str
    facet: str | None
    present: bool
    source: Source
    probability: float


class Image(BaseModel):
    """What is known of an image.

    Attributes:
        id: Of the item; None for an uploaded image.
        code: In hexadecimal, bit 0 first.
        category: Its category.
        attributes: All of them, in the order of the model.
        thumbnail: Address of its thumbnail; None for an uploaded image.
    """

    id: int | None
    code: str
    category: Category
    attributes: list[Attribute]
    thumbnail: str | None


class Item(Image):
    """An item of the index.

    Attributes:
        id: Never given to another item.
        file_name: Name of its image file, without folders.
        payload: What was kept with it.
        thumbnail: Address of its thumbnail.
    """

    id: int
    file_name: str
    payload: dict[str, Any]
    thumbnail: str


class Hit(BaseModel):
    """One result.

    Attributes:
        rank: 1 is best.
        id: Of the item.
        distance: Bits that differ from the query's; None without a query.
        differing: Those bits in hexadecimal, bit 0 first; None without a query.
        code: In hexadecimal, bit 0 first.
        score: Joint probability of the chosen attributes having the wanted values; None where none
            are chosen.
        category: Its category.
        probabilities: Of each chosen attribute being present, by name.
        labels: Attributes that it is labelled with, by name.
        verdict: Whether it is what the search asked for, by its labels; `verdicts` of the answer
            says what each means.
        file_name: Name of its image file, without folders.
        payload: What was kept with it.
        thumbnail: Address of its thumbnail.
    """

    rank: int
    id: int
    distance: int | None
    differing: str | None
    code: str
    score: float | None
    category: Category
    probabilities: dict[str, float]
    labels: dict[str, bool]
    verdict: Verdict
    file_name: str
    payload: dict[str, Any]
    thumbnail: str


class Shortage(BaseModel):
    """Which one wish excludes most, where fewer match than were asked for.

    Attributes:
        field: Where it stands in the request.
        wish: The attribute, the field of the filter, or the radius.
        matched_without: How many would match without it.
    """

    field: Literal["want", "without", "match", "filter", "radius"]
    wish: str
    matched_without: int


class Timings(BaseModel):
    """How long it took, in milliseconds.

    Attributes:
        decode: Unpacking the uploaded image.
        encode: Making its code.
        search: Searching and gathering results.
        total: All of it, waiting included, from when the request was complete.
    """

    decode: float = 0.0
    encode: float = 0.0
    search: float = 0.0
    total: float = 0.0


class Served(BaseModel):
    """Which index answered.

    Attributes:
        items: How many it holds.
        generation: Grows when another file takes the index's place.
    """

    items: int
    generation: int


class SearchAnswer(BaseModel):
    """The outcome of a search.

    Attributes:
        task: What results are ranked by.
        words: What was asked for, in words.
        bits: What distances are out of.
        query: What is known of the query; None where attributes alone define it.
        conditions: Whether each chosen attribute shall be present, by name.
        threshold: The probability from which on an attribute counted as present, for combined.
        attribute_weight: The weight that was used, for weighted; None for other tasks.
        matched: How many items match in all.
        verdicts: What each verdict that this search can give means.
        hits: Best first.
        next_offset: The `offset` that goes on from here; None at the end.
        shortage: Why there are fewer results than asked for; None where there are not.
        index: What was searched.
        timings: How long it took.
    """

    task: Task
    words: str
    bits: int
    query: Image | None
    conditions: dict[str, bool]
    threshold: float
    attribute_weight: float | None
    matched: int
    verdicts: dict[Verdict, str]
    hits: list[Hit]
    next_offset: int | None
    shortage: Shortage | None
    index: Served
    timings: Timings = Timings()


class FacetValue(BaseModel):
    """An attribute that can be asked for.

    Attributes:
        name: As in requests.
        label: Its name within its facet.
        present: How many items have it by their codes.
    """

    name: str
    label: str
    present: int


class Facet(BaseModel):
    """Attributes that belong together.

    Attributes:
        facet: What they are values of; None for those that stand alone.
        attributes: In the order of the model.
    """

    facet: str | None
    attributes: list[FacetValue]


class Attributes(BaseModel):
    """All attributes by facet, and all categories."""

    facets: list[Facet]
    categories: list[str]


class FieldValue(BaseModel):
    """A value of a field.

    Attributes:
        value: As text, in the form that `filter` compares.
        items: How many of the items that were read have it.
    """

    value: str
    items: int


class FilterField(BaseModel):
    """A field that a search can filter by.

    Attributes:
        name: `category`, or a field of the payload.
        values: The most common values, most common first.
        complete: Whether `values` are all values that were read.
    """

    name: str
    values: list[FieldValue]
    complete: bool


class Fields(BaseModel):
    """The fields of `filter`, with common values.

    Attributes:
        fields: `category` first, then the fields of payloads by name.
        items: How many items were read for the values, spread over the index.
    """

    fields: list[FilterField]
    items: int


class Stats(BaseModel):
    """What is served.

    Attributes:
        name: Of the index file.
        items: How many there are.
        labelled: How many have a category label.
        categories: How many the model knows.
        attributes: How many the model knows.
        bits: Length of a code.
        code_bytes: Size of all codes.
        generation: Grows when another file takes the index's place.
        model: Hash of the model that made the codes.
        images: Whether uploaded images can be searched with.
        problem: What is wrong with the index or its model, and the command that mends it.
    """

    name: str
    items: int
    labelled: int
    categories: int
    attributes: int
    bits: int
    code_bytes: int
    generation: int
    model: str
    images: bool
    problem: str | None


class Head(BaseModel):
    """A linear function that reads labels from codes.

    Attributes:
        names: Of the m labels.
        weight: (m, k) float32, little-endian, row after row, in base64.
        bias: (m,) float32, likewise.
    """

    names: list[str]
    weight: str
    bias: str


class Model(BaseModel):
    """What a program needs to read codes.

    Attributes:
        bits: k, the length of a code.
        views: Views of each image that made its code.
        model: Hash of the model that made the codes.
        attribute_weight: Weight chosen for the model in weighted searches; None if unknown.
        category: Reads categories.
        attribute: Reads attributes.
    """

    bits: int
    views: int
    model: str
    attribute_weight: float | None
    category: Head
    attribute: Head


class Samples(BaseModel):
    """Items to begin with, drawn at random."""

    items: list[Item]


class Carried(BaseModel):
    """An attribute that a bit has a part in.

    Attributes:
        name: Of the attribute.
        attribution: How much the bit speaks for it (above 0) or against it, in [-1, 1]; 1 or -1
            is the bit that says most about the attribute.
    """

    name: str
    attribution: float


class Bits(BaseModel):
    """Which attributes each bit carries.

    Attributes:
        bits: For each bit, from bit 0 on, the attributes it says most about, strongest first.
    """

    bits: list[list[Carried]]


class Health(BaseModel):
    """Whether the server is there, or ready."""

    status: Literal["ok"]
