"""The filter: only images with chosen values of the category or of payload fields."""

import re

from playwright.sync_api import Page, expect

from tests.serve.page.conftest import COUNT
from tests.serve.page.helpers import CARDS, chip, ids, settle


def test_results_can_be_filtered_by_category(page: Page, address: str):
    page.goto(f"{address}#id=4")
    ids(page)
    page.get_by_role("combobox", name="Filter field").select_option("category")
    page.get_by_role("combobox", name="Filter value").select_option("square")
    expect(page).to_have_url(re.compile(r"#id=4&filter=category%3Dsquare$"))
    expect(page.locator("#figure-matches")).to_have_text(str(COUNT // 3 - 1))
    categories = page.locator(f"{CARDS} .category")
    assert set(categories.all_inner_texts()) == {"square labelled"}


def test_fields_and_values_come_from_the_index(page: Page, address: str):
    page.goto(address)
    settle(page)
    fields = page.get_by_role("combobox", name="Filter field").locator("option")
    expect(fields).to_have_text(["category", "fileName", "price", "productDisplayName", "season"])
    page.get_by_role("combobox", name="Filter field").select_option("season")
    values = page.get_by_role("combobox", name="Filter value").locator("option")
    expect(values).to_have_text(["any value", "summer (30)", "winter (30)"])


def test_filters_combine_and_can_be_removed(page: Page, address: str):
    page.goto(f"{address}#id=4&filter=season%3Dwinter&filter=category%3Dsquare")
    found = ids(page)
    assert all(int(item) % 2 == 0 and int(item) % 3 == 1 for item in found)
    assert len(found) == COUNT // 6 - 1
    page.get_by_role("button", name="Remove the filter category: square").click()
    expect(page).to_have_url(f"{address}#id=4&filter=season%3Dwinter")
    expect(page.locator("#figure-matches")).to_have_text(str(COUNT // 2 - 1))
    expect(page.locator("#results")).to_be_focused()
    page.get_by_role("combobox", name="Filter field").select_option("season")
    expect(page.get_by_role("combobox", name="Filter value")).to_have_value("winter")
    page.get_by_role("combobox", name="Filter value").select_option("any value")
    expect(page).to_have_url(f"{address}#id=4")


def test_a_filter_stays_for_other_searches(page: Page, address: str):
    page.goto(f"{address}#id=4&filter=season%3Dwinter")
    ids(page)
    chip(page, "round").click()
    expect(page).to_have_url(re.compile("want=round.*filter=season%3Dwinter"))
    ids(page)
    page.locator(".from").first.click()
    expect(page).to_have_url(re.compile(r"#id=\d+&.*filter=season%3Dwinter"))


def test_values_of_a_field_with_many_values_can_be_typed(page: Page, address: str):
    def shorten(route):
        fields = route.fetch().json()
        for field in fields["fields"]:
            field["complete"] = field["name"] != "productDisplayName"
        route.fulfill(json=fields)

    page.route("**/api/v1/fields", shorten)
    page.goto(f"{address}#id=4")
    ids(page)
    page.get_by_role("combobox", name="Filter field").select_option("productDisplayName")
    page.get_by_role("combobox", name="Filter value").fill("Thing 9")
    page.keyboard.press("Enter")
    expect(page.locator(CARDS)).to_have_count(1)
    expect(page.locator(f"{CARDS} .name")).to_have_text("Thing 9")


def test_a_filter_that_matches_nothing_can_be_removed_from_the_message(page: Page, address: str):
    page.goto(f"{address}#id=4&filter=fileName%3Da.png&filter=price%3D3")
    notice = page.locator("#notice")
    expect(notice).to_contain_text("excludes most")
    notice.get_by_role("button", name="Search without it").click()
    expect(page).to_have_url(re.compile(r"#id=4&filter=(fileName|price)%3D[^&]+$"))
    assert len(ids(page)) >= COUNT // 3 - 1


def test_a_value_that_no_item_has_is_refused(page: Page, address: str):
    page.goto(f"{address}#id=4&filter=season%3Dautumn")
    expect(page.locator("#notice")).to_contain_text("No item has season='autumn'")
    page.get_by_role("button", name="Remove the filter season: autumn").click()
    expect(page).to_have_url(f"{address}#id=4")
    assert len(ids(page)) == 24


def test_a_filter_before_a_search_says_when_it_applies(page: Page, address: str):
    page.goto(f"{address}#filter=season%3Dwinter")
    expect(page.locator("#notice")).to_contain_text("the filter applies to the search")
    expect(page.locator(f"{CARDS} img")).to_have_count(12)


def test_an_address_holds_any_field_and_value(page: Page, address: str):
    page.goto(address)
    filters = {"a=b": "c=d", "größe %": "50 % & mehr", "season": "winter #1"}
    restored = page.evaluate(
        """async (filter) => {
            const { EMPTY_VIEW, formatView, parseView } = await import("./script/url-state.js");
            return parseView(formatView({ ...EMPTY_VIEW, filter })).filter;
        }""",
        filters,
    )
    assert restored == filters
