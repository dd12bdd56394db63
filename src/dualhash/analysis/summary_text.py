"""An analysis in words: a page that says what the numbers show and what they do not."""

from math import isnan
from statistics import median

from dualhash.analysis.analyse import Analysis
from dualhash.analysis.bit_functionality import AttributeFunctionality
from dualhash.analysis.correlation import Correlation
from dualhash.analysis.csv_tables import STRONGEST, best_correlations, half_weight

EXTREMES = 5
"""Attributes at either end that are listed."""


def summarise(analysis: Analysis) -> str:
    """The page, in Markdown."""
    return (
        "\n\n".join(
            (
                "# What the bits say",
                _judged_on(analysis),
                "## What the numbers show",
                _categories(analysis),
                *(_of_attributes(analysis) if analysis.head.names else (NO_ATTRIBUTES,)),
                "## What they do not show",
                _limits(analysis),
                "## The files",
                FILES if analysis.head.names else FILES_WITHOUT_ATTRIBUTES,
            )
        ).rstrip("\n")
        + "\n"
    )


NO_ATTRIBUTES = "The model tells no attributes, so nothing is said of them."

FILES = """\
- `bits.png`, `bits.csv`: each bit by its two kinds of information (figure 10 of Liu et al. 2020).
- `alignment.png`, `attributes.csv`: each attribute by its alignment with the categories and by
  where it is kept (figure 11).
- `attributions.png`, `attributions.csv`: the weight of every bit in every attribute.
- `analysis.json`: the numbers of figures 10 and 11, and what they were made from."""

FILES_WITHOUT_ATTRIBUTES = """\
- `bits.csv`: each bit by its category information.
- `analysis.json`: the same numbers, and what they were made from."""


def _judged_on(analysis: Analysis) -> str:
    found = analysis.functionality
    left_out = [
        f"{count:,} {why}"
        for count, why in (
            (found.images_without_category, "have no category and take no part"),
            (len(analysis.failures), "cannot be read"),
        )
        if count
    ]
    further = f" Of the others {' and '.join(left_out)}." if left_out else ""
    attributes = f" and with {len(found.attributes)} attributes" if found.attributes else ""
    return (
        f"Codes of {len(found.ones)} bits of the model {analysis.hashes['model'][:12]}, on "
        f"{found.images:,} test images of {analysis.source}, which training did not see, in "
        f"{found.categories} categories{attributes}.{further}"
    )


def _categories(analysis: Analysis) -> str:
    found = analysis.functionality
    category = found.category_information
    best, worst = category.index(max(category)), category.index(min(category))
    constant = sum(share in (0, 1) for share in found.ones)
    changing = f"{constant} bits never change." if constant else "No bit is the same in all images."
    return (
        "**Bits and categories.** The category information of a bit is how much more often it "
        "differs between two images of different categories than between two of one: 1 at most, "
        f"0 where it knows nothing. It goes from {category[worst]:.2f} (bit {worst}) to "
        f"{category[best]:.2f} (bit {best}), median {median(category):.2f}. {changing}"
    )


def _of_attributes(analysis: Analysis) -> tuple[str, ...]:
    return _bits(analysis), _attributes(analysis), _extremes(analysis), _carriers(analysis)


def _bits(analysis: Analysis) -> str:
    found = analysis.functionality
    return (
        "**Bits and attributes.** The attribute information of a bit is the sum of its absolute "
        f"weights in all attributes. {_tie(found.correlation)} The paper has 0.27 on ImageNet-150K "
        "and 0.48 on CFW-60K."
    )


def _tie(correlation: Correlation) -> str:
    return _verdict(
        correlation,
        "bits",
        above="The bits that tell categories are also those that attributes are read from",
        below="Categories and attributes are kept in different bits: the more a bit says of the "
        "one, the less of the other",
    )


def _attributes(analysis: Analysis) -> str:
    verdict = _verdict(
        analysis.functionality.alignment_correlation,
        "attributes",
        above="The more an attribute goes with the category, the more it is read from the bits "
        "that tell categories",
        below="Attributes that go with the category are rather read from bits that do not tell "
        "categories",
    )
    return (
        "**Attributes and categories.** The alignment of an attribute is what category information "
        f"is of a bit, computed from its labels. {verdict} The paper has 0.61 and 0.74."
    )


def _verdict(correlation: Correlation, of: str, *, above: str, below: str) -> str:
    if correlation.value is None or correlation.low is None or correlation.high is None:
        return f"Over {correlation.pairs} {of} no correlation of the two can be told."
    figures = (
        f"correlation {correlation.value:.2f} over {correlation.pairs} {of}, 95 % interval "
        f"{correlation.low:.2f} to {correlation.high:.2f}"
    )
    if correlation.low > 0:
        return f"{above} ({figures})."
    if correlation.high < 0:
        return f"{below} ({figures})."
    return f"Whether the two go together cannot be told ({figures})."


def _extremes(analysis: Analysis) -> str:
    """The attributes that go most and least with the categories."""
    ranked = sorted(
        (a for a in analysis.functionality.attributes if a.alignment is not None),
        key=_alignment,
        reverse=True,
    )
    if len(ranked) > 2 * EXTREMES:
        ranked = ranked[:EXTREMES] + ranked[-EXTREMES:]
    rows = [
        f"| {a.name} | {a.present:,} | {_alignment(a):.3f} | "
        f"{'' if a.shared is None else f'{a.shared:.2f}'} |"
        for a in ranked
    ]
    head = "| attribute | images that have it | alignment | kept where categories are |"
    said = "Those that go most and least with the categories; the last column is c_attr:"
    return "\n".join((said, "", head, "|---|---|---|---|", *rows)) if rows else NO_ALIGNMENT


NO_ALIGNMENT = "No attribute has labels of two categories, so none has an alignment."


def _alignment(attribute: AttributeFunctionality) -> float:
    return attribute.alignment or 0.0


def _carriers(analysis: Analysis) -> str:
    halves, names = half_weight(analysis), analysis.head.names
    narrow, wide = halves.index(min(halves)), halves.index(max(halves))
    told = [
        (best, name)
        for best, name in zip(best_correlations(analysis), names, strict=True)
        if not isnan(best)
    ]
    single = ""
    if told:
        single = (
            " A single bit goes with the labels of an attribute at best with a correlation of "
            f"{max(told)[0]:.2f} ({max(told)[1]}), at worst {min(told)[0]:.2f} ({min(told)[1]}), "
            f"median {median(best for best, _ in told):.2f}."
        )
    return (
        "**Which bits carry which attribute.** Half of the weight of an attribute is on "
        f"{halves[narrow]} bits at the fewest ({names[narrow]}) and {halves[wide]} at the most "
        f"({names[wide]}), median {median(halves):.0f}.{single} `attributes.csv` names the "
        f"{STRONGEST} strongest bits of each."
    )


def _limits(analysis: Analysis) -> str:
    limits = f"""\
- How good the codes are: that is what `dualhash evaluate` tells. A bit with little information can
  still be needed beside others.
- All categories alike: pairs are counted, so large categories count most. Of the pairs of one
  category {100 * analysis.largest_share:.0f} % are of {analysis.largest}.
- More than one training: another seed gives other bits, and the number of a bit means nothing in
  another model."""
    return f"{limits}\n{LIMITS_OF_ATTRIBUTES}" if analysis.head.names else limits


LIMITS_OF_ATTRIBUTES = """\
- What a bit is for by itself: weights are fitted together, so bits that say the same share them,
  and a small weight does not mean that the bit knows nothing of the attribute. The correlations
  with the labels in `attributions.csv` look at each bit alone.
- How strongly rare attributes go with the categories: where few images have an attribute hardly any
  pair differs, so its alignment is near 0 whatever the categories do. Compare attributes that are
  about equally frequent.
- All attributes alike: the attribute information of a bit is a sum over attributes, so a facet
  counts as often as it has values.
- How sure the correlations are: their intervals take bits and attributes for independent draws;
  values of one facet are not."""
