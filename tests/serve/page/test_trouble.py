"""What is refused, what finds nothing, and a server or an index in trouble."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.serve.page.conftest import serve, write_index
from tests.serve.page.test_page import CARDS, chip, ids


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("not-an-image.png", b"these are words", "not"),
        ("empty.png", b"", "empty"),
        ("damaged.png", None, "damaged"),
    ],
)
def test_a_refused_upload_keeps_the_query(  # noqa: PLR0917
    page: Page, address: str, picture: Path, name: str, content: bytes | None, said: str
):
    page.goto(f"{address}#id=4")
    found = ids(page)
    content = picture.read_bytes()[:60] if content is None else content
    page.set_input_files("#file", {"name": name, "mimeType": "image/png", "buffer": content})
    refusal = page.locator("#refusal")
    expect(refusal).to_contain_text("The earlier picture is kept.")
    expect(refusal).to_contain_text(said)
    assert ids(page) == found
    assert page.url.endswith("#id=4")


def test_too_large_an_upload_is_refused_before_it_is_sent(page: Page, address: str, tmp_path: Path):
    large = tmp_path / "large.png"
    large.write_bytes(bytes(21 << 20))
    page.goto(address)
    page.set_input_files("#file", large)
    expect(page.locator("#refusal")).to_contain_text("larger than 20 MB")


def test_few_matches_say_which_wish_excludes_most(page: Page, address: str):
    page.goto(f"{address}#id=4&task=combined&want=colour%3Dred&want=size%3Dmedium&want=new")
    notice = page.locator("#notice")
    expect(notice).to_contain_text(re.compile(r"(Only \d+ match|Nothing matches)"))
    expect(notice).to_contain_text("excludes most")
    expect(page.locator("#live")).to_contain_text("excludes most")
    before = page.url
    notice.get_by_role("button", name="Search without it").click()
    expect(page).not_to_have_url(before)
    assert page.url.count("want=") == 2


@pytest.mark.parametrize("short", [None, {"field": "want", "wish": "round", "matched_without": 0}])
def test_where_nothing_matches_the_wishes_can_be_cleared(
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
    page.locator("#notice").get_by_role("button", name="Clear wishes").click()
    expect(page.get_by_role("heading", name="Nothing chosen yet")).to_be_visible()
    assert "want" not in page.url


def test_a_search_that_is_refused_says_why(page: Page, address: str):
    page.goto(f"{address}#id=99999")
    expect(page.locator("#notice")).to_contain_text("99999")
    page.get_by_role("button", name="Start afresh").click()
    expect(page.get_by_role("heading", name="Begin with one of these")).to_be_visible()


def test_an_empty_index_says_how_to_fill_it(page: Page, tmp_path: Path):
    served = serve(write_index(tmp_path / "empty", count=0))
    page.goto(served.address)
    expect(page.locator("#banner")).to_contain_text("dualhash index add shapes.dhx")
    served.stop()


def test_an_index_that_was_replaced_by_a_bad_one_is_told_of(page: Page, tmp_path: Path):
    index = write_index(tmp_path / "stale", count=5)
    served = serve(index)
    bad = tmp_path / "bad"
    bad.write_bytes(b"not an index")
    bad.replace(index)
    served.until(lambda stats: stats["problem"])
    page.goto(served.address)
    expect(page.locator("#banner")).to_contain_text("cannot be served")
    expect(page.locator("#banner")).to_contain_text("dualhash index")
    served.stop()


def test_a_server_that_is_gone_is_looked_for(page: Page, shapes: Path):
    served = serve(shapes)
    port = int(served.address.rstrip("/").rpartition(":")[2])
    page.goto(f"{served.address}#id=4")
    found = ids(page)
    served.stop()
    chip(page, "round").click()
    expect(page.locator("#banner")).to_contain_text("does not answer")
    expect(page.locator("#figure-matches")).to_have_text("–")
    expect(page.locator("#download")).to_be_disabled()
    again = serve(shapes, port)
    expect(page.locator("#banner")).to_be_hidden()
    page.go_back()
    assert ids(page) == found
    again.stop()


def test_a_token_is_asked_for_and_kept_out_of_the_address(page: Page, shapes: Path):
    served = serve(shapes, token="a-long-secret")
    page.goto(served.address)
    expect(page.locator("#notice")).to_contain_text("token")
    page.goto(f"{served.address}?token=a-long-secret")
    expect(page.locator(f"{CARDS} img").first).to_be_visible()
    assert "secret" not in page.url
    served.stop()
