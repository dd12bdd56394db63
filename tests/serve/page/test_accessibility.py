"""axe finds nothing serious in any main state; pictures of each are left to be looked at."""

from pathlib import Path

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
