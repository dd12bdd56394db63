"""What comes late, or is done early, changes nothing: slow answers are held back on purpose."""

import contextlib
import json
import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Error, Page, Route, expect

from tests.serve.page.conftest import serve, write_index
from tests.serve.page.test_page import CARDS, chip, ids

Release = Callable[[], None]


def hold(page: Page, part: str) -> Release:
    """Holds the answers of a part of the API back until they are released."""
    held: list[Route] = []
    pattern = f"**/api/v1/{part}"
    page.route(pattern, lambda route: held.append(route))  # noqa: PLW0108 - it must be a function

    def release() -> None:
        page.unroute(pattern)
        for route in held:
            with contextlib.suppress(Error):  # the page has given it up
                route.continue_()

    return release


def test_samples_that_come_late_do_not_take_the_place_of_results(
    page: Page, address: str, picture: Path
):
    release = hold(page, "samples*")
    with page.expect_request("**/samples*"):
        page.goto(address)
    with page.expect_event("requestfailed", lambda request: "samples" in request.url):
        page.set_input_files("#file", picture)
    found = ids(page)
    release()
    assert ids(page) == found
    expect(page.locator("#preview img")).to_have_attribute("alt", "Your picture")


def test_there_are_grey_cards_until_the_first_answer(page: Page, address: str):
    for part in ("attributes", "samples*"):
        release = hold(page, part)
        page.goto("about:blank")
        page.goto(address)
        expect(page.locator(".skeleton")).to_have_count(12)
        expect(page.locator("#more")).to_be_hidden()
        release()
        expect(page.locator(f"{CARDS} img")).to_have_count(12)


def test_nothing_of_the_last_answer_stays_while_samples_are_awaited(page: Page, address: str):
    page.goto(f"{address}#id=4")
    ids(page)
    release = hold(page, "samples*")
    page.locator("#home").click()
    expect(page.locator("#results-title")).to_have_text("Searching …")
    expect(page.locator(CARDS)).to_have_count(0)
    expect(page.locator("#more")).to_be_hidden()
    release()
    expect(page.locator(f"{CARDS} img")).to_have_count(12)


def test_a_search_that_was_overtaken_is_not_shown(page: Page, address: str):
    page.goto(address)
    expect(page.locator(f"{CARDS} img")).to_have_count(12)
    release = hold(page, "search")
    with page.expect_request("**/search"):
        page.goto(f"{address}#id=4")
    expect(page.locator(".skeleton").first).to_be_visible()
    expect(page.locator("#download")).to_be_disabled()
    with page.expect_event("requestfailed", lambda request: "search" in request.url):
        page.go_back()
    expect(page.get_by_role("heading", name="Begin with one of these")).to_be_visible()
    release()
    expect(page.locator(f"{CARDS} img")).to_have_count(12)


def test_what_is_done_before_the_attributes_are_known_counts(
    page: Page, address: str, picture: Path
):
    release = hold(page, "attributes")
    page.goto(address)
    page.get_by_label("Find an attribute").fill("GREY")
    expect(page.get_by_role("radio", name="Attributes")).to_be_disabled()
    page.locator("#home").click()
    page.go_back()
    page.set_input_files("#file", picture)
    release()
    expect(page.get_by_role("radio", name="Attributes")).to_be_enabled()
    expect(page.locator(".chip:visible")).to_have_count(1)
    assert len(ids(page)) == 24


def test_more_is_asked_for_once(page: Page, address: str):
    page.goto(f"{address}#id=4")
    ids(page)
    release = hold(page, "search")
    more = page.get_by_role("button", name="Show more")
    more.click()
    expect(more).to_be_disabled()
    release()
    expect(page.locator(CARDS)).to_have_count(48)
    expect(more).to_be_enabled()


def test_more_that_is_refused_leaves_the_results_that_are_there(page: Page, address: str):
    page.goto(f"{address}#id=4")
    found = ids(page)
    busy = json.dumps({"type": "urn:dualhash:problem:busy", "detail": "All hands are full."})
    page.route("**/api/v1/search", lambda route: route.fulfill(status=503, body=busy))
    more = page.get_by_role("button", name="Show more")
    more.click()
    expect(page.locator("#notice")).to_contain_text("All hands are full.")
    expect(page.locator("#live")).to_contain_text("All hands are full.")
    expect(page.locator("#download")).to_be_enabled()
    assert ids(page) == found
    page.unroute("**/api/v1/search")
    more.click()
    expect(page.locator(CARDS)).to_have_count(48)
    expect(page.locator("#notice")).to_be_empty()


def test_more_of_an_index_that_was_replaced_begins_anew(page: Page, tmp_path: Path):
    served = serve(write_index(tmp_path / "index", count=50))
    page.goto(f"{served.address}#id=4")
    ids(page)
    write_index(tmp_path / "index", count=40)
    served.until(lambda stats: stats["generation"] == 2)
    page.get_by_role("button", name="Show more").click()
    expect(page.locator("#notice")).to_contain_text("The index has changed")
    expect(page.locator("#figure-items")).to_have_text("40")
    assert len(ids(page)) == 24
    expect(page.locator(f"{CARDS} .rank").first).to_have_text(re.compile("1$"))
    served.stop()


def test_an_index_of_another_model_brings_its_own_attributes(page: Page, tmp_path: Path):
    served = serve(write_index(tmp_path / "index", count=30))
    page.goto(f"{served.address}#id=4")
    ids(page)
    write_index(tmp_path / "index", count=40, attributes=("furry", "wet"))
    expect(chip(page, "colour=red")).to_be_visible()
    served.until(lambda stats: stats["generation"] == 2)
    page.get_by_role("button", name="Surprise me").click()
    expect(chip(page, "furry")).to_be_visible()
    expect(chip(page, "colour=red")).to_have_count(0)
    expect(page.locator("#figure-items")).to_have_text("40")
    assert len(ids(page)) == 24
    served.stop()
