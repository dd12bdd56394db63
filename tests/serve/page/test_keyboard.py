"""The keyboard: where the focus goes, shortcuts, and keys that belong to the browser."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.serve.page.helpers import CARDS, chip, ids

NO_MATCH = "#id=4&task=combined&want=colour%3Dred&want=size%3Dmedium&want=new"


def press(control: Locator) -> None:
    """Presses Enter on a control."""
    control.focus()
    control.press("Enter")


@pytest.mark.parametrize(
    ("view", "name"),
    [
        ("#id=4&task=combined&want=round", "Clear all"),
        ("#id=4", "Remove"),
        (NO_MATCH, "Search without it"),
        ("#id=99999", "Try again"),
        ("#id=99999", "Start over"),
    ],
)
def test_a_control_that_disappears_moves_the_focus_to_the_results(
    page: Page, address: str, view: str, name: str
):
    page.goto(address + view)
    expect(page.locator("#results")).not_to_have_attribute("aria-busy", "true")
    with page.expect_response("**/api/v1/**"):
        press(page.get_by_role("button", name=name).first)
    expect(page.locator("#results")).to_be_focused()
    expect(page.locator("#results-title")).to_have_css("outline-style", "solid")
    expect(page.locator(".skeleton")).to_have_count(0)
    expect(page.locator("#results")).to_be_focused()


def test_attributes_of_the_query_can_be_chosen_one_after_another(page: Page, address: str):
    page.goto(f"{address}#id=4")
    ids(page)
    page.locator("#query-labels summary").click()
    reading = page.locator("#query-labels details .reading-name").first
    press(reading)
    expect(page).to_have_url(re.compile("want="))
    ids(page)
    expect(reading).to_be_focused()
    expect(reading).to_be_visible()


def test_further_attributes_stay_open_for_another_image(page: Page, address: str):
    page.goto(f"{address}#id=4")
    ids(page)
    page.locator("#query-labels summary").click()
    page.locator(".from").first.click()
    expect(page).not_to_have_url(re.compile("id=4$"))
    ids(page)
    expect(page.locator("#query-labels details .reading-name").first).to_be_visible()


def test_shortcuts_do_what_the_dialog_says(page: Page, address: str):
    page.goto(address)
    expect(page.locator(CARDS).first).to_be_visible()
    page.keyboard.press("s")
    ids(page)
    for key, task in (("2", "Attributes"), ("3", "Same kind, but …"), ("1", "Same kind")):
        page.keyboard.press(key)
        expect(page.get_by_role("radio", name=task, exact=True)).to_be_checked()
    page.locator("#file").evaluate(
        "file => file.addEventListener('click', () => console.log('an image is chosen'))"
    )
    with page.expect_console_message(lambda message: "chosen" in message.text):
        page.keyboard.press("c")
    page.keyboard.press("f")
    expect(page.get_by_label("Filter field")).to_be_focused()
    page.locator("#results").focus()
    page.keyboard.press("a")
    field = page.get_by_label("Find an attribute")
    expect(field).to_be_focused()
    before = page.url
    page.keyboard.type("sca123")
    expect(field).to_have_value("sca123")
    assert page.url == before


def test_shortcuts_can_be_switched_off(page: Page, address: str):
    page.goto(address)
    page.get_by_role("button", name="Keys").click()
    page.get_by_label("Use letters and digits as shortcuts").uncheck()
    page.keyboard.press("Escape")
    page.reload()
    expect(page.get_by_role("radio", name="Attributes")).to_be_enabled()
    page.keyboard.press("2")
    expect(page.get_by_role("radio", name="Attributes")).not_to_be_checked()
    page.get_by_role("button", name="Keys").click()
    expect(page.get_by_label("Use letters and digits as shortcuts")).not_to_be_checked()


def test_keys_of_the_browser_are_left_alone(page: Page, address: str):
    page.goto(f"{address}#id=4")
    found = ids(page)
    page.evaluate(
        """() => {
            window.taken = [];
            addEventListener("keydown", (event) => window.taken.push(event.defaultPrevented));
        }"""
    )
    chip(page, "round").focus()
    for key in ("Control+=", "Control+-", "Meta+-", "Alt+Delete"):
        page.keyboard.press(key)
    page.locator(".from").nth(2).focus()
    for key in ("Control+ArrowRight", "Alt+ArrowRight", "Alt+1", "Alt+2", "Control+3", "Control+s"):
        page.keyboard.press(key)
    expect(page.locator(".from").nth(2)).to_be_focused()
    assert not any(page.evaluate("window.taken"))
    assert page.url.endswith("#id=4")
    assert ids(page) == found


def test_the_skip_link_keeps_the_search(page: Page, address: str):
    page.goto(f"{address}#id=4&task=combined&want=round")
    found = ids(page)
    press(page.get_by_role("link", name="Skip to the results"))
    expect(page.locator("#results")).to_be_focused()
    assert page.url == f"{address}#id=4&task=combined&want=round"
    assert ids(page) == found
