"""The page of an index whose model takes vectors."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from dualhash.catalogue.catalogue import Catalogue
from dualhash.search import build_index
from tests import vector_table
from tests.builders import vector_model
from tests.serve.page.conftest import ATTRIBUTES, serving


@pytest.fixture(scope="module")
def address_of_vectors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a server of 60 vectors without images."""
    folder = tmp_path_factory.mktemp("products")
    table = vector_table.write_csv(folder / "products.csv")
    catalogue = Catalogue.read(table, features=folder / "vectors.npy")
    categories = ("bag", "hat", "shoe")
    model = vector_model(
        folder / "model",
        vector_table.LENGTH,
        64,
        category_names=categories,
        attribute_names=ATTRIBUTES,
    )
    build_index(model, catalogue, folder / "products.dhx")
    with serving(folder / "products.dhx") as running:
        yield running.address


def test_the_page_says_why_it_takes_no_upload(page: Page, address_of_vectors: str, picture: Path):
    page.goto(address_of_vectors)
    expect(page.locator("#drop-hint")).to_contain_text("the model takes vectors")
    expect(page.locator("#choose-file")).to_be_hidden()
    expect(page.locator("#file")).to_be_disabled()


def test_items_and_attributes_start_a_search(page: Page, address_of_vectors: str):
    page.goto(f"{address_of_vectors}#id=4")
    expect(page.locator("#grid .card")).not_to_have_count(0)
    expect(page.locator("#figure-matches")).to_have_text("59")
    page.goto(f"{address_of_vectors}#want=round&task=attribute")
    expect(page.locator("#grid .card")).not_to_have_count(0)
    expect(page.locator("#grid .card").first).to_contain_text("products.csv#")
