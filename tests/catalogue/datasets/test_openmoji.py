import numpy as np
import pytest
from PIL import Image

from dualhash.catalogue.catalogue import MISSING, Subset
from dualhash.catalogue.datasets import openmoji
from dualhash.catalogue.datasets.openmoji import LEAST_DRAWINGS, PALETTE, SKIN_TONES, VISIBLE


def labels(catalogue, code):
    row = catalogue.references.index(f"{code}.png")
    names = np.array(catalogue.names.attributes)
    return (
        (*catalogue.names.categories, None)[catalogue.categories[row]],
        set(names[catalogue.attributes[row] == 1]),
    )


@pytest.mark.parametrize(
    ("code", "categories", "attributes"),
    [
        ("1F34E", ("food-fruit", "Food & Drink"), {"uses=red", "uses=green"}),  # apple with leaf
        ("1F499", ("heart", "Smileys & Emotion"), {"uses=blue"}),  # blue heart
        ("1F44B-1F3FD", ("hand-fingers-open", "People & Body"), {"skin=medium"}),  # waving hand
        ("1F44B-1F3FF", ("hand-fingers-open", "People & Body"), {"uses=brown", "skin=dark"}),
        ("1F1F5-1F1F1", ("country-flag", "Flags"), {"uses=red"}),  # Poland
        ("1F512", (None, "Objects"), {"uses=yellow", "uses=grey"}),  # lock, one of six
        (
            "1F9D1-1F3FB-200D-1F91D-200D-1F9D1-1F3FF",
            ("family", "People & Body"),
            {"uses=brown", "skin=light", "skin=dark"},
        ),
    ],
)
def test_labels_of_known_drawings(emojis, coarse_emojis, code, categories, attributes):
    assert labels(emojis, code) == (categories[0], attributes)
    assert labels(coarse_emojis, code) == (categories[1], attributes)


def test_category_and_subset_counts(emojis, coarse_emojis):
    assert len(emojis) == len(set(emojis.references)) == len(emojis.payload)
    assert 3_500 <= len(emojis) <= 4_500
    assert len(emojis.names.categories) == 64
    assert np.bincount(emojis.categories + 1)[1:].min() >= LEAST_DRAWINGS
    assert 0 < (emojis.categories == MISSING).mean() < 0.1
    assert len(coarse_emojis.names.categories) == 9
    assert coarse_emojis.references == emojis.references
    assert (coarse_emojis.categories != MISSING).all()
    assert emojis.names.attributes[0] == "uses=red"
    assert len(emojis.names.attributes) == len(PALETTE) + len(SKIN_TONES)
    assert emojis.attributes.sum(axis=0).min() >= 50
    assert emojis.observed.all()
    assert all(image.is_file() for image in emojis.images)
    assert "1F3FB.png" not in emojis.references  # the swatch of a skin tone


def test_payload_has_unicode_names(emojis):
    row = emojis.payload.row(emojis.references.index("1F34E.png"), named=True)
    assert row == {
        "image": "1F34E.png",
        "category": "food-fruit",
        "subset": row["subset"],
        "unicode_group": "Food & Drink",
        "unicode_subgroup": "food-fruit",
        "motif": "1F34E",
        "name": "red apple",
        "hexcode": "1F34E",
    }


def test_partition_shares_hold_in_every_category(coarse_emojis):
    for category in range(9):
        in_category = coarse_emojis.subsets[coarse_emojis.categories == category]
        shares = np.bincount(in_category) / len(in_category)
        np.testing.assert_allclose(shares, [0.085, 0.34, 0.425, 0.15], atol=0.03)


def test_every_category_can_be_learned_and_most_are_tested(emojis):
    learned = emojis.categories[emojis.rows(Subset.TRAIN_BOTH, Subset.TRAIN_CATEGORY)]
    tested = emojis.categories[emojis.rows(Subset.TEST)]
    assert set(learned) == {MISSING, *range(64)}
    assert MISSING not in emojis.categories[emojis.rows(Subset.TRAIN_CATEGORY)]
    assert len(set(tested)) > 60


def test_a_motif_is_a_group_in_one_subset(emojis):
    motifs = emojis.payload["motif"].to_numpy()
    assert len(np.unique(motifs)) == len(np.unique(emojis.groups))
    assert len(set(zip(motifs, emojis.groups, emojis.subsets, strict=True))) == len(set(motifs))


def test_variants_of_one_motif_are_in_one_subset(emojis):
    subset = {
        name.removesuffix(".png").replace("-FE0F", ""): subset
        for name, subset in zip(emojis.references, emojis.subsets, strict=True)
    }
    women = [code for code in subset if code.endswith("-200D-2640")]
    assert len(women) > 200
    for woman in women:
        man, person = woman.replace("2640", "2642"), woman.removesuffix("-200D-2640")
        assert subset[woman] == subset[man]
        assert subset[woman] == subset.get(person, subset[woman])  # some have none
    farmers = [code for code in subset if code.endswith("-200D-1F33E")]
    assert len(farmers) == 18  # man, woman, person; without and with five skin tones
    assert len({subset[code] for code in farmers}) == 1


def test_the_catalogue_is_deterministic(emojis, emoji_cache):
    assert openmoji.read(emoji_cache).label_hash == emojis.label_hash


def test_partition_does_not_depend_on_the_order():
    kinds = np.array(["AB"[i % 6 // 3] for i in range(120)])
    motifs = [f"{i // 3}" for i in range(120)]
    order = np.random.default_rng(0).permutation(120)
    shuffled = openmoji.partition(kinds[order], [motifs[i] for i in order])
    np.testing.assert_array_equal(shuffled, openmoji.partition(kinds, motifs)[order])


def test_partition_hand_worked_example():
    # One motif of four images: its middle is at half of the row, beyond 15 + 8.5 %, before 57.5 %.
    assert set(openmoji.partition(np.array(["A"] * 4), ["1"] * 4)) == {1}
    subsets = openmoji.partition(np.array(["A"] * 1000), [f"{i}" for i in range(1000)])
    assert np.bincount(subsets).tolist() == [85, 340, 425, 150]
    assert (subsets == Subset.TEST).sum() == 150


@pytest.mark.parametrize(("pixels", "shown"), [(VISIBLE, True), (VISIBLE - 1, False)])
def test_only_visible_colours_count(tmp_path, pixels, shown):
    image = np.full((72, 72, 3), 255, np.uint8)
    half = pixels // 2
    image.reshape(-1, 3)[:half] = (0xEA, 0x5A, 0x47)
    image.reshape(-1, 3)[half:pixels] = (0xD2, 0x2F, 0x27)  # another red of the palette
    image[40:60] = (0xEA, 0x5A, 0x48)  # nearly that red
    Image.fromarray(image).save(tmp_path / "a.png")
    found = dict(zip(PALETTE, openmoji.colours([tmp_path / "a.png"])[0], strict=True))
    assert found == dict.fromkeys(PALETTE, False) | {"red": shown}
