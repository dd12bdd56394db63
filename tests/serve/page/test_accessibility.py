"""axe finds nothing serious in any main state; pictures of each are left to be looked at."""

import re
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.serve.page.conftest import SCREENS, serve, write_index
from tests.serve.page.test_late import hold

LINKS = {
    "first-visit": "",
    "same-kind": "#id=4",
    "attributes": "#task=attribute&want=colour%3Dred&without=round",
    "combined": "#id=4&task=combined&want=round",
    "few-matches": "#id=4&task=combined&want=colour%3Dred&want=size%3Dmedium&want=new",
    "nothing-chosen": "#id=4&task=combined",
    "refused": "#id=99999",
}
SIZES = {"wide": (1280, 900), "narrow": (360, 740)}


@pytest.fixture(params=[f"{size}-{scheme}" for size in SIZES for scheme in ("light", "dark")])
def look(request: pytest.FixtureRequest, page: Page) -> str:
    """Size and colours of the page, which has them."""
    size, _, scheme = request.param.partition("-")
    width, height = SIZES[size]
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=scheme)
    SCREENS.mkdir(parents=True, exist_ok=True)
    return request.param


def check(page: Page, state: str, look: str) -> None:
    """Takes a picture and asks axe."""
    page.screenshot(path=SCREENS / f"{state}-{look}.png")
    found = Axe().run(page).response["violations"]
    serious = [each for each in found if each["impact"] in ("serious", "critical")]
    assert not serious, (state, [(each["id"], each["nodes"][0]["html"]) for each in serious])


def settle(page: Page) -> None:
    """Waits until the answer to what the address asks for is shown."""
    expect(page.locator("#results-title")).not_to_have_text("Results")
    expect(page.locator("#results")).not_to_have_attribute("aria-busy", "true")
    expect(page.locator(".skeleton")).to_have_count(0)
    page.wait_for_load_state("networkidle")


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
    words = {"name": "words.png", "mimeType": "image/png", "buffer": b"these are words"}
    page.set_input_files("#file", words)
    expect(page.locator("#refusal")).to_be_visible()
    check(page, "upload-refused", look)


def test_trouble_with_index_or_server_is_accessible(page: Page, tmp_path: Path, look: str):
    banner = page.locator("#banner")
    empty = serve(write_index(tmp_path / "empty", count=0))
    page.goto(empty.address)
    expect(banner).to_be_visible()
    settle(page)
    check(page, "empty-index", look)
    empty.stop()

    index = write_index(tmp_path / "index", count=30)
    served = serve(index)
    page.goto(f"{served.address}#id=4")
    settle(page)
    bad = tmp_path / "bad"
    bad.write_bytes(b"not an index")
    bad.replace(index)
    served.until(lambda stats: stats["problem"])
    page.reload()
    expect(banner).to_contain_text("cannot be served")
    settle(page)
    check(page, "unusable-index", look)
    served.stop()
    page.get_by_role("button", name="Surprise me").click()
    expect(banner).to_contain_text("does not answer")
    expect(page.locator("#download")).to_be_disabled()
    check(page, "server-gone", look)


def test_the_keys_are_told_in_a_dialog_that_is_accessible(page: Page, address: str):
    page.goto(address)
    page.get_by_role("button", name="Keys").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    found = Axe().run(page).response["violations"]
    assert not [each for each in found if each["impact"] in ("serious", "critical")]
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


def colour(page: Page, selector: str, name: str = "background-color") -> str:
    """A colour of the first such element."""
    said = page.locator(selector).first.evaluate(
        "(element, name) => getComputedStyle(element).getPropertyValue(name)", name
    )
    return str(said)


def test_what_colour_tells_is_seen_where_the_system_chooses_the_colours(page: Page, address: str):
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
    assert colour(page, '.chip[data-wish="want"]') != colour(page, '.chip[data-wish="any"]')
    assert colour(page, ".strip") == canvas
    assert colour(page, ".bit.set circle", "fill") != canvas
    page.locator(".card").first.hover()
    assert colour(page, ".bit.differs rect", "stroke") != colour(page, ".bit.set circle", "fill")
    check(page, "forced-colours", "wide")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_edges_of_controls_stand_out(page: Page, address: str, scheme: Literal["light", "dark"]):
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{address}#id=4")
    settle(page)
    grounds = [colour(page, "body"), colour(page, ".card")]
    for control in (".chip", ".button.quiet", ".tool", ".from", "#find-chip", ".drop"):
        edge = colour(page, control, "border-top-color")
        assert all(contrast(edge, ground) >= 3 for ground in grounds), control


def contrast(one: str, other: str) -> float:
    """Of two colours, by WCAG 2.2."""

    def luminance(said: str) -> float:
        shares = [int(part) / 255 for part in re.findall(r"\d+", said)[:3]]
        linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)
