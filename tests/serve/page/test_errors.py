"""Refused uploads and searches, searches without matches, and problems of server or index."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from dualhash.codes import Model
from tests.serve.page.conftest import serving, write_index
from tests.serve.page.helpers import CARDS, chip, ids


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("not-an-image.png", b"this is text", "not"),
        ("empty.png", b"", "empty"),
        ("damaged.png", None, "damaged"),
    ],
)
def test_a_refused_upload_keeps_the_query(  # noqa: PLR0917
    page: Page, address: str, picture: Path, name: str, content: bytes | None, reason: str
):
    page.goto(f"{address}#id=4")
    before = ids(page)
    content = picture.read_bytes()[:60] if content is None else content
    page.set_input_files("#file", {"name": name, "mimeType": "image/png", "buffer": content})
    refusal = page.locator("#refusal")
    expect(refusal).to_contain_text("The earlier image is kept.")
    expect(refusal).to_contain_text(reason)
    assert ids(page) == before
    assert page.url.endswith("#id=4")


def test_an_upload_that_is_too_large_is_not_sent(page: Page, address: str, tmp_path: Path):
    large = tmp_path / "large.png"
    large.write_bytes(bytes(21 << 20))
    page.goto(address)
    page.set_input_files("#file", large)
    expect(page.locator("#refusal")).to_contain_text("larger than 20 MB")


def test_few_matches_name_the_condition_that_excludes_most(page: Page, address: str):
    page.goto(f"{address}#id=4&task=combined&want=colour%3Dred&want=size%3Dmedium&want=new")
    notice = page.locator("#notice")
    expect(notice).to_contain_text(re.compile(r"(Only \d+ match|Nothing matches)"))
    expect(notice).to_contain_text("excludes most")
    expect(page.locator("#live")).to_contain_text("excludes most")
    before = page.url
    notice.get_by_role("button", name="Search without it").click()
    expect(page).not_to_have_url(before)
    assert page.url.count("want=") == 2


@pytest.mark.parametrize("short", [None, {"field": "want", "value": "round", "matched_without": 0}])
def test_all_conditions_can_be_cleared_if_nothing_matches(
    page: Page, address: str, short: dict[str, object] | None
):
    def nothing(route: Route) -> None:
        answer = route.fetch().json()
        route.fulfill(json=answer | {"hits": [], "matched": 0, "shortage": short})

    page.route("**/api/v1/search", nothing)
    page.goto(f"{address}#task=attribute&want=round&without=shiny")
    expect(page.locator("#notice")).to_contain_text("Nothing matches.")
    expect(page.locator("#live")).to_contain_text("Nothing matches.")
    expect(page.get_by_role("button", name="Search without it")).to_have_count(1 if short else 0)
    page.locator("#notice").get_by_role("button", name="Clear all").click()
    expect(page.get_by_role("heading", name="No attributes chosen yet")).to_be_visible()
    assert "want" not in page.url


def test_a_search_that_is_refused_says_why(page: Page, address: str):
    page.goto(f"{address}#id=99999")
    expect(page.locator("#notice")).to_contain_text("99999")
    page.get_by_role("button", name="Start over").click()
    expect(page.get_by_role("heading", name="Start with one of these images")).to_be_visible()


def test_an_empty_index_says_how_to_fill_it(page: Page, empty_address: str):
    page.goto(empty_address)
    expect(page.locator("#banner")).to_contain_text("dualhash index add shapes.dhx")


def test_an_index_replaced_by_another_file_is_reported(page: Page, tmp_path: Path, model: Model):
    index = write_index(tmp_path / "index", model, count=5)
    with serving(index) as server:
        bad = tmp_path / "bad"
        bad.write_bytes(b"not an index")
        bad.replace(index)
        server.wait_for(lambda stats: stats["problem"])
        page.goto(server.address)
        expect(page.locator("#banner")).to_contain_text("cannot be served")
        expect(page.locator("#banner")).to_contain_text("dualhash index")


def test_the_page_waits_for_a_stopped_server(page: Page, shapes: Path):
    page.clock.install()
    with serving(shapes) as server:
        port = int(server.address.rstrip("/").rpartition(":")[2])
        page.goto(f"{server.address}#id=4")
        before = ids(page)
    chip(page, "round").click()
    expect(page.locator("#banner")).to_contain_text("does not answer")
    expect(page.locator("#figure-matches")).to_have_text("–")
    expect(page.locator("#download")).to_be_disabled()
    with serving(shapes, port):
        page.clock.fast_forward("00:04")
        expect(page.locator("#banner")).to_be_hidden()
        page.go_back()
        assert ids(page) == before


def test_a_token_is_required_and_removed_from_the_address(page: Page, shapes: Path):
    with serving(shapes, token="a-long-secret") as server:
        page.goto(server.address)
        expect(page.locator("#notice")).to_contain_text("token")
        page.goto(f"{server.address}?token=a-long-secret")
        expect(page.locator(f"{CARDS} img").first).to_be_visible()
        assert "secret" not in page.url
