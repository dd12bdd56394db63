"""Messages about a server that does not answer, and about problems of its index."""

import json
from pathlib import Path

from playwright.sync_api import Page, expect

from dualhash.codes import Model
from tests.serve.page.conftest import RunningServer, serving, write_index
from tests.serve.page.helpers import CARDS, chip, ids

BUSY = json.dumps({"type": "urn:dualhash:problem:busy", "detail": "The server is busy."})


def replace_index(server: RunningServer, index: Path) -> None:
    """Replaces the index by a file that is not an index."""
    bad = index.with_name("bad")
    bad.write_bytes(b"not an index")
    bad.replace(index)
    server.wait_for(lambda stats: stats["problem"])


def test_a_server_that_answers_with_an_error_is_reachable(page: Page, address: str):
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


def test_an_answered_search_removes_the_message(page: Page, address: str):
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


def test_a_problem_with_the_index_is_shown_after_a_minute(page: Page, tmp_path: Path, model: Model):
    index = write_index(tmp_path / "index", model, count=30)
    with serving(index) as server:
        page.clock.install()
        page.goto(f"{server.address}#id=4")
        before = ids(page)
        replace_index(server, index)
        expect(page.locator("#banner")).to_be_hidden()
        page.clock.fast_forward("01:01")
        expect(page.locator("#banner")).to_contain_text("cannot be served")
        assert ids(page) == before


def test_a_problem_with_the_index_is_shown_after_a_failed_search(
    page: Page, tmp_path: Path, model: Model
):
    index = write_index(tmp_path / "index", model, count=30)
    with serving(index) as server:
        page.goto(f"{server.address}#id=4")
        ids(page)
        replace_index(server, index)
        page.route("**/api/v1/search", lambda route: route.fulfill(status=503, body=BUSY))
        chip(page, "round").click()
        expect(page.locator("#notice")).to_contain_text("The server is busy.")
        expect(page.locator("#banner")).to_contain_text("cannot be served")
        expect(page.locator(CARDS)).to_have_count(0)
