import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tests.analysis.small_codes import make_analysis, make_case

pytest.importorskip("matplotlib", reason="drawing needs the extra `analysis`")

from dualhash.analysis.bit_functionality import BitFunctionality, bit_functionality
from dualhash.analysis.correlation import min_max
from dualhash.analysis.plots import draw_alignment, draw_attributions, draw_bits, save


@pytest.fixture
def functionality():
    return bit_functionality(*make_case(1, images=40, attributes=4))


def points(figure):
    (axes,) = figure.axes
    return np.concatenate([drawn.get_offsets() for drawn in axes.collections])


def test_figure_10_has_a_point_for_every_bit(functionality):
    expected = [
        min_max(np.array(functionality.category_information)),
        min_max(np.array(functionality.attribute_information)),
    ]
    np.testing.assert_allclose(points(draw_bits(functionality)).T, expected)


def test_figure_10_is_drawn_from_json_alone(functionality):
    stored = json.loads(json.dumps(functionality.model_dump(mode="json")))
    drawn = draw_bits(BitFunctionality.model_validate(stored))
    np.testing.assert_array_equal(points(drawn), points(draw_bits(functionality)))
    assert f"{functionality.correlation.value:.2f}" in drawn.axes[0].get_title(loc="left")


def test_figure_11_has_a_named_point_for_every_attribute(functionality):
    (axes,) = draw_alignment(functionality).axes
    assert [text.get_text() for text in axes.texts] == [a.name for a in functionality.attributes]
    drawn = points(draw_alignment(functionality))
    np.testing.assert_allclose(drawn[:, 1], [a.shared for a in functionality.attributes])
    assert (drawn[:, 0].min(), drawn[:, 0].max()) == (0, 1)


def test_figure_11_leaves_out_undefined_attributes(functionality):
    lost = functionality.attributes[0].model_copy(update={"alignment": None})
    fewer = functionality.model_copy(update={"attributes": (lost, *functionality.attributes[1:])})
    assert len(points(draw_alignment(fewer))) == 3
    nothing = functionality.model_copy(update={"attributes": ()})
    assert not draw_alignment(nothing).axes[0].texts


def test_facets_have_a_legend(functionality):
    renamed = tuple(
        attribute.model_copy(update={"name": name})
        for attribute, name in zip(
            functionality.attributes, ("hue=red", "hue=blue", "age=old", "age=new"), strict=True
        )
    )
    (axes,) = draw_alignment(functionality.model_copy(update={"attributes": renamed})).axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["hue", "age"]
    assert [text.get_text() for text in axes.texts] == ["red", "blue", "old", "new"]


def test_attribution_map_has_a_row_for_each_attribute_and_sorts_bits():
    analysis = make_analysis(2)
    descending = {"category_information": tuple(np.arange(8.0)[::-1])}
    functionality = analysis.functionality.model_copy(update=descending)
    axes = draw_attributions(replace(analysis, functionality=functionality)).axes[0]
    np.testing.assert_array_equal(axes.images[0].get_array(), analysis.attributions[:, ::-1])
    assert [text.get_text() for text in axes.get_yticklabels()] == list(analysis.head.names)


def test_equal_figures_are_saved_as_equal_files(functionality, tmp_path):
    for name in ("a.png", "b.png"):
        save(draw_alignment(functionality), tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    with Image.open(tmp_path / "a.png") as image:
        assert image.width > 1000
