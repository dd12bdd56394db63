"""The page on a phone, where the results are far below the query."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.serve.page.helpers import ids


@pytest.fixture
def phone(page: Page) -> Iterator[Page]:
    page.set_viewport_size({"width": 360, "height": 740})
    return page


def test_an_upload_scrolls_to_its_results(phone: Page, address: str, picture: Path):
    phone.goto(address)
    phone.set_input_files("#file", picture)
    ids(phone)
    expect(phone.locator("#results")).to_be_focused()
    expect(phone.locator("#results-title")).to_be_in_viewport()


def test_a_search_from_a_result_scrolls_to_its_results(phone: Page, address: str):
    phone.goto(f"{address}#id=4")
    ids(phone)
    phone.locator(".from").nth(20).click()
    expect(phone).not_to_have_url(f"{address}#id=4")
    ids(phone)
    expect(phone.locator("#results-title")).to_be_in_viewport()


def test_a_link_leads_from_the_query_to_the_results(phone: Page, address: str):
    phone.goto(address)
    phone.get_by_role("button", name="Surprise me").click()
    found = ids(phone)
    expect(phone.locator("#preview img")).to_be_in_viewport()
    link = phone.get_by_role("link", name="Go to 59 results")
    before = phone.url
    link.click()
    expect(phone.locator("#results-title")).to_be_in_viewport()
    assert (phone.url, ids(phone)) == (before, found)


def test_a_link_leads_to_the_reason_if_nothing_matches(phone: Page, address: str):
    phone.goto(f"{address}#id=4&task=combined&want=colour%3Dred&want=size%3Dmedium&want=new")
    phone.get_by_role("link", name="See why nothing matches").click()
    expect(phone.locator(".notice")).to_be_in_viewport()


def test_the_toolbar_takes_one_row(phone: Page, address: str):
    phone.goto(address)
    expect(phone.get_by_role("button", name="Download JSON")).to_be_visible()
    tops = phone.locator(".tool").evaluate_all("tools => tools.map(tool => tool.offsetTop)")
    assert len(set(tops)) == 1
