"""Results as a sequence, as a table and as HTML."""

import base64
import io
import re
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dualhash.codes import Prediction
from dualhash.errors import DualhashError
from dualhash.search import Hit, ItemLabels, Query, Results, results_html
from tests.builders import colour_image

CODE = np.zeros(1, np.uint8)


def hit(rank: int, image: str = "", payload: dict | None = None, **labels: object) -> Hit:
    return Hit(
        rank=rank,
        id=10 * rank,
        distance=rank - 1,
        score=1 / rank,
        probabilities={"red": 0.75, "new": 0.125},
        image=image,
        labels=ItemLabels(**labels),
        payload=payload or {},
        code=CODE,
    )


@pytest.fixture
def results(tmp_path: Path) -> Results:
    """A combined search by a red shoe, with three hits."""
    red = colour_image(tmp_path / "red.png", (255, 0, 0), (600, 300))
    labels = ItemLabels("shoe", {"red": True})
    query = Query(CODE, str(red), 3, labels, Prediction("hat", 0.6, {"red": 0.9, "new": 0.2}))
    hits = (
        hit(1, str(red), {"price": 5, "tags": ["a"]}, category="shoe", attributes={"red": True}),
        hit(
            2,
            "gone.png",
            {"price": 2.5, "note": "x"},
            category="hat",
            attributes={"red": False, "new": False},
        ),
        hit(3, "", {"note": 7}),
    )
    return Results("combined", 8, query, {"red": True, "new": False}, 5, hits)


def test_results_are_a_sequence_of_hits(results: Results):
    assert len(results) == 3
    assert list(results) == list(results.hits)
    assert results[0].id == 10
    assert results[-1].rank == 3
    with pytest.raises(IndexError):
        results[3]


def test_a_slice_keeps_the_search_with_fewer_hits(results: Results):
    some = results[1:]
    assert isinstance(some, Results)
    assert some.hits == results.hits[1:]
    assert (some.matched, some.words, some.query) == (5, results.words, results.query)
    assert not results[:0]


def test_tables_have_one_row_per_hit(results: Results):
    assert results.to_polars().to_dict(as_series=False) == {
        "rank": [1, 2, 3],
        "id": [10, 20, 30],
        "distance": [0, 1, 2],
        "score": [1.0, 0.5, 1 / 3],
        "image": [results[0].image, "gone.png", ""],
        "category": ["shoe", "hat", None],
        "attribute.red": [True, False, None],
        "attribute.new": [None, False, None],
        "probability.red": [0.75] * 3,
        "probability.new": [0.125] * 3,
        "payload.note": [None, "x", "7"],
        "payload.price": [5.0, 2.5, None],
        "payload.tags": ['["a"]', None, None],
    }


def test_no_hits_give_a_table_without_rows(results: Results):
    table = results[:0].to_polars()
    assert len(table) == 0
    assert table.schema["id"] == results.to_polars().schema["id"]
    assert table.schema["probability.red"] == results.to_polars().schema["probability.red"]


def test_pandas_and_polars_tables_are_equal(results: Results):
    pytest.importorskip("pandas", reason="pandas is not installed")
    table = results.to_pandas()
    expected = results.to_polars()
    assert list(table.columns) == expected.columns
    assert table["id"].tolist() == [10, 20, 30]
    assert table["payload.price"].iloc[:2].tolist() == [5.0, 2.5]


def test_error_without_pandas_says_what_to_install(
    results: Results, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(DualhashError, match="pip install pandas"):
        results.to_pandas()


class Page(HTMLParser):
    """Collects classes, pictures, widths of bars, and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.classes: list[str] = []
        self.pictures: list[str] = []
        self.bars: list[str] = []
        self.text = ""
        self.titles: list[str] = []
        self.feed(html.partition("</style>")[2])
        self.close()

    def handle_starttag(self, tag: str, given: list) -> None:
        values = dict(given)
        if tag not in ("img", "br", "wbr"):
            self.open.append(tag)
        self.classes += (values.get("class") or "").split()
        self.pictures += [values["src"]] if tag == "img" else []
        self.bars += [values["style"]] if "style" in values else []
        self.titles += [values["title"]] if "title" in values else []

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data + "|"


def test_html_shows_images_verdicts_and_bars(results: Results):
    page = Page(results._repr_html_())
    assert page.open == []
    assert "Same kind, but red and not new" in page.text
    assert [each for each in page.classes if each in results_html.SIGNS] == [
        *("unknown", "wrong", "unknown"),  # the hits
        *("wrong", "unknown"),  # the legend
    ]
    assert page.text.count("no image file") == 2
    assert "width: 75%" in page.bars
    assert "width: 88%" in page.bars
    assert "price: 5" in page.titles[0]
    for source in page.pictures:
        kind, _, content = source.partition("base64,")
        assert kind == "data:image/jpeg;"
        thumbnail = Image.open(io.BytesIO(base64.b64decode(content)))
        assert thumbnail.size == (results_html.SIDE // 2, results_html.SIDE)
        assert thumbnail.getpixel((5, 5))[0] > 250
    assert len(page.pictures) == 2


def test_html_escapes_all_text(results: Results):
    evil = '<script>alert("1")</script>\'&'
    harm = ItemLabels(evil, {evil: True})
    query = replace(
        results.query, labels=harm, prediction=Prediction(evil, 0.5, {evil: 0.5}), image=evil
    )
    bad = replace(
        results[0], labels=harm, image=evil, payload={evil: evil}, probabilities={evil: 0.5}
    )
    for image in (evil, "http://x/" + evil):
        shown = replace(
            results, query=query, conditions={evil: True}, hits=(replace(bad, image=image),)
        )
        html = shown._repr_html_()
        assert "<script" not in html
        assert not re.search(r"alert\(\"1", html)
        assert evil in Page(html).text.replace("|", "")


def test_html_shows_only_the_first_hits(results: Results, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(results_html, "SHOWN", 2)
    page = Page(results._repr_html_())
    assert page.text.count("no image file") == 1
    assert "and 1 more" in page.text


def test_html_shows_a_query_from_memory(results: Results):
    query = replace(results.query, image=np.zeros((4, 4, 3), np.uint8))
    assert len(Page(replace(results, query=query)._repr_html_()).pictures) == 2
    assert len(Page(replace(results, query=None)._repr_html_()).pictures) == 1


def test_html_links_images_of_a_server(results: Results):
    remote = replace(results[0], image="http://localhost:8000/api/v1/items/1/thumbnail?v=1&w=2")
    html = replace(results, hits=(remote,))._repr_html_()
    assert '<a href="http://localhost:8000/api/v1/items/1/thumbnail?v=1&amp;w=2">' in html


def test_html_reports_an_empty_result(results: Results):
    assert "nothing matches" in replace(results, hits=(), matched=0)._repr_html_()


@pytest.mark.parametrize(
    ("payload", "name"),
    [
        ({"product_name": "Red shirt", "Title": "Shirt 4"}, "Shirt 4"),
        ({"price": 4, "product_name": "Red shirt"}, "Red shirt"),
        ({"file_name": "4.png", "imagename": "4", "path-name": "a/4"}, None),
        ({"name": 4, "subtitle": "Second"}, "Second"),
        ({"name": "  ", "title": "shirts"}, None),
        ({"names": "Red", "nameplate": "Blue"}, None),
        ({}, None),
    ],
)
def test_the_name_of_an_item_is_its_name_or_title_in_the_payload(payload: dict, name: str | None):
    assert hit(1, payload=payload, category="shirts").name == name


def test_the_file_name_of_an_item_has_no_folders():
    assert hit(1, "photos/4.png").file_name == "4.png"
    assert hit(1, "").file_name == ""
