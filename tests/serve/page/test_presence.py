"""Whether the server answers, and what is wrong with its index, is said no longer than it holds."""

import json
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.serve.page.conftest import Served, serve, write_index
from tests.serve.page.test_page import CARDS, chip, ids

BUSY = json.dumps({"type": "urn:dualhash:problem:busy", "detail": "All hands are full."})


def spoil(served: Served, index: Path) -> None:
    """Puts something in the place of the index that is none."""
    bad = index.with_name("bad")
    bad.write_bytes(b"not an index")
    bad.replace(index)
    served.until(lambda stats: stats["problem"])


def test_a_server_that_first_answers_with_an_error_is_not_called_gone(page: Page, address: str):
    banner = page.locator("#banner")
    page.clock.install()
    page.goto(f"{address}#id=4")
    ids(page)
    page.route("**/api/v1/**", lambda route: route.abort())
    chip(page, "round").click()
    expect(banner).to_contain_text("does not answer")
    page.unroute("**/api/v1/**")
    page.route("**/api/v1/stats", lambda route: route.fulfill(status=503, body=BUSY), times=1)
    page.clock.fast_forward("00:04")
    assert ids(page)
    expect(banner).to_be_hidden()


def test_a_search_that_is_answered_ends_the_looking(page: Page, address: str):
    page.clock.install()
    page.goto(f"{address}#id=4")
    ids(page)
    page.route("**/api/v1/**", lambda route: route.abort())
    chip(page, "round").click()
    expect(page.locator("#banner")).to_contain_text("does not answer")
    page.unroute("**/api/v1/**")
    page.go_back()
    ids(page)
    expect(page.locator("#banner")).to_be_hidden()


def test_trouble_with_the_index_is_told_after_a_minute(page: Page, tmp_path: Path):
    index = write_index(tmp_path / "index", count=30)
    served = serve(index)
    page.clock.install()
    page.goto(f"{served.address}#id=4")
    found = ids(page)
    spoil(served, index)
    expect(page.locator("#banner")).to_be_hidden()
    page.clock.fast_forward("01:01")
    expect(page.locator("#banner")).to_contain_text("cannot be served")
    assert ids(page) == found
    served.stop()


def test_trouble_with_the_index_is_told_after_a_failed_search(page: Page, tmp_path: Path):
    index = write_index(tmp_path / "index", count=30)
    served = serve(index)
    page.goto(f"{served.address}#id=4")
    ids(page)
    spoil(served, index)
    page.route("**/api/v1/search", lambda route: route.fulfill(status=503, body=BUSY))
    chip(page, "round").click()
    expect(page.locator("#notice")).to_contain_text("All hands are full.")
    expect(page.locator("#banner")).to_contain_text("cannot be served")
    expect(page.locator(CARDS)).to_have_count(0)
    served.stop()
