"""The label file that the paper's authors released for each of their two data sets.

`dataset_info.mat` holds, for `train` and `test`, the image names, category labels and attribute
labels. The values found in the files:

- category: 0..C-1; every image of train-attribute has one constant, 999 in CFW-60K (C = 500) and
  2000 in ImageNet-150K (C = 1000). It is not the true category, which is missing here.
- attribute: 1 present; -1 negative and 0 unsure, both absent; 2 missing, for every image of
  train-category.
- training images stand in the order train-both, train-attribute, train-category.

Source: the README of the released code; Section 4.1 and Figure 7 of the paper.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dualhash.catalogue.catalogue import MISSING, Catalogue, LabelNames, Subset
from dualhash.catalogue.datasets.dataset_catalogue import dataset_catalogue, find_images
from dualhash.catalogue.datasets.matlab import read_mat, strings
from dualhash.errors import DualhashError

FILE = "dataset_info.mat"
PARTS = ("train", "test")
PRESENT, MISSING_ATTRIBUTE = 1, 2
CODES = (-1, 0, PRESENT, MISSING_ATTRIBUTE)


@dataclass(frozen=True)
class Release:
    """What one `dataset_info.mat` must hold, and where its images may be.

    Attributes:
        name: The name of the data set.
        categories: C.
        partition: Number of images in each `Subset`.
        train_places: Where a training image `{name}` may be under the folder, first choice first.
        test_places: The same for a test image; `{category}` is the name of its category.
        attributes: The p attribute names; None reads them from the variable `info`.
    """

    name: str
    categories: int
    partition: tuple[int, int, int, int]
    train_places: tuple[str, ...]
    test_places: tuple[str, ...]
    attributes: tuple[str, ...] | None = None

    def read(self, root: Path) -> Catalogue:
        """The catalogue of the data set from `root/dataset_info.mat`, with or without its images.

        Categories are named after the folder of their training images. Images that do not exist
        are one problem, and their labels are kept.

        Raises:
            DualhashError: The file does not exist, is damaged, or belongs to another data set.
        """
        path = root / FILE
        variables = [f"{kind}_{part}" for kind in ("name", "label", "attribute") for part in PARTS]
        if self.attributes is None:
            variables.append("info")
        data = read_mat(path, variables)
        train, test = (strings(data[f"name_{part}"], f"{path}, name_{part},") for part in PARTS)
        attributes = self.attributes or strings(data["info"], f"{path}, info,")
        labels = np.concatenate([data[f"label_{part}"].ravel() for part in PARTS]).astype(np.int64)
        codes = np.concatenate([data[f"attribute_{part}"] for part in PARTS])
        self._check_images(path, len(train), len(test))
        _check_labels(path, labels, codes, (len(train + test), len(attributes)))

        categories = np.where(labels < self.categories, labels, MISSING)
        category_names = _category_names(path, train, categories, self.categories)
        places = [self.train_places] * len(train) + [self.test_places] * len(test)
        candidates = [
            [place.format(name=name, category=category_names[category]) for place in of_image]
            for name, category, of_image in zip(train + test, categories, places, strict=True)
        ]
        images, problems = find_images(root, candidates)
        return dataset_catalogue(
            f"{self.name}:{root}",
            images,
            train + test,
            LabelNames(category_names, attributes),
            categories=categories,
            attributes=(codes == PRESENT).astype(np.int8),
            observed=codes != MISSING_ATTRIBUTE,
            subsets=np.repeat(np.array(Subset, np.int8), self.partition),
            problems=problems,
        )

    def _check_images(self, path: Path, train: int, test: int) -> None:
        expected_train, expected_test = sum(self.partition[:3]), self.partition[3]
        if (train, test) != (expected_train, expected_test):
            raise DualhashError(
                f"{path} names {train:,} training and {test:,} test images, {self.name} has "
                f"{expected_train:,} and {expected_test:,}: is this the right file?"
            )


def _check_labels(
    path: Path, labels: NDArray[np.int64], codes: NDArray[np.generic], shape: tuple[int, int]
) -> None:
    if labels.shape != shape[:1] or codes.shape != shape:
        raise DualhashError(
            f"{path} does not hold one category label and {shape[1]} attribute labels for "
            "each image: is this the right file?"
        )
    unknown = np.setdiff1d(codes, CODES)
    if unknown.size:
        raise DualhashError(
            f"{path} has the attribute label {unknown[0]}; known are -1, 0 (both absent), "
            "1 (present) and 2 (missing)."
        )


def _category_names(
    path: Path, names: tuple[str, ...], categories: NDArray[np.int64], count: int
) -> tuple[str, ...]:
    folders = {
        category: name.rpartition("/")[0]
        for name, category in zip(names, categories.tolist(), strict=False)
    }
    nameless = [category for category in range(count) if not folders.get(category)]
    if nameless:
        raise DualhashError(f"{path} has no training image in a folder for category {nameless[0]}.")
    return tuple(folders[category] for category in range(count))
