"""SUN-120K: SUN397 and the SUN Attribute data set in one, scenes with 102 attributes.

Section 4.3.1 of the paper. Expected under ROOT, as the archives unpack:

- `SUN397/a/abbey/sun_….jpg` and so on (Xiao et al. 2010; 108,754 images, 397 categories);
- `SUNAttributeDB/images.mat`, `attributes.mat` and `attributeLabels_continuous.mat`, or these three
  files directly (Patterson et al. 2014; 14,340 images, 717 categories);
- `images/a/abbey/sun_….jpg`, the images of SUN Attribute that are not in SUN397. If the file of an
  image does not exist, its labels are kept.

How the two are joined:

- The category is the path between the letter and the file name: `abbey`, `bakery/shop`.
- Images with the same file name are one image, because SUN's file names are unique over all
  categories. Its category is that of SUN397.
- An attribute is present if at least half of the workers voted for it, 2 of 3. A single vote is
  unsure, and so absent, as for unsure labels in the paper's other data sets.
- Every image has a category. Images of SUN Attribute have attributes too and are train-both, all
  others are train-category. Categories of only one set stay in training.
- test: 10 images of each category that is in both sets, 395 according to the paper. It does not say
  which images, so they are drawn with a fixed seed and their names are written to
  `ROOT/sun120k-test.txt`. If that file exists, its names are used, so that a draw can be shared.
"""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dualhash.catalogue.catalogue import Catalogue, LabelNames, Subset
from dualhash.catalogue.datasets.dataset_catalogue import dataset_catalogue, find_images
from dualhash.catalogue.datasets.matlab import read_mat, strings
from dualhash.catalogue.problems import CatalogueProblem
from dualhash.errors import DualhashError
from dualhash.files import write_whole

SCENES, ATTRIBUTES, ATTRIBUTE_IMAGES = "SUN397", "SUNAttributeDB", "images"
DRAWN = "sun120k-test.txt"
SEED = 0
TEST_IMAGES = 10
SHARED_CATEGORIES = 395


def read(root: Path) -> Catalogue:
    """The joined data set from the folder that holds the unpacked archives.

    Raises:
        DualhashError: `SUN397/` or a label file does not exist or is wrong, or the file of test
            images names images that are not in the data set.
    """
    labelled_images, attribute_names, shares = _read_votes(
        root / ATTRIBUTES if (root / ATTRIBUTES).is_dir() else root
    )
    scenes = _scenes(root / SCENES)
    by_file = {_file_name(path): path for path in reversed(scenes)}
    labelled = {
        by_file.get(_file_name(path), path): row for row, path in enumerate(labelled_images)
    }
    repeated = len(scenes) - len(by_file) + len(labelled_images) - len(labelled)
    references = tuple(sorted({*by_file.values(), *labelled}))

    category_names, categories = np.unique(
        [category_of(path) for path in references], return_inverse=True
    )
    rows = np.array([labelled.get(path, -1) for path in references])
    observed = np.repeat(rows[:, None] >= 0, len(attribute_names), axis=1)
    attributes = (observed & (shares[rows] >= 0.5)).astype(np.int8)

    shared = {category_of(path) for path in scenes} & {
        category_of(path) for path in labelled_images
    }
    drawn, problems = _drawn(root / DRAWN, references, shared)
    subsets = np.where(rows >= 0, Subset.TRAIN_BOTH, Subset.TRAIN_CATEGORY).astype(np.int8)
    subsets[[path in drawn for path in references]] = Subset.TEST

    if repeated:
        message = f"{repeated:,} images are repeated and read once"
        problems.append(CatalogueProblem(str(root), message))
    if len(shared) != SHARED_CATEGORIES:
        message = (
            f"{len(shared)} categories are in both data sets, the paper has {SHARED_CATEGORIES}"
        )
        problems.append(CatalogueProblem(str(root), message))
    images, missing = find_images(
        root,
        [(f"{SCENES}/{reference}", f"{ATTRIBUTE_IMAGES}/{reference}") for reference in references],
    )
    return dataset_catalogue(
        f"sun120k:{root}",
        images,
        references,
        LabelNames(tuple(category_names.tolist()), attribute_names),
        categories=categories,
        attributes=attributes,
        observed=observed,
        subsets=subsets,
        problems=[*missing, *problems],
    )


def category_of(reference: str) -> str:
    """`bakery/shop` of `b/bakery/shop/sun_….jpg`."""
    return reference.partition("/")[2].rpartition("/")[0]


def _file_name(reference: str) -> str:
    return reference.rpartition("/")[2]


def _read_votes(folder: Path) -> tuple[tuple[str, ...], tuple[str, ...], NDArray[np.float64]]:
    """M images, p attribute names, and (M, p) shares of votes in [0, 1] of SUN Attribute."""
    labels = folder / "attributeLabels_continuous.mat"
    images, names = (
        strings(read_mat(folder / f"{part}.mat", [part])[part], f"{folder / part}.mat")
        for part in ("images", "attributes")
    )
    shares = read_mat(labels, ["labels_cv"])["labels_cv"].astype(np.float64)
    if shares.shape != (len(images), len(names)):
        raise DualhashError(
            f"{labels} has {shares.shape} labels, but there are {len(images):,} images and "
            f"{len(names)} attributes: are the three files of one release?"
        )
    return images, tuple(name.strip() for name in names), shares


def _scenes(folder: Path) -> list[str]:
    """The images of SUN397 as `a/abbey/sun_….jpg`, sorted."""
    images = folder.rglob("*.[jJ][pP][gG]")
    if names := sorted(image.relative_to(folder).as_posix() for image in images):
        return names
    raise DualhashError(f"{folder} has no images; unpack SUN397.tar.gz into {folder.parent}.")


def _drawn(
    path: Path, references: Sequence[str], shared: set[str]
) -> tuple[set[str], list[CatalogueProblem]]:
    """The names of the test images: those in the file, or a new draw, which is written to it."""
    if path.exists():
        drawn = set(path.read_text("utf-8").splitlines())
        unknown = sorted(drawn - set(references))
        if unknown:
            raise DualhashError(
                f"{path} names {len(unknown):,} images that are not in the data set, such as "
                f"{unknown[0]}. Complete the images, or delete the file to draw again."
            )
        return drawn, []
    rng = np.random.default_rng(SEED)
    drawn = set()
    for category, names in groupby(sorted(references, key=category_of), category_of):
        if category in shared:
            drawn |= set(rng.permutation(list(names))[:TEST_IMAGES].tolist())
    try:
        write_whole(path, "".join(f"{name}\n" for name in sorted(drawn)))
    except DualhashError as error:
        what = f"the names of the test images are not saved: {error}"
        return drawn, [CatalogueProblem(str(path), what)]
    return drawn, []
