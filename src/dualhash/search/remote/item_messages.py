"""The JSON of queries, items and results over HTTP.

The server writes these messages (`of`) and the client reads them (`read`).
"""

from dataclasses import fields
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from dualhash.catalogue.images import ImageLike
from dualhash.codes.calibration import Calibration
from dualhash.codes.model import Prediction
from dualhash.search import results
from dualhash.search.result_verdict import Verdict, verdict
from dualhash.search.results import CodedItem, ItemLabels, Query, Results

Source = Literal["labelled", "predicted"]


class Schema(BaseModel):
    """A model whose fields are described by the strings below them.

    The methods `of` return exactly its fields, as values of JSON; checks would take longer than
    the search.
    """

    model_config = ConfigDict(use_attribute_docstrings=True)


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

    @staticmethod
    def of(label: str | None, prediction: Prediction) -> dict[str, Any]:
        """Returns the category of an image with this label and prediction."""
        return {
            "name": prediction.category if label is None else label,
            "source": "predicted" if label is None else "labelled",
            "predicted": prediction.category,
            "probability": prediction.probability,
        }

    @property
    def label(self) -> str | None:
        """The label; None without one."""
        return self.name if self.source == "labelled" else None


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

    @staticmethod
    def of(
        image: Query | CodedItem,
        prediction: Prediction,
        calibration: Calibration,
        version: str,
    ) -> dict[str, Any]:
        """Returns a query or an item with what its code predicts.

        Args:
            image: The query or item.
            prediction: What the heads read from its code.
            calibration: Has the thresholds of the attributes.
            version: Version of the index, for the address of the thumbnail.
        """
        labels = image.labels.attributes
        values: dict[str, Any] = {
            "id": image.id,
            "code": image.code.tobytes().hex(),
            "category": Category.of(image.labels.category, prediction),
            "attributes": [
                {
                    "name": name,
                    "facet": facet_of(name),
                    "present": labels.get(name, probability >= calibration.balanced(name)),
                    "source": "labelled" if name in labels else "predicted",
                    "probability": probability,
                }
                for name, probability in prediction.attributes.items()
            ],
            "thumbnail": None if image.id is None else _thumbnail(image.id, version),
        }
        if isinstance(image, CodedItem):
            named = {"name": image.name, "file_name": image.file_name}
            values |= {**named, "payload": image.payload}
        return values

    def read(self, address: str, given: ImageLike | None) -> Query:
        """Returns the query of a search; `given` is its image, if the server has none."""
        labels = {each.name: each.present for each in self.attributes if each.source == "labelled"}
        return Query(
            code=_read_code(self.code),
            image=given if self.thumbnail is None else address + self.thumbnail,
            id=self.id,
            labels=ItemLabels(self.category.label, labels),
            prediction=Prediction(
                self.category.predicted,
                self.category.probability,
                {each.name: each.probability for each in self.attributes},
            ),
        )


class Item(Image):
    """An item of the index."""

    id: int
    """Id of the item; never used for another item."""
    name: str | None
    """Name or title in the payload; null if there is none."""
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
    """Joint probability that the chosen attributes are as wanted; null if none are chosen. For
    posterior, the log of a probability, by which results are ranked."""
    category_probability: float | None
    """For posterior: probability that it has the category of the query, or the named one; else
    null."""
    category: Category
    """Its category."""
    probabilities: dict[str, float]
    """Predicted probability of each chosen attribute, by name."""
    labels: dict[str, bool]
    """Labelled attributes by name."""
    verdict: Verdict
    """Whether the result is what the search asked for, judged by its labels. `verdicts` of the
    response explains the values."""
    name: str | None
    """Name or title in the payload; null if there is none."""
    file_name: str
    """Name of the image file, without folders."""
    payload: dict[str, Any]
    """Further values of the item."""
    thumbnail: str
    """Address of the thumbnail."""

    @staticmethod
    def of(
        found: Results, hit: results.Hit, prediction: Prediction, version: str
    ) -> dict[str, Any]:
        """Returns one of the results of a search; the arguments are those of `Image.of`."""
        query = found.query
        return {
            "rank": hit.rank,
            "id": hit.id,
            "distance": hit.distance,
            "differing": None if query is None else (hit.code ^ query.code).tobytes().hex(),
            "code": hit.code.tobytes().hex(),
            "score": hit.score,
            "category_probability": hit.category_probability,
            "category": Category.of(hit.labels.category, prediction),
            "probabilities": hit.probabilities,
            "labels": hit.labels.attributes,
            "verdict": verdict(found, hit),
            "name": hit.name,
            "file_name": hit.file_name,
            "payload": hit.payload,
            "thumbnail": _thumbnail(hit.id, version),
        }

    def read(self, address: str) -> results.Hit:
        """Returns the result; its image is the address of the thumbnail."""
        changed = {
            "image": address + self.thumbnail,
            "labels": ItemLabels(self.category.label, self.labels),
            "code": _read_code(self.code),
        }
        return results.Hit(**shared_fields(results.Hit, self) | changed)


def facet_of(attribute: str) -> str | None:
    """Returns `colour` of `colour=red`; None for an attribute without a facet."""
    facet, equals, _ = attribute.partition("=")
    return facet if equals else None


def shared_fields(kind: type[Any], message: BaseModel) -> dict[str, Any]:
    """Returns the fields of a dataclass that a message has under the same name."""
    names = [each.name for each in fields(kind) if each.name in type(message).model_fields]
    return {name: getattr(message, name) for name in names}


def _thumbnail(item: int, version: str) -> str:
    return f"/api/v1/items/{item}/thumbnail?v={version}"


def _read_code(text: str) -> NDArray[np.uint8]:
    return np.frombuffer(bytes.fromhex(text), np.uint8)
