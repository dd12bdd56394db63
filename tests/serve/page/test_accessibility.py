"""axe finds nothing serious in any main state; pictures of each are left to be looked at."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from tests.serve.page.conftest import SCREENS

STATES = {
    "first-visit": "",
    "same-kind": "#id=4",
    "attributes": "#task=attribute&want=colour%3Dred&without=round",
    "combined": "#id=4&task=combined&want=round",
    "few-matches": "#id=4&task=combined&want=colour%3Dred&want=size%3Dmedium&want=new",
    "nothing-chosen": "#id=4&task=combined",
    "refused": "#id=99999",
}
SIZES = {"wide": (1280, 900), "narrow": (360, 740)}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_every_state_is_accessible(page: Page, address: str, size: str, scheme: str):
    width, height = SIZES[size]
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=scheme)
    SCREENS.mkdir(parents=True, exist_ok=True)
    for state, link in STATES.items():
        page.goto("about:blank")
        page.goto(address + link)
        expect(page.locator("#results-title")).not_to_have_text("Results")
        expect(page.locator("#results")).not_to_have_attribute("aria-busy", "true")
        expect(page.locator(".skeleton")).to_have_count(0)
        page.wait_for_load_state("networkidle")
        page.screenshot(path=SCREENS / f"{state}-{size}-{scheme}.png")
        found = Axe().run(page).response["violations"]
        serious = [each for each in found if each["impact"] in ("serious", "critical")]
        assert not serious, (state, [(each["id"], each["nodes"][0]["html"]) for each in serious])


def test_the_keys_are_told_in_a_dialog_that_is_accessible(page: Page, address: str):
    page.goto(address)
    page.get_by_role("button", name="Keys").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    found = Axe().run(page).response["violations"]
    assert not [each for each in found if each["impact"] in ("serious", "critical")]
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
