"""Batches of partly labelled images: class-aware (section 4.1; Shen et al. 2016) or shuffled."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dualhash.catalogue.catalogue import MISSING
from dualhash.training.config import TrainConfig
from dualhash.training.data.training_labels import Rows


@dataclass(frozen=True)
class BatchPlan:
    """The composition of batches. Rows index the labels that it was planned from.

    Attributes:
        attribute_pool: Rows of the attribute part, in the paper the train-attribute subset. For
            shuffled batches, which consist of this part alone, all rows with a label.
        attribute_images: Images from that pool per batch.
        category_pools: For each category with training images, its rows.
        categories_per_batch: Distinct categories per batch.
        images_per_category: Images of each of these categories.
        labelled: (N, g) bool, a column for the category and one for each group of attributes whose
            labels are observed together. A large enough batch has a True in each column.
        notes: Sentences on differences from the paper's batches that the labels require.
    """

    attribute_pool: Rows
    attribute_images: int
    category_pools: tuple[Rows, ...]
    categories_per_batch: int
    images_per_category: int
    labelled: NDArray[np.bool_]
    notes: tuple[str, ...]

    @property
    def size(self) -> int:
        """Images per batch."""
        return self.attribute_images + self.categories_per_batch * self.images_per_category


def plan_batches(
    categories: NDArray[np.int64], observed: NDArray[np.bool_], config: TrainConfig
) -> BatchPlan:
    """Chooses the composition of batches for the visible labels.

    A batch of the paper has 64 images of train-attribute and 16 categories x 4 images of the other
    subsets. If the catalogue does not allow that, the plan is the nearest possible one, with a
    note: if too few images have only attributes, images with both kinds of label are added; with
    fewer than 16 categories, each contributes more images; without categories, all images come
    from the attribute part. With `shuffled_images`, a batch is drawn from all labelled images.

    Args:
        categories: (N,) visible category indices; `MISSING` if hidden or unknown.
        observed: (N, p), which attribute labels are visible.
        config: Sizes of the parts.
    """
    has_category, has_attribute = categories != MISSING, observed.any(axis=1)
    labelled = _label_groups(has_category, observed)
    notes = []
    if unused := int((~has_category & ~has_attribute).sum()):
        notes.append(f"{unused:,} training images have no label and are not used.")
    if config.shuffled_images:
        pool = np.flatnonzero(has_category | has_attribute)
        return BatchPlan(pool, config.shuffled_images, (), 0, 0, labelled, tuple(notes))

    pools = tuple(
        np.flatnonzero(categories == c) for c in np.unique(categories[categories != MISSING])
    )
    wanted = config.categories_per_batch * config.images_per_category
    per_batch, images_each = min(config.categories_per_batch, len(pools)), 0
    if pools:
        images_each = max(config.images_per_category, wanted // per_batch)
        if per_batch < config.categories_per_batch:
            notes.append(
                f"Only {per_batch} categories have training images: each batch has {images_each} "
                f"images of each of them instead of {config.categories_per_batch} categories."
            )
        if few := sum(len(pool) < images_each for pool in pools):
            notes.append(
                f"{few} of {len(pools)} categories have fewer than {images_each} training images: "
                "these images appear more than once in a batch."
            )
    else:
        notes.append("No training image has a category: codes are learned from attributes alone.")

    attribute_images = config.attribute_images + (0 if pools else wanted)
    attribute_pool = np.flatnonzero(has_attribute & ~has_category)
    if not has_attribute.any():
        attribute_images = 0
        notes.append("No training image has attributes: codes are learned from categories alone.")
    elif len(attribute_pool) < attribute_images:
        if pools:
            notes.append(
                f"{len(attribute_pool)} training images have attributes and no category, fewer "
                f"than the {attribute_images} of a batch: images with both labels are added."
            )
        attribute_pool = np.flatnonzero(has_attribute)
    return BatchPlan(
        attribute_pool, attribute_images, pools, per_batch, images_each, labelled, tuple(notes)
    )


def batches(plan: BatchPlan, generator: np.random.Generator) -> Iterator[Rows]:
    """Yields batches of `plan.size` rows without end: the attribute part, then each category.

    Categories, images of a category and the attribute pool are drawn in shuffled passes: none is
    drawn again before all were drawn, and none twice for one batch if there are enough. The
    stream depends on the generator alone, so a resumed training can skip completed batches.
    """
    attribute_cycle = _Cycle(plan.attribute_pool, generator)
    category_cycle = _Cycle(np.arange(len(plan.category_pools)), generator)
    image_cycles = [_Cycle(pool, generator) for pool in plan.category_pools]
    label_cycles = [_Cycle(np.flatnonzero(column), generator) for column in plan.labelled.T]
    while True:
        parts = [attribute_cycle.take(plan.attribute_images)]
        for category in category_cycle.take(plan.categories_per_batch):
            parts.append(image_cycles[category].take(plan.images_per_category))
        batch = np.concatenate(parts)
        _complete(batch, plan.attribute_images, plan.labelled, label_cycles)
        yield batch


class _Cycle:
    """Draws items in shuffled passes."""

    def __init__(self, items: Rows, generator: np.random.Generator) -> None:
        self._items, self._generator = items, generator
        self._order, self._next = items[:0], 0

    def take(self, count: int) -> Rows:
        """Returns the next `count`; items already taken come last in a pass begun meanwhile."""
        taken = self._order[self._next : self._next + count]
        self._next += len(taken)
        while len(taken) < count:
            order = self._generator.permutation(self._items)
            repeated = np.isin(order, taken)
            self._order = np.concatenate([order[~repeated], order[repeated]])
            self._next = min(count - len(taken), len(order))
            taken = np.concatenate([taken, self._order[: self._next]])
        return taken


def _label_groups(
    has_category: NDArray[np.bool_], observed: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Returns the distinct non-empty columns of the masks of observed labels, (N, g)."""
    known = np.column_stack([has_category, observed])
    distinct = {column.tobytes(): column for column in known.T if column.any()}
    return np.array(list(distinct.values()), dtype=bool).reshape(-1, len(has_category)).T


def _complete(
    batch: Rows, replaceable: int, labelled: NDArray[np.bool_], cycles: list[_Cycle]
) -> None:
    """Adds a row for each kind of label that a batch has none of, in place.

    It replaces one of the first `replaceable` rows, none that is the last of its own kind.
    """
    for group in np.flatnonzero(~labelled[batch].any(axis=0)):
        known = labelled[batch]
        last_of_its_kind = (known & (known.sum(axis=0) == 1)).any(axis=1)
        spare = np.flatnonzero(~last_of_its_kind[:replaceable])
        if len(spare) and not known[:, group].any():
            batch[spare[-1]] = cycles[group].take(1)[0]
