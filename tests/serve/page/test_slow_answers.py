"""Slow answers: tests hold answers back to check what the page does meanwhile."""

import json
import re
from pathlib import Path

from playwright.sync_api import Page, expect

from dualhash.codes import Model
from tests.serve.page.conftest import make_model, serving, write_index
from tests.serve.page.helpers import CARDS, chip, hold, ids


def test_late_samples_do_not_replace_results(page: Page, address: str, picture: Path):
    release = hold(page, "samples*")
    with page.expect_request("**/samples*"):
        page.goto(address)
    with page.expect_event("requestfailed", lambda request: "samples" in request.url):
        page.set_input_files("#file", picture)
    found = ids(page)
    release()
    assert ids(page) == found
    expect(page.locator("#preview img")).to_have_attribute("alt", "Your image")


def test_grey_cards_are_shown_until_the_first_answer(page: Page, address: str):
    for part in ("attributes", "samples*"):
        release = hold(page, part)
        page.goto("about:blank")
        page.goto(address)
        expect(page.locator(".skeleton")).to_have_count(12)
        expect(page.locator("#more")).to_be_hidden()
        release()
        expect(page.locator(f"{CARDS} img")).to_have_count(12)


def test_the_last_answer_is_removed_while_samples_load(page: Page, address: str):
    page.goto(f"{address}#id=4")
    ids(page)
    release = hold(page, "samples*")
    page.locator("#home").click()
    expect(page.locator("#results-title")).to_have_text("Searching …")
    expect(page.locator(CARDS)).to_have_count(0)
    expect(page.locator("#more")).to_be_hidden()
    release()
    expect(page.locator(f"{CARDS} img")).to_have_count(12)


def test_the_answer_of_an_aborted_search_is_not_shown(page: Page, address: str):
    page.goto(address)
    expect(page.locator(f"{CARDS} img")).to_have_count(12)
    release = hold(page, "search")
    with page.expect_request("**/search"):
        page.goto(f"{address}#id=4")
    expect(page.locator(".skeleton").first).to_be_visible()
    expect(page.locator("#download")).to_be_disabled()
    with page.expect_event("requestfailed", lambda request: "search" in request.url):
        page.go_back()
    expect(page.get_by_role("heading", name="Start with one of these images")).to_be_visible()
    release()
    expect(page.locator(f"{CARDS} img")).to_have_count(12)


def test_actions_before_the_attributes_are_loaded_take_effect(
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


def test_more_results_are_requested_once(page: Page, address: str):
    page.goto(f"{address}#id=4")
    ids(page)
    release = hold(page, "search")
    more = page.get_by_role("button", name="Show more")
    more.click()
    expect(more).to_be_disabled()
    release()
    expect(page.locator(CARDS)).to_have_count(48)
    expect(more).to_be_enabled()


def test_refused_further_results_leave_the_earlier_ones(page: Page, address: str):
    page.goto(f"{address}#id=4")
    found = ids(page)
    busy = json.dumps({"type": "urn:dualhash:problem:busy", "detail": "The server is busy."})
    page.route("**/api/v1/search", lambda route: route.fulfill(status=503, body=busy))
    more = page.get_by_role("button", name="Show more")
    more.click()
    expect(page.locator("#notice")).to_contain_text("The server is busy.")
    expect(page.locator("#live")).to_contain_text("The server is busy.")
    expect(page.locator("#download")).to_be_enabled()
    assert ids(page) == found
    page.unroute("**/api/v1/search")
    more.click()
    expect(page.locator(CARDS)).to_have_count(48)
    expect(page.locator("#notice")).to_be_empty()


def test_more_results_of_a_replaced_index_start_again(page: Page, tmp_path: Path, model: Model):
    with serving(write_index(tmp_path, model, count=50)) as server:
        page.goto(f"{server.address}#id=4")
        ids(page)
        write_index(tmp_path, model, count=40)
        server.wait_for(lambda stats: stats["generation"] == 2)
        page.get_by_role("button", name="Show more").click()
        expect(page.locator("#notice")).to_contain_text("The index has changed")
        expect(page.locator("#figure-items")).to_have_text("40")
        assert len(ids(page)) == 24
        expect(page.locator(f"{CARDS} .rank").first).to_have_text(re.compile("1$"))


def test_an_index_of_another_model_shows_its_own_attributes(
    page: Page, tmp_path: Path, model: Model
):
    with serving(write_index(tmp_path, model, count=30)) as server:
        page.goto(f"{server.address}#id=4")
        ids(page)
        expect(chip(page, "colour=red")).to_be_visible()
        write_index(tmp_path, make_model(tmp_path / "model", ("furry", "wet")), count=40)
        server.wait_for(lambda stats: stats["generation"] == 2)
        page.get_by_role("button", name="Surprise me").click()
        expect(chip(page, "furry")).to_be_visible()
        expect(chip(page, "colour=red")).to_have_count(0)
        expect(page.locator("#figure-items")).to_have_text("40")
        assert len(ids(page)) == 24
