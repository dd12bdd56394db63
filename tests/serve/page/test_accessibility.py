"""axe finds no serious problem in any state of the page."""

import os
import re
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from dualhash.codes import Model
from tests.serve.page.conftest import serving, write_index
from tests.serve.page.helpers import hold, settle

SCREENSHOTS = os.environ.get("DUALHASH_SCREENSHOTS")
"""Folder for a screenshot of every state; none are taken without it."""

LINKS = {
    "first-visit": "",
    "same-kind": "#id=4",
    "attributes": "#task=attribute&want=colour%3Dred&without=round",
    "combined": "#id=4&task=combined&want=round&without=colour%3Dred",
    "filter": "#id=4&filter=season%3Dwinter&filter=category%3Dsquare",
    "few-matches": "#id=4&task=combined&want=colour%3Dred&want=size%3Dmedium&want=new",
    "no-attributes": "#id=4&task=combined",
    "refused": "#id=99999",
}
CONTROLS = (".chip", ".button.quiet", ".tool", ".from", ".drop")
LOOKS: dict[str, tuple[int, int, Literal["light", "dark"]]] = {
    "wide-light": (1280, 900, "light"),
    "narrow-dark": (360, 740, "dark"),
}


@pytest.fixture(params=LOOKS)
def look(request: pytest.FixtureRequest, page: Page) -> str:
    """Sets size and colours of the page; returns their name."""
    width, height, scheme = LOOKS[request.param]
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=scheme)
    return request.param


def check(page: Page, state: str, look: str) -> None:
    """Fails if axe finds a serious problem."""
    if SCREENSHOTS:
        page.wait_for_load_state("networkidle")
        page.screenshot(path=Path(SCREENSHOTS) / f"{state}-{look}.png")
    violations = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    serious = [each for each in violations if each["impact"] in ("serious", "critical")]
    assert not serious, (state, [(each["id"], each["nodes"][0]["html"]) for each in serious])


def test_every_view_is_accessible(page: Page, address: str, look: str):
    for state, link in LINKS.items():
        page.goto("about:blank")
        page.goto(address + link)
        settle(page)
        check(page, state, look)


def test_waiting_and_a_refused_upload_are_accessible(page: Page, address: str, look: str):
    release = hold(page, "search")
    page.goto(f"{address}#id=4")
    expect(page.locator(".skeleton").first).to_be_visible()
    check(page, "loading", look)
    release()
    settle(page)
    text = {"name": "text.png", "mimeType": "image/png", "buffer": b"this is text"}
    page.set_input_files("#file", text)
    expect(page.locator("#refusal")).to_be_visible()
    check(page, "upload-refused", look)


def test_an_empty_index_is_accessible(page: Page, empty_address: str, look: str):
    page.goto(empty_address)
    expect(page.locator("#banner")).to_be_visible()
    settle(page)
    check(page, "empty-index", look)


def test_an_unusable_index_and_a_stopped_server_are_accessible(
    page: Page, tmp_path: Path, model: Model, look: str
):
    index = write_index(tmp_path / "index", model, count=30)
    with serving(index) as server:
        bad = tmp_path / "bad"
        bad.write_bytes(b"not an index")
        bad.replace(index)
        server.wait_for(lambda stats: stats["problem"])
        page.goto(f"{server.address}#id=4")
        expect(page.locator("#banner")).to_contain_text("cannot be served")
        settle(page)
        check(page, "unusable-index", look)
    page.get_by_role("button", name="Surprise me").click()
    expect(page.locator("#banner")).to_contain_text("does not answer")
    expect(page.locator("#download")).to_be_disabled()
    check(page, "server-gone", look)


def test_the_dialog_of_keyboard_shortcuts_is_accessible(page: Page, address: str):
    page.goto(address)
    page.get_by_role("button", name="Keys").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    check(page, "shortcuts", "wide-light")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


def colour(page: Page, selector: str, name: str = "background-color") -> str:
    """Returns a colour of the first element."""
    value = page.locator(selector).first.evaluate(
        "(element, name) => getComputedStyle(element).getPropertyValue(name)", name
    )
    return str(value)


def test_states_differ_if_the_system_sets_the_colours(page: Page, address: str):
    page.emulate_media(forced_colors="active")
    page.goto(f"{address}#id=4&task=combined&want=round")
    settle(page)
    canvas = colour(page, "body")
    assert colour(page, ".bar-fill") != canvas
    expect(page.locator(".bar-track").first).to_have_css("border-top-style", "solid")
    assert colour(page, ".tasks input:checked + span") not in {
        canvas,
        colour(page, ".tasks input:not(:checked) + span"),
    }
    assert colour(page, '.chip[data-state="want"]') != colour(page, '.chip[data-state="any"]')
    assert colour(page, ".strip") == canvas
    assert colour(page, ".bit.set circle", "fill") != canvas
    page.locator(".card").first.hover()
    assert colour(page, ".bit.differs rect", "stroke") != colour(
        page, ".bit.set:not(.differs) circle", "fill"
    )
    check(page, "forced-colours", "wide")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_borders_of_controls_have_enough_contrast(
    page: Page, address: str, scheme: Literal["light", "dark"]
):
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{address}#id=4")
    settle(page)
    grounds = [colour(page, "body"), colour(page, ".card")]
    for control in (
        ".chip",
        ".button.quiet",
        ".tool",
        ".from",
        "#find-chip",
        "#filter-field",
        ".drop",
    ):
        edge = colour(page, control, "border-top-color")
        assert all(contrast(edge, ground) >= 3 for ground in grounds), control


def contrast(one: str, other: str) -> float:
    """Returns the contrast of two colours, as WCAG 2.2 defines it."""

    def luminance(colour: str) -> float:
        shares = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
        linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)
