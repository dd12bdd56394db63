"""An analysis as a page of text: what the numbers show, and what they do not show."""

from math import isnan
from statistics import median

from dualhash.analysis.analyse import Analysis
from dualhash.analysis.correlation import Correlation
from dualhash.analysis.csv_tables import STRONGEST, best_correlations, half_weight

EXTREMES = 5
"""Number of attributes listed at either end."""

NO_ATTRIBUTES = "The model has no attributes, so only categories are analysed."

FILES = """\
- `bits.png`, `bits.csv`: the two kinds of information of each bit (figure 10 of Liu et al. 2020).
- `alignment.png`, `attributes.csv`: the alignment of each attribute with the categories, and
  whether it uses the bits of categories (figure 11).
- `attributions.png`, `attributions.csv`: the weight of every bit in every attribute.
- `analysis.json`: the numbers of figures 10 and 11, and their source."""

FILES_WITHOUT_ATTRIBUTES = """\
- `bits.csv`: the category information of each bit.
- `analysis.json`: the same numbers, and their source."""

LIMITS_OF_ATTRIBUTES = """\
- The information of a single bit: weights are fitted together, so equal bits share them, and a bit
  with a small weight may still hold the attribute. The correlations with the labels in
  `attributions.csv` are those of single bits.
- The alignment of rare attributes: if few images have an attribute, few pairs differ, so its
  alignment is near 0 for any categories. Compare attributes of similar frequency.
- Equal weight of all attributes: the attribute information of a bit is a sum over attributes, so a
  facet counts once for each of its values.
- Exact intervals of the correlations: they treat bits and attributes as independent draws, but the
  values of one facet are not independent."""


def summarise(analysis: Analysis) -> str:
    """Returns the page, in Markdown."""
    with_attributes = bool(analysis.head.names)
    sections = (_bits, _attributes, _extremes, _carriers)
    paragraphs = (
        "# What the bits hold",
        _source(analysis),
        "## What the numbers show",
        _categories(analysis),
        *([section(analysis) for section in sections] if with_attributes else [NO_ATTRIBUTES]),
        "## What they do not show",
        _limits(analysis),
        "## The files",
        FILES if with_attributes else FILES_WITHOUT_ATTRIBUTES,
    )
    return "\n\n".join(paragraphs) + "\n"


def _source(analysis: Analysis) -> str:
    found = analysis.functionality
    reasons = (
        (found.images_without_category, "have no category and are left out"),
        (len(analysis.failures), "cannot be read"),
    )
    left_out = " and ".join(f"{count:,} {reason}" for count, reason in reasons if count)
    attributes = f" with {len(found.attributes)} attributes" if found.attributes else ""
    return (
        f"Codes of {len(found.ones)} bits of the model {analysis.hashes['model'][:12]}, for "
        f"{found.images:,} test images of {analysis.source}, in {found.categories} "
        f"categories{attributes}." + (f" Of the others, {left_out}." if left_out else "")
    )


def _categories(analysis: Analysis) -> str:
    found = analysis.functionality
    category = found.category_information
    best, worst = category.index(max(category)), category.index(min(category))
    constant = sum(share in (0, 1) for share in found.ones)
    changing = f"{constant} bits never change." if constant else "No bit is the same in all images."
    return (
        "**Bits and categories.** The category information of a bit is how much more often it "
        "differs between images of different categories than between images of the same category: "
        f"at most 1, and 0 for a bit without category information. It ranges from "
        f"{category[worst]:.2f} (bit {worst}) to {category[best]:.2f} (bit {best}), median "
        f"{median(category):.2f}. {changing}"
    )


def _bits(analysis: Analysis) -> str:
    conclusion = _conclusion(
        analysis.functionality.correlation,
        "bits",
        positive="Attributes are predicted from the same bits as categories",
        negative="Categories and attributes are in different bits",
    )
    return (
        "**Bits and attributes.** The attribute information of a bit is the sum of its absolute "
        f"weights in all attributes. {conclusion} The paper has 0.27 on ImageNet-150K and 0.48 on "
        "CFW-60K."
    )


def _attributes(analysis: Analysis) -> str:
    conclusion = _conclusion(
        analysis.functionality.alignment_correlation,
        "attributes",
        positive="Attributes that follow from the category are predicted from the bits of "
        "categories",
        negative="Attributes that follow from the category are predicted from other bits than "
        "categories",
    )
    return (
        "**Attributes and categories.** The alignment of an attribute is computed like category "
        f"information, from its labels instead of a bit. {conclusion} The paper has 0.61 and 0.74."
    )


def _conclusion(correlation: Correlation, of: str, *, positive: str, negative: str) -> str:
    if correlation.low is None or correlation.high is None:
        return f"{correlation.pairs} {of} are too few for a correlation, or do not vary."
    figures = f"({correlation.in_words(of)})."
    if correlation.low > 0:
        return f"{positive} {figures}"
    if correlation.high < 0:
        return f"{negative} {figures}"
    return f"It is not clear whether the two are related {figures}"


def _extremes(analysis: Analysis) -> str:
    """A table of the attributes that follow most and least from the categories."""
    aligned = [
        (a.alignment, a) for a in analysis.functionality.attributes if a.alignment is not None
    ]
    ranked = sorted(aligned, key=lambda each: each[0], reverse=True)
    if not ranked:
        return "No attribute has labels of two categories, so there are no alignments."
    if len(ranked) > 2 * EXTREMES:
        ranked = ranked[:EXTREMES] + ranked[-EXTREMES:]
    rows = [
        f"| {a.name} | {a.present:,} | {alignment:.3f} | "
        f"{'' if a.shared is None else f'{a.shared:.2f}'} |"
        for alignment, a in ranked
    ]
    return "\n".join(
        (
            "The attributes that follow most and least from the categories; the last column is "
            "c_attr:",
            "",
            "| attribute | images that have it | alignment | use of category bits |",
            "|---|---|---|---|",
            *rows,
        )
    )


def _carriers(analysis: Analysis) -> str:
    halves, names = half_weight(analysis), analysis.head.names
    narrow, wide = halves.index(min(halves)), halves.index(max(halves))
    correlations = zip(best_correlations(analysis), names, strict=True)
    best = sorted((value, name) for value, name in correlations if not isnan(value))
    single = (
        f" The strongest correlation of a single bit with the labels is {best[-1][0]:.2f} for the "
        f"best attribute ({best[-1][1]}), {best[0][0]:.2f} for the worst ({best[0][1]}), median "
        f"{median(value for value, _ in best):.2f}."
        if best
        else ""
    )
    return (
        "**Which bits carry which attribute.** Half of the weight of an attribute is on "
        f"{halves[narrow]} bits at least ({names[narrow]}) and {halves[wide]} at most "
        f"({names[wide]}), median {median(halves):.0f}.{single} `attributes.csv` lists the "
        f"{STRONGEST} strongest bits of each."
    )


def _limits(analysis: Analysis) -> str:
    limits = f"""\
- The quality of the codes: use `dualhash evaluate`. A bit with little information can still be
  needed in combination with others.
- Equal weight of all categories: pairs are counted, so large categories count most. Of the pairs
  of the same category, {100 * analysis.largest_share:.0f} % are of {analysis.largest}.
- More than one training: another seed gives other bits, and bit numbers of two models are not
  related."""
    return f"{limits}\n{LIMITS_OF_ATTRIBUTES}" if analysis.head.names else limits
