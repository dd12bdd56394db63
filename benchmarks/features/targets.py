"""The targets, and what was measured for each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.features.steps import Results


@dataclass(frozen=True)
class Target:
    """A bound for one figure of one or more steps.

    Attributes:
        name: What is measured, with its unit.
        steps: Names of the steps; the worst of their figures counts.
        figure: The figure's name in the results.
        value: The bound.
        at_most: The figure may not be above the bound; otherwise not below it.
    """

    name: str
    steps: tuple[str, ...]
    figure: str
    value: float
    at_most: bool = False

    def measured(self, results: Results) -> float | None:
        """The worst figure of all steps; None if one of them has none."""
        found = [results.get(step, {}).get(self.figure) for step in self.steps]
        figures = [float(figure) for figure in found if figure is not None]
        if len(figures) < len(found):
            return None
        return max(figures) if self.at_most else min(figures)


def _both(training: str) -> tuple[str, str]:
    return f"{training}-seed-0", f"{training}-seed-1"


def _quality(title: str, steps: tuple[str, ...], **values: float) -> list[Target]:
    return [
        Target(f"{title}: {figure.replace('_', ' ')}", steps, figure, value)
        for figure, value in values.items()
    ]


TARGETS: tuple[Target, ...] = (
    *(
        Target(
            f"extraction at {size}: images/s of onnxruntime / of eager PyTorch",
            (f"extraction-{size}",),
            "ratio",
            2.5,
        )
        for size in ("96x128", "224x224")
    ),
    *_quality("fashion", _both("fashion"), category_map=0.77, attribute_map=0.41, avg_hm=0.85),
    Target("fashion: seconds, cold", ("fashion-seed-0",), "seconds_cold", 360, at_most=True),
    Target(
        "fashion: seconds, features kept", ("fashion-seed-1",), "seconds_kept", 120, at_most=True
    ),
    *(
        target
        for name in ("efficientnet-lite0", "efficientnet-lite2")
        for target in _quality(
            f"photos by {name}",
            _both(f"photos-{name}"),
            category_map=0.82,
            attribute_map=0.43,
            avg_hm=0.81,
        )
    ),
    *(
        Target(f"embeddings, {kind}: peak MB", (f"embeddings-{kind}",), "peak_mb", 2000, True)
        for kind in ("float16", "float32")
    ),
    *_quality(
        "demo, nine groups",
        ("demo-groups",),
        category_map=0.66,
        attribute_map=0.80,
        avg_hm=0.95,
        combined_capped_recall_at_5=0.70,
    ),
    *_quality(
        "demo, subgroups",
        ("demo-subgroups",),
        category_map=0.37,
        attribute_map=0.80,
        avg_hm=0.94,
        combined_capped_recall_at_5=0.53,
    ),
    Target("demo: seconds", ("demo-subgroups",), "seconds", 120, at_most=True),
)


def judge(results: Results) -> dict[str, Mapping[str, Any]]:
    """Each measured target by name: `measured`, `target`, `bound` (at least, at most), `met`."""
    judged: dict[str, Mapping[str, Any]] = {}
    for target in TARGETS:
        measured = target.measured(results)
        if measured is not None:
            judged[target.name] = {
                "measured": measured,
                "target": target.value,
                "bound": "at most" if target.at_most else "at least",
                "met": measured <= target.value if target.at_most else measured >= target.value,
            }
    return judged
