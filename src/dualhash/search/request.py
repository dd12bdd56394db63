"""The options of a search: their names, types, limits, defaults and documentation."""

import re
import reprlib
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Self, TypedDict

import numpy as np
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from dualhash.errors import DualhashError, nearest
from dualhash.search.results import Task
from dualhash.search.storage.payload_columns import as_text

DEFAULT_ATTRIBUTE_WEIGHT = 4.0
"""The attribute weight if none was chosen for the model."""


class SearchRequest(BaseModel):
    """The options of a search; the query itself is separate.

    Every interface (Python, command line, HTTP, PostgreSQL, Milvus) takes them from here.

    Raises:
        pydantic.ValidationError: An option is unknown, has the wrong type or is out of range.
            `make_request` raises a DualhashError instead.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    task: Task | None = None
    """What results are ranked by: category (distance from the query), attribute (probability of
    the chosen attributes), combined (distance, among items that have the chosen attributes),
    weighted (distance and probability together) or posterior (probability of the query's category
    and the chosen attributes, and distance). By default weighted with an attribute weight,
    posterior with a category, category without attributes, attribute without wanted and unwanted
    attributes or without a query, else posterior if the model says that it finds more than
    combined, and combined otherwise or with a threshold, precision or radius."""
    category: str | None = None
    """For posterior, in place of a query: the category that results should have."""
    want: tuple[str, ...] = ()
    """Attributes that results must have."""
    without: tuple[str, ...] = ()
    """Attributes that results must not have."""
    match: tuple[str, ...] = ()
    """Attributes whose predicted value results must share with the query."""
    filter: dict[str, str] = {}
    """Only items with these values of category or of payload fields. All must match. A number
    matches however it is written."""
    ids: tuple[int, int] | None = None
    """Only items with ids from the first number to below the second."""
    radius: int | None = Field(None, ge=0, le=1 << 20)
    """Only items within this Hamming distance from the query, in bits."""
    threshold: float | None = Field(None, gt=0, lt=1)
    """For combined: the probability from which an attribute counts as present. By default each
    attribute has its own, at which as many images with it as without it are recognised."""
    precision: float | None = Field(None, gt=0, le=1)
    """For combined: the least share of the items that pass for an attribute and should be right, as
    measured on validation images when the model was trained. Replaces the threshold."""
    attribute_weight: float | None = Field(None, ge=0, le=1e6, allow_inf_nan=False)
    """For weighted: results are ranked by distance - weight * ln(probability), so a higher weight
    counts the attributes more. By default the weight chosen for the model."""
    k: int = Field(20, ge=1)
    """Number of results."""
    offset: int = Field(0, ge=0)
    """Number of best results to skip, to continue an earlier search."""
    threads: int | None = Field(None, ge=1)
    """Number of threads; one per core by default."""

    @field_validator("want", "without", "match", mode="before")
    @classmethod
    def _accept_names(cls, names: object, info: ValidationInfo) -> object:
        """Accepts one name from Python, and drops repeated names."""
        if isinstance(names, str):
            if info.mode == "json":
                raise ValueError("must be a list of names")
            return (names,)
        try:
            return tuple(dict.fromkeys(names))  # type: ignore[call-overload]
        except TypeError:
            return names

    @field_validator("filter", mode="before")
    @classmethod
    def _normalise_filter(cls, values: object, info: ValidationInfo) -> object:
        """Converts values to the text that is stored and compared."""
        if not isinstance(values, Mapping):
            return values
        for field, value in values.items():
            if not isinstance(field, str):
                raise ValueError("must have names of fields as keys")  # noqa: TRY004 - as above
            if info.mode == "json" and not isinstance(value, str | int | float):
                raise ValueError(f"must have a text or number for {field}")
        try:
            return {field: as_text(value) for field, value in values.items()}
        except TypeError as error:
            raise ValueError("must have plain values") from error

    @field_validator(
        "ids",
        "radius",
        "threshold",
        "precision",
        "attribute_weight",
        "k",
        "offset",
        "threads",
        mode="before",
    )
    @classmethod
    def _accept_numbers(cls, value: object) -> object:
        """Accepts numbers of numpy, but no text that pydantic would convert."""
        if isinstance(value, tuple | list):
            return tuple(map(cls._accept_numbers, value))
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, bool | str | bytes):
            raise ValueError("must be a number")  # noqa: TRY004 - pydantic reports it
        return value

    @field_validator("ids", mode="before")
    @classmethod
    def _accept_range(cls, value: object) -> object:
        if value is None or (isinstance(value, tuple | list) and len(value) == 2):
            return value
        raise ValueError("must be a range of two numbers, such as (3, 9) for the ids from 3 to 8")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.threshold is not None and self.precision is not None:
            raise ValueError("Give either a threshold or a precision, not both")
        if self.ids is not None and self.ids[0] > self.ids[1]:
            start, stop = self.ids
            raise ValueError(f"The ids {start}:{stop} end before they begin")
        for name, count in Counter([*self.want, *self.without, *self.match]).items():
            if count > 1:
                raise ValueError(
                    f"The attribute {name!r} is in several of want, without and match; choose one"
                )
        return self

    @property
    def last(self) -> int:
        """The rank of the last result."""
        return self.offset + self.k

    def task_for(self, *, query: bool, posterior: bool = False) -> Task:
        """Returns the task, which the other options imply if none is given.

        Args:
            query: Whether there is a query, or several.
            posterior: Whether to prefer posterior to combined; see `Header.prefers_posterior`.

        Raises:
            DualhashError: The options do not fit the task, or the task needs a query.
        """
        task = self.task or self._implied_task(query=query, posterior=posterior)
        attributes = (*self.want, *self.without, *self.match)
        if self.category is not None and (query or task != "posterior"):
            raise DualhashError(
                "The option `category` needs the task posterior, and takes the place of a query."
            )
        if task == "posterior" and not query and self.category is None:
            raise DualhashError(
                "The task posterior needs a query (an image, or an id as id:17), or a `category`."
            )
        if task in ("category", "weighted") and not query:
            raise DualhashError(f"The task {task} needs a query: an image, or an id as id:17.")
        if self.match and not query:
            raise DualhashError(
                "The option `match` needs a query. Use `want` and `without` to state values."
            )
        if task == "category" and attributes:
            raise DualhashError(
                "The task category takes no attributes. Use the task combined to rank items with "
                "chosen attributes by distance, or attribute to rank by the attributes alone."
            )
        if task not in ("category", "posterior") and not attributes:
            raise DualhashError(
                f"The task {task} needs at least one attribute in `want`, `without` or `match`."
            )
        if self.radius is not None and (task not in ("category", "combined") or not query):
            raise DualhashError(
                "The option `radius` needs a query, and the task category or combined."
            )
        for option in ("threshold", "precision"):
            if getattr(self, option) is not None and task != "combined":
                raise DualhashError(f"The option `{option}` needs the task combined.")
        if self.attribute_weight is not None and task != "weighted":
            raise DualhashError("The option `attribute_weight` needs the task weighted.")
        return task

    def _implied_task(self, *, query: bool, posterior: bool) -> Task:
        if self.attribute_weight is not None:
            return "weighted"
        if self.category is not None:
            return "posterior"
        if (self.want or self.without) and query:
            filtered = (self.threshold, self.precision, self.radius) != (None, None, None)
            return "posterior" if posterior and not filtered else "combined"
        if self.want or self.without:
            return "attribute"
        return "attribute" if self.match else "category"


class SearchOptions(TypedDict, total=False):
    """The options of a search for type checkers; `SearchRequest` documents and checks them."""

    task: Task | None
    category: str | None
    want: Iterable[str]
    without: Iterable[str]
    match: Iterable[str]
    filter: Mapping[str, Any]
    ids: tuple[int, int] | None
    radius: int | None
    threshold: float | None
    precision: float | None
    attribute_weight: float | None
    k: int
    offset: int
    threads: int | None


def make_request(options: SearchOptions) -> SearchRequest:
    """Returns the checked options.

    Raises:
        DualhashError: An option is unknown, has the wrong type or is out of range.
    """
    try:
        return SearchRequest.model_validate(options)
    except ValidationError as error:
        raise DualhashError(sentence(error.errors()[0], SearchRequest.model_fields)) from error


PLAINER = {
    "should be": "must be",
    "greater than or equal to": "at least",
    "less than or equal to": "at most",
    "a valid ": "a ",
    "a integer": "an integer",
    "tuple": "list",
    "array": "list",
    "dictionary": "mapping",
    "an object": "a mapping",
}
"""Words of pydantic's messages, and what errors say instead."""


def sentence(error: Mapping[str, Any], known: Iterable[str], kind: str = "option") -> str:
    """Describes what is wrong with an option or a setting.

    Args:
        error: One of the errors of a `ValidationError`, whose location begins with the option.
        known: The names of all options.
        kind: What messages call it.
    """
    message = error["msg"].removeprefix("Value error, ")
    if not error["loc"]:
        return f"{message}."
    name = str(error["loc"][0])
    if error["type"] == "extra_forbidden":
        return f"A search has no option `{name}`. {nearest(name, known)}"
    message = re.split(", (?:got|unable) ", message.removeprefix("Input "))[0]
    for words, plainer in PLAINER.items():
        message = message.replace(words, plainer)
    if not message.startswith("must"):
        message = f"is wrong ({message})"
    return f"The {kind} `{name}` {message}, not {reprlib.repr(error['input'])}."
