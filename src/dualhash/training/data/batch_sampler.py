"""Batches of partly labelled images: class-aware (section 4.1; Shen et al. 2016) or shuffled."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dualhash.catalogue.catalogue import MISSING
from dualhash.training.config import TrainConfig

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class BatchPlan:
    """What the batches of a training are drawn from. Rows index the labels it was planned from.

    Attributes:
        attribute_pool: Rows of the attribute part, in the paper the train-attribute subset; of
            shuffled batches, which are nothing else, all that have a label.
        attribute_images: How many of them a batch has.
        category_pools: For each category with training images, its rows.
        categories_per_batch: Distinct categories in a batch.
        images_per_category: Images of each.
        labelled: (N, g) bool, one column for each group of attributes observed together and one
            for the category; a batch with room for them has a row that is True in each column.
        notes: Plain sentences on where the labels made this differ from the paper's batches.
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
        """Images a batch."""
        return self.attribute_images + self.categories_per_batch * self.images_per_category


def plan_batches(
    categories: NDArray[np.int64], observed: NDArray[np.bool_], config: TrainConfig
) -> BatchPlan:
    """Decides the make-up of batches from the labels that training may see.

    The paper's batch is 64 images of train-attribute and 16 categories x 4 images of the rest.
    Where the catalogue does not have them the plan is the nearest there is, with a note:
    too few images with attributes alone are joined by those with both labels; with fewer than 16
    categories each gives more images; without categories all are drawn for their attributes.
    With `shuffled_images` a batch is that many of all images that have a label.

    Args:
        categories: (N,) visible category indices, `MISSING` where hidden or not known.
        observed: (N, p) which attribute labels are visible.
        config: Sizes of the parts.
    """
    has_category, has_attribute = categories != MISSING, observed.any(axis=1)
    labelled = _label_groups(has_category, observed)
    notes = []
    if unused := int((~has_category & ~has_attribute).sum()):
        notes.append(f"{unused:,} training images have no label and are not trained on.")
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
                "theirs appear more than once in a batch."
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
                f"than the {attribute_images} of a batch: those with both labels join them."
            )
        attribute_pool = np.flatnonzero(has_attribute)
    return BatchPlan(
        attribute_pool,
        attribute_images,
        pools,
        per_batch,
        images_each,
        labelled,
        tuple(notes),
    )


def batches(plan: BatchPlan, generator: np.random.Generator) -> Iterator[Rows]:
    """Endless batches of `plan.size` rows, the attribute part first, then category by category.

    Categories, the images of each and the attribute pool are each gone through in shuffled
    passes: none comes again before all have come, and none twice in a batch where there are
    enough. The stream depends on the generator alone, so a resumed training skips what it had.
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
    """Items in shuffled passes."""

    def __init__(self, items: Rows, generator: np.random.Generator) -> None:
        self._items, self._generator = items, generator
        self._order, self._next = items[:0], 0

    def take(self, count: int) -> Rows:
        """The next `count`; what is already taken comes last in a pass begun on the way."""
        taken = self._order[self._next : self._next + count]
        self._next += len(taken)
        while len(taken) < count:
            order = self._generator.permutation(self._items)
            again = np.isin(order, taken)
            self._order = np.concatenate([order[~again], order[again]])
            self._next = min(count - len(taken), len(order))
            taken = np.concatenate([taken, self._order[: self._next]])
        return taken


def _label_groups(
    has_category: NDArray[np.bool_], observed: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Distinct non-empty columns of the masks of what is known, (N, g)."""
    known = np.column_stack([has_category, observed])
    distinct = {column.tobytes(): column for column in known.T if column.any()}
    return np.array(list(distinct.values()), dtype=bool).reshape(-1, len(has_category)).T


def _complete(
    batch: Rows, replaceable: int, labelled: NDArray[np.bool_], cycles: list[_Cycle]
) -> None:
    """Puts a row of every label the batch lacks in place of one that is not the last of its own.

    Only the first `replaceable` rows are replaced, in place.
    """
    for group in np.flatnonzero(~labelled[batch].any(axis=0)):
        known = labelled[batch]
        last_of_its_kind = (known & (known.sum(axis=0) == 1)).any(axis=1)
        spare = np.flatnonzero(~last_of_its_kind[:replaceable])
        if len(spare) and not known[:, group].any():
            batch[spare[-1]] = cycles[group].take(1)[0]
