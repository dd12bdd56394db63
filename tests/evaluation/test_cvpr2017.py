"""The protocol cvpr2017 on .dat files, against what the released scripts print for them."""

from itertools import permutations
from statistics import mean

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dualhash.catalogue.catalogue import LabelNames, Subset
from dualhash.catalogue.read_catalogue import read_catalogue
from dualhash.codes.code_file import SavedCodes, read_saved, write_saved
from dualhash.codes.dat_files import read_dat, write_dat
from dualhash.codes.packing import quantise
from dualhash.evaluation.evaluate import evaluate
from dualhash.evaluation.evaluate_codes import evaluate_codes
from dualhash.evaluation.true_labels import TrueLabels
from tests.oracles import matlab

PLAIN = tuple(f"combined_recall_at_{k}" for k in matlab.CUTOFFS)
SEEDS = st.integers(0, 2**32 - 1)


def random_codes(seed, images, bits, attributes):
    """Codes with labels that put at least two images into each category, and true attributes."""
    rng = np.random.default_rng(seed)
    saved = SavedCodes(
        outputs=rng.random((images, bits), np.float32),
        probabilities=rng.random((images, attributes), np.float32),
        labels=rng.permutation(np.arange(images) % min(3, images // 2)),
    )
    return saved, rng.integers(2, size=(images, attributes))


def spread(saved):
    """No two images are equally far from a third: the code of image i begins with 2^i - 1 ones."""
    images = len(saved)
    ones = 2 ** np.arange(images) - 1
    outputs = np.where(np.arange(2**images) < ones[:, None], 0.9, 0.1).astype(np.float32)
    return SavedCodes(outputs, saved.probabilities, saved.labels)


def figures(saved, truth):
    observed = np.ones(truth.shape, bool)
    measured = evaluate_codes(
        quantise(saved.outputs),
        saved.probabilities,
        TrueLabels(saved.labels, truth.astype(np.int8), observed),
        protocol="cvpr2017",
        bootstrap=0,
    )
    return {name: values[0] for name, values in measured.figures.items()}


@settings(max_examples=25)
@given(SEEDS, st.integers(4, 10))
def test_figures_without_ties_match_the_matlab_scripts(tmp_path_factory, seed, images):
    saved, truth = random_codes(seed, images, 8, 4)
    folder = tmp_path_factory.mktemp("dat")
    write_dat(folder, spread(saved))
    codes, labels, predicted = matlab.read(folder)
    found = figures(read_dat(folder), truth)
    assert found["category_map"] == pytest.approx(matlab.category(codes, labels))
    assert found["attribute_map"] == pytest.approx(matlab.attribute(predicted, truth.tolist()))
    recalls = matlab.combined(codes, predicted, saved.labels.tolist(), truth.tolist())
    np.testing.assert_allclose([found[name] for name in PLAIN], recalls)


@settings(max_examples=15)
@given(SEEDS)
def test_figures_with_ties_are_the_mean_over_image_orders(tmp_path_factory, seed):
    """As long as no other image has the query's own code, ahead of which it would stand or not."""
    saved, truth = random_codes(seed, 5, 8, 2)
    different = np.random.default_rng(seed).permutation(8)[:5]
    bits = ((different[:, None] >> np.arange(8)) & 1).astype(np.float32)
    saved = SavedCodes(bits, saved.probabilities, saved.labels)
    folder = tmp_path_factory.mktemp("dat")
    write_dat(folder, saved)
    files = (*matlab.read(folder), truth.tolist())
    in_every_order = []
    for order in permutations(range(5)):
        codes, labels, predicted, true = ([values[i] for i in order] for values in files)
        recalls = matlab.combined(codes, predicted, labels, true)
        in_every_order.append([matlab.category(codes, labels), *recalls])
    found = figures(saved, truth)
    expected = [mean(values) for values in zip(*in_every_order, strict=True)]
    np.testing.assert_allclose([found[name] for name in ("category_map", *PLAIN)], expected)


@pytest.mark.parametrize(("images", "expected"), [(2, 0.5), (10, (10 - 7381 / 2520) / 9)])
def test_bound_of_a_perfect_code_matches_the_scripts(tmp_path, images, expected):
    """Each image has a bit of its own, so that its own code is nearest to it."""
    labels = np.repeat(np.arange(3), images)
    own = np.eye(len(labels))
    kind = np.repeat(labels[:, None] == np.arange(3), 4, axis=1)
    outputs = np.hstack([own, kind, np.zeros((len(labels), -(len(labels) + 12) % 8))])
    probabilities = np.zeros((len(labels), 1), np.float32)
    write_dat(tmp_path, SavedCodes(outputs.astype(np.float32), probabilities, labels))
    codes, read_labels, _ = matlab.read(tmp_path)
    assert matlab.category(codes, read_labels) == pytest.approx(expected)
    found = figures(read_dat(tmp_path), np.zeros((len(labels), 1), int))
    assert found["category_map"] == pytest.approx(expected)


def test_the_scripts_break_ties_by_image_order(tmp_path):
    """The one deviation of the protocol: the second of two equal codes finds the first ahead of it.

    The scripts give (1/2 + 1) / 2 to two images of one code; the protocol puts the query first.
    """
    labels = np.repeat(np.arange(3), 2)
    outputs = np.repeat(labels[:, None] == np.arange(3), 8, axis=1).astype(np.float32)
    write_dat(tmp_path, SavedCodes(outputs, np.zeros((6, 1), np.float32), labels))
    codes, read_labels, _ = matlab.read(tmp_path)
    assert matlab.category(codes, read_labels) == 0.75
    assert figures(read_dat(tmp_path), np.zeros((6, 1), int))["category_map"] == 0.5


@pytest.mark.parametrize(("name", "figure"), [("imagenet150k", "0.500"), ("cfw60k", "0.786")])
def test_perfect_code_from_files_on_real_labels(shared_data, tmp_path, name, figure):
    everything = read_catalogue(f"{name}:{shared_data / 'dph' / name}")
    few = LabelNames(everything.names.categories, everything.names.attributes[:4])
    catalogue = everything.aligned(few)
    test = catalogue.take(catalogue.rows(Subset.TEST))
    bits = (test.categories[:, None] >> np.arange(16)) & 1
    probabilities = np.where(test.attributes == 1, 0.9, 0.1).astype(np.float32)
    write_dat(tmp_path, SavedCodes(bits.astype(np.float32), probabilities, test.categories))
    write_saved(tmp_path / "codes.npz", read_dat(tmp_path))
    saved = read_saved(tmp_path / "codes.npz")
    found = evaluate(saved, catalogue, protocol="cvpr2017", bootstrap=0)
    assert f"{found.figures['category_map'].value:.3f}" == figure
    assert found.figures["avg_hm"].value == 1
    assert found.counts["images"] == len(test)
