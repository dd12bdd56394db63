"""Searching with the page: queries, tasks, attributes, links, results."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.serve.page.conftest import BITS, COUNT
from tests.serve.page.helpers import CARDS, chip, ids, search, settle


def test_a_first_visit_shows_images_to_start_with(page: Page, address: str):
    page.goto(address)
    expect(page.get_by_role("heading", name="Start with one of these images")).to_be_visible()
    expect(page.locator(f"{CARDS} img")).to_have_count(12)
    page.locator(f"{CARDS} .frame").first.click()
    expect(page.get_by_role("heading", name="Same kind", exact=True)).to_be_visible()
    assert re.search(r"#id=\d+$", page.url)


def test_the_link_of_an_uploaded_image_gives_the_same_results(
    page: Page, address: str, picture: Path
):
    page.goto(address)
    page.set_input_files("#file", picture)
    expect(page.locator("#preview img")).to_have_attribute("alt", "Your image")
    expect(page.locator("#query-labels .query-category h3")).to_contain_text("predicted")
    expect(page.locator(".bit")).to_have_count(BITS)
    found = ids(page)
    assert "#code=" in page.url
    page.goto("about:blank")
    page.go_back()
    assert ids(page) == found
    expect(page.locator("#preview")).to_contain_text("has only the code")


@pytest.mark.parametrize("way", ["drop", "paste"])
def test_an_image_can_be_dropped_and_pasted(page: Page, address: str, picture: Path, way: str):
    page.goto(address)
    expect(page.locator(CARDS).first).to_be_visible()
    page.evaluate(
        """([way, bytes]) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(bytes)], "mine.png", {type: "image/png"}));
            const event = way === "drop"
                ? new DragEvent("drop", {dataTransfer: transfer, bubbles: true, cancelable: true})
                : new ClipboardEvent("paste", {clipboardData: transfer, bubbles: true});
            document.querySelector("#drop").dispatchEvent(event);
        }""",
        [way, list(picture.read_bytes())],
    )
    expect(page.locator("#preview img")).to_have_attribute("alt", "Your image")
    assert len(ids(page)) == 24


def test_surprise_me_chooses_a_query_that_can_be_removed(page: Page, address: str):
    page.goto(address)
    page.get_by_role("button", name="Surprise me").click()
    ids(page)
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("heading", name="Start with one of these images")).to_be_visible()


def test_each_task_can_be_searched_by_keyboard(page: Page, address: str):
    page.goto(f"{address}#id=3")
    by_kind = ids(page)
    expect(page.locator("#figure-matches")).to_have_text(str(COUNT - 1))
    page.get_by_role("radio", name="Same kind", exact=True).focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("heading", name="No attributes chosen yet")).to_be_visible()
    chip(page, "round").press("Space")
    by_attribute = ids(page)
    expect(page.locator(f"{CARDS} .reading-name").first).to_have_text("round")
    page.keyboard.press("3")
    combined = ids(page)
    expect(page.locator("#results-title")).to_contain_text("round")
    assert by_kind != by_attribute
    assert by_attribute != combined
    place = {item: rank for rank, item in enumerate(by_kind)}
    shared = [place[item] for item in combined if item in place]
    assert len(shared) > 1
    assert shared == sorted(shared)


def test_an_attribute_has_three_states_on_the_keyboard(page: Page, address: str):
    page.goto(f"{address}#id=3")
    ids(page)
    red = chip(page, "colour=red")
    red.focus()
    expect(red).to_have_accessible_name("red (either)")
    for state, description in (
        ("want", "red (wanted)"),
        ("without", "red (not wanted)"),
        ("any", "red (either)"),
    ):
        page.keyboard.press("Space")
        expect(red).to_have_attribute("data-state", state)
        expect(red).to_have_accessible_name(re.compile(re.escape(description) + "$"))
        expect(red).to_be_focused()
    for key, state in (("-", "without"), ("+", "want"), ("Delete", "any")):
        page.keyboard.press(key)
        expect(red).to_have_attribute("data-state", state)


def test_a_link_restores_the_view_and_back_goes_back(page: Page, address: str):
    page.goto(f"{address}#id=3")
    ids(page)
    chip(page, "round").click()
    chip(page, "size=large").click()
    chip(page, "size=large").click()
    expect(chip(page, "size=large")).to_have_attribute("data-state", "without")
    found, link = ids(page), page.url
    page.goto("about:blank")
    page.goto(link)
    assert ids(page) == found
    expect(page.get_by_role("radio", name="Same kind, but …")).to_be_checked()
    expect(chip(page, "round")).to_have_attribute("data-state", "want")
    expect(chip(page, "size=large")).to_have_attribute("data-state", "without")
    chip(page, "round").click()
    expect(chip(page, "round")).to_have_attribute("data-state", "without")
    page.go_back()
    expect(chip(page, "round")).to_have_attribute("data-state", "want")
    assert ids(page) == found


def test_many_attributes_can_be_searched(page: Page, address: str):
    page.goto(address)
    page.get_by_label("Find an attribute").fill("GREY")
    expect(page.locator(".chip:visible")).to_have_count(1)
    expect(page.locator(".facet:visible legend")).to_have_text(["colour"])
    page.get_by_label("Find an attribute").fill("")
    expect(page.locator(".chip:visible")).to_have_count(14)


def test_attributes_of_the_query_can_be_taken_over(page: Page, address: str):
    page.goto(f"{address}#id=3&task=attribute")
    page.get_by_role("button", name="Same as your image").click()
    ids(page)
    assert "want=" in page.url
    page.get_by_role("button", name="Clear all").click()
    expect(page.get_by_role("heading", name="No attributes chosen yet")).to_be_visible()


def test_a_weighted_search_ranks_all_items(page: Page, address: str):
    page.goto(f"{address}#id=3&task=combined&want=round&want=size%3Dlarge")
    ids(page)
    hard = int(page.locator("#figure-matches").inner_text())
    page.get_by_text("rank lower").click()
    expect(page.locator("#figure-matches")).to_have_text(str(COUNT - 1))
    assert hard < COUNT - 1


def test_a_search_by_probability_shows_that_of_the_same_kind(page: Page, address: str):
    page.goto(f"{address}#id=3&task=combined&want=round")
    ids(page)
    page.get_by_text("by probability").click()
    expect(page.locator("#figure-matches")).to_have_text(str(COUNT - 1))
    found = search(page, address, id=3, task="posterior", want=["round"], k=24)
    assert ids(page) == [str(hit["id"]) for hit in found["hits"]]
    names = page.locator(f"{CARDS} .reading-name").all_inner_texts()
    assert [name.split(" labelled")[0].strip() for name in names[:2]] == ["same kind", "round"]
    assert "ranking=posterior" in page.url


def test_a_kind_can_be_named_in_place_of_an_image(page: Page, address: str):
    page.goto(address)
    settle(page)
    kind = page.get_by_label("Kind", exact=True)
    name = kind.locator("option").nth(1).inner_text()
    kind.select_option(name)
    found = search(page, address, category=name, k=24)
    assert ids(page) == [str(hit["id"]) for hit in found["hits"]]
    page.locator(".chip[data-name=round]").click()
    expect(page.locator(f"{CARDS} .reading-name")).to_have_count(2 * 24)
    assert f"category={name}" in page.url
    page.get_by_role("button", name="Clear all").click()
    expect(kind).to_have_value("")
    page.goto(f"{address}#id=3")
    expect(kind).to_be_hidden()


def test_arrow_keys_move_through_the_results_and_enter_searches(page: Page, address: str):
    page.goto(f"{address}#id=4")
    found = ids(page)
    page.locator(".from").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"#id={found[1]}$"))


def test_more_results_follow_in_order(page: Page, address: str):
    page.goto(f"{address}#id=4")
    first = ids(page)
    page.get_by_role("button", name="Show more").click()
    expect(page.locator(CARDS)).to_have_count(48)
    both = ids(page)
    assert both[:24] == first
    ranks = page.locator(f"{CARDS} .rank").all_inner_texts()
    assert [int(rank.split()[-1]) for rank in ranks] == list(range(1, 49))
    page.get_by_role("button", name="Show more").click()
    expect(page.locator(CARDS)).to_have_count(COUNT - 1)
    expect(page.locator("#more")).to_be_hidden()


def test_results_can_be_downloaded(page: Page, address: str):
    page.goto(f"{address}#id=4")
    found = ids(page)
    with page.expect_download() as started:
        page.get_by_role("button", name="Download JSON").click()
    saved = json.loads(Path(started.value.path()).read_text())
    assert [str(hit["id"]) for hit in saved["hits"]] == found


def test_the_theme_is_remembered(page: Page, address: str):
    page.emulate_media(color_scheme="light")
    page.goto(address)
    for theme in ("light", "dark"):
        page.locator("#theme").click()
        expect(page.locator("html")).to_have_attribute("data-theme", theme)
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("body")).to_have_css("background-color", "rgb(16, 25, 29)")


def test_a_browser_without_storage_shows_the_page(page: Page, address: str):
    page.add_init_script(
        """Object.defineProperty(window, "localStorage", {
            get() { throw new DOMException("denied", "SecurityError"); },
        });"""
    )
    page.goto(address)
    expect(page.locator(f"{CARDS} img")).to_have_count(12)
    page.locator("#theme").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")


@pytest.mark.parametrize(("width", "height"), [(360, 740), (320, 256)])
def test_nothing_is_cut_off_on_narrow_screens_and_at_high_zoom(
    page: Page, address: str, width: int, height: int
):
    page.set_viewport_size({"width": width, "height": height})
    page.goto(f"{address}#id=4&task=combined&want=round&filter=season%3Dwinter")
    ids(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for control in (
        "#surprise",
        ".tasks span",
        ".chip",
        "#filter-value",
        ".active-filter",
        ".from",
        "#theme",
    ):
        box = page.locator(control).first.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
