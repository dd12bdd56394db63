"""The description of a model: `model.json`."""

import json
from hashlib import sha256
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from dualhash.catalogue.catalogue import LabelNames
from dualhash.catalogue.columns import Columns
from dualhash.catalogue.images import Preprocessing
from dualhash.codes.calibration import Calibration

FORMAT = 3
"""The newest format of model folders that this version reads, and the one it writes."""


class ModelCard(BaseModel):
    """What a model is, what it was trained on, and how; saved as `model.json`.

    Attributes:
        format: Version of the folder's format.
        method: Name of the training method; "dph" is the method of the paper.
        bits: k, the length of a code.
        category_names: C names, in the order of the category head's rows.
        attribute_names: p names, in the order of the attribute head's rows.
        attribute_units: For each attribute, the unit of the hash layer that is its probability;
            empty if attributes are read from all units together.
        columns: How the training table was read.
        source: The catalogue trained on, as the user named it.
        preprocessing: How an image becomes the encoder's input; None if the encoder takes vectors.
        vector_length: Length of the vectors that the encoder takes; None if it takes images.
        backbone: Name of the backbone.
        config: The training configuration, complete.
        seed: Seed of all random generators of the training.
        label_hash: `Catalogue.label_hash` of the catalogue trained on.
        versions: Versions of the libraries used for training, by name.
        calibration: What was fitted on validation images after training.
        ranking_bits: Number of leading bits, a multiple of 8 below `bits`, whose Hamming distance
            ranks; None for all.
        training: Seconds, epochs, counts and validation figures.
        files: SHA-256 (hex) of the other files in the folder, by name; set when it is written.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = FORMAT
    method: str = "dph"
    bits: int = Field(ge=8, multiple_of=8)
    category_names: tuple[str, ...]
    attribute_names: tuple[str, ...]
    attribute_units: tuple[int, ...] = ()
    columns: Columns
    source: str
    preprocessing: Preprocessing | None = None
    vector_length: int | None = Field(default=None, ge=1)
    backbone: str
    config: dict[str, Any]
    seed: int
    label_hash: str
    versions: dict[str, str]
    calibration: Calibration = Calibration()
    ranking_bits: int | None = Field(default=None, ge=8, multiple_of=8)
    training: dict[str, Any] = {}
    files: dict[str, str] = {}

    @field_validator("columns", mode="before")
    @classmethod
    def _without_missing_values(cls, columns: object) -> object:
        """Cards of older versions: only empty cells were missing in their tables."""
        return {"missing_values": (), **columns} if isinstance(columns, dict) else columns

    @model_validator(mode="after")
    def _one_input(self) -> Self:
        if (self.preprocessing is None) == (self.vector_length is None):
            raise ValueError("it needs either preprocessing or vector_length")
        return self

    @model_validator(mode="after")
    def _some_bits_rank(self) -> Self:
        if self.ranking_bits is not None and self.ranking_bits >= self.bits:
            raise ValueError("ranking_bits must be less than bits, or null for all")
        return self

    @property
    def names(self) -> LabelNames:
        """The labels of the model, to read another catalogue with the same indices."""
        return LabelNames(self.category_names, self.attribute_names)

    @property
    def model_hash(self) -> str:
        """SHA-256 (hex) of everything that codes and predictions depend on.

        These are the other files in the folder, the bits, the preprocessing and the names, but
        not the details of the training.
        """
        decisive = {"files", "bits", "preprocessing", "category_names", "attribute_names"}
        content = self.model_dump(mode="json", include=decisive)
        return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
