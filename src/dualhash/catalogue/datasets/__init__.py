"""Known data sets, one per module; the registry is `DATASETS`.

In: the folder of a data set.
Out: its `Catalogue`, from a function `read(root)`.
May import: everything in `catalogue`, except `read_catalogue`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from dualhash.catalogue.catalogue import Catalogue
from dualhash.catalogue.datasets import fashion, openmoji, sun120k
from dualhash.catalogue.datasets.cfw60k import CFW60K
from dualhash.catalogue.datasets.imagenet150k import IMAGENET150K
from dualhash.catalogue.datasets.openmoji_rendering import default_cache
from dualhash.errors import DualhashError


@dataclass(frozen=True)
class Dataset:
    """One data set.

    Attributes:
        name: The name that users write.
        summary: One line: what it is, and what its folder must hold.
        read: Reads it from its folder.
        default_root: The folder if the user names none; None if the user must name it.
    """

    name: str
    summary: str
    read: Callable[[Path], Catalogue]
    default_root: Callable[[], Path] | None = None

    def load(self, root: Path | None) -> Catalogue:
        """The catalogue from `root`.

        Raises:
            DualhashError: `root` is needed and None, or its files do not exist or are wrong.
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
            "3,773 emoji drawings of OpenMoji, 64 categories, 14 attributes; needs no files",
            openmoji.read,
            default_root=default_cache,
        ),
        Dataset(
            "openmoji-coarse",
            "the same drawings in 9 categories; needs no files",
            partial(openmoji.read, coarse=True),
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
            CFW60K.read,
        ),
        Dataset(
            "imagenet150k",
            "150,000 images of 1,000 categories, 25 attributes; the folder holds dataset_info.mat",
            IMAGENET150K.read,
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
