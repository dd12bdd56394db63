"""All steps of the benchmark, by part."""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.features import demo, embeddings
from benchmarks.features.extraction import measure_extraction
from benchmarks.features.steps import Figures, Results, Step
from benchmarks.features.training import END_TO_END, Training, first_images, small_copies

SEEDS = (0, 1)
FASHION_POSITIVES, PHOTO_POSITIVES = 250, 100
"""Images that a facet value needs to be an attribute."""


def steps(data: Path, work: Path) -> tuple[Step, ...]:
    """All steps, in order.

    Args:
        data: The folder of `fashion` and `fashion-photos`.
        work: The folder for models, kept features and made-up data.
    """
    photos, small = data / "fashion-photos", work / "photos-60x80.csv"
    fashion = Training("fashion", data / "fashion" / "products.csv", work, FASHION_POSITIVES)
    return (
        _extraction(data / "fashion", "96x128", (80, 60), 1024, work),
        _extraction(photos, "224x224", (224, 224), 512, work),
        *_training("fashion", fashion, 9),
        *(
            step
            for name, minutes in (("efficientnet-lite0", 3), ("efficientnet-lite2", 5))
            for step in _training(
                "photos",
                Training(
                    f"photos-{name}",
                    photos / "products.csv",
                    work,
                    PHOTO_POSITIVES,
                    ("--features", name),
                ),
                minutes,
            )
        ),
        *_training(
            "photos",
            Training("photos-60x80", small, work, PHOTO_POSITIVES),
            2,
            lambda: small_copies(photos, data / "fashion", small),
        ),
        Step("demo", "demo-subgroups", 2, lambda _results: demo.run_demo(work / "demo-subgroups")),
        Step("demo", "demo-groups", 2, lambda _results: demo.train_on_groups(work / "demo-groups")),
        *(
            Step(
                "embeddings",
                f"embeddings-{kind}",
                15,
                partial(_embeddings, work / f"embeddings-{kind}", kind),
            )
            for kind in embeddings.KINDS
        ),
        *_end_to_end(
            Training(
                "photos-end-to-end",
                photos / "products.csv",
                work,
                PHOTO_POSITIVES,
                ("--config", str(END_TO_END)),
            )
        ),
    )


def _extraction(
    folder: Path, name: str, image_size: tuple[int, int], count: int, work: Path
) -> Step:
    def measure(_results: Results) -> Figures:
        cache = work / f"extraction-{name}"
        return measure_extraction(first_images(folder, count), image_size, cache)

    return Step("extraction", f"extraction-{name}", 4, measure)


def _training(
    part: str, training: Training, minutes: float, prepare: Callable[[], object] = lambda: None
) -> list[Step]:
    """The first seed starts cold; the other takes the features that it kept."""

    def learn(_results: Results, seed: int) -> Figures:
        prepare()
        return training.learn(seed, cold=seed == SEEDS[0])

    return [
        Step(part, f"{training.name}-seed-{seed}", minutes, partial(learn, seed=seed))
        for seed in SEEDS
    ]


def _end_to_end(training: Training) -> list[Step]:
    part, speed = training.name, f"{training.name}-speed"

    def learn(results: Results, seed: int) -> Figures:
        if speed not in results:
            sys.exit(f"{speed} must run first: --only {part} runs all of it.")
        return training.train_for_an_hour(seed, results[speed])

    return [
        Step(part, speed, 5, lambda _results: training.time_iterations(), on_request=True),
        *(
            Step(part, f"{part}-seed-{seed}", 62, partial(learn, seed=seed), on_request=True)
            for seed in SEEDS
        ),
    ]


def _embeddings(folder: Path, kind: str, _results: Results) -> Figures:
    return embeddings.measure_embeddings(folder, kind)
