"""The data sets that are known by name, one loader a module."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from dualhash.catalogue.catalogue import Catalogue
from dualhash.catalogue.datasets import cfw60k, fashion, imagenet150k, openmoji, sun120k
from dualhash.catalogue.datasets.openmoji_drawings import default_cache
from dualhash.errors import DualhashError


@dataclass(frozen=True)
class Dataset:
    """One data set.

    Attributes:
        name: What users call it.
        summary: One line on what it is and what its folder holds.
        read: Reads it from a folder.
        default_root: The folder if the user names none; None for a set whose files the user has.
    """

    name: str
    summary: str
    read: Callable[[Path], Catalogue]
    default_root: Callable[[], Path] | None = None

    @property
    def needs_root(self) -> bool:
        """Whether the user must say where the files are."""
        return self.default_root is None

    def load(self, root: Path | None) -> Catalogue:
        """The catalogue from `root`.

        Raises:
            DualhashError: No folder where one is needed, or its files are missing or wrong.
        """
        if root is not None:
            return replace(self.read(root), source=f"{self.name}:{root}")
        if self.default_root is None:
            raise DualhashError(
                f"{self.name} needs the folder of its files: {self.name}:FOLDER ({self.summary})."
            )
        return replace(self.read(self.default_root()), source=self.name)


DATASETS = {
    dataset.name: dataset
    for dataset in (
        Dataset(
            "openmoji",
            "3,773 emoji drawings of OpenMoji, 9 categories, 14 attributes; needs no files",
            openmoji.read,
            default_root=default_cache,
        ),
        Dataset(
            "fashion",
            "33,756 product photos, 73 categories, 32 attributes; the folder holds products.csv",
            fashion.read,
        ),
        Dataset(
            "cfw60k",
            "60,000 faces of 500 people, 14 attributes; the folder holds dataset_info.mat",
            cfw60k.read,
        ),
        Dataset(
            "imagenet150k",
            "150,000 images of 1,000 categories, 25 attributes; the folder holds dataset_info.mat",
            imagenet150k.read,
        ),
        Dataset(
            "sun120k",
            "120,000 scenes of SUN397 and SUN Attribute, 102 attributes; the folder holds SUN397/ "
            "and SUNAttributeDB/",
            sun120k.read,
        ),
    )
}
"""Every data set by name."""
