"""Which bits of a result differ, and what they carry."""

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.serve.page.conftest import ATTRIBUTES, BITS, COUNT
from tests.serve.page.test_page import CARDS, ids


def most_said(page: Page, card: Locator) -> list[str]:
    """The four attributes of which the bits that differ say most, by the API."""
    root = f"{page.url.partition('#')[0]}api/v1"
    answer = page.request.post(f"{root}/search", data={"id": 4, "k": COUNT}).json()
    number = int(card.get_attribute("data-id"))
    differing = next(hit["differing"] for hit in answer["hits"] if hit["id"] == number)
    carried = page.request.get(f"{root}/bits").json()["bits"]
    said = dict.fromkeys(ATTRIBUTES, 0.0)
    for bit in np.flatnonzero(np.unpackbits(np.frombuffer(bytes.fromhex(differing), np.uint8))):
        for each in carried[bit]:
            said[each["name"]] += abs(each["attribution"])
    return sorted(said, key=said.__getitem__, reverse=True)[:4]


def test_a_result_shows_which_bits_differ_and_what_they_carry(page: Page, address: str):
    page.goto(f"{address}#id=4")
    ids(page)
    card = page.locator(CARDS).nth(5)
    differing = int(card.locator(".distance").inner_text().split(" / ")[0])
    card.hover()
    expect(page.locator(".bit.differs")).to_have_count(differing)
    expect(page.locator("#strip-text")).to_contain_text(f"differs in {differing} of {BITS} bits")
    assert page.locator("#strip-text b").all_inner_texts() == most_said(page, card)
    page.locator("#results-title").hover()
    expect(page.locator(".bit.differs")).to_have_count(0)


@pytest.mark.parametrize("way", ["tap", "keyboard"])
def test_a_card_says_which_bits_differ_on_a_phone(page: Page, address: str, way: str):
    browser = page.context.browser
    assert browser is not None
    phone = browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True).new_page()
    phone.goto(f"{address}#id=4")
    ids(phone)
    expect(phone.locator("#strip")).to_be_hidden()
    card = phone.locator(CARDS).first
    differing = int(card.locator(".distance").inner_text().split(" / ")[0])
    which = card.locator(".which summary")
    if way == "tap":
        which.tap()
    else:
        card.locator(".from").focus()
        phone.keyboard.press("Shift+Tab")
        expect(which).to_be_focused()
        phone.keyboard.press("Enter")
    expect(card.locator(".strip")).to_be_visible()
    expect(card.locator(".bit.differs")).to_have_count(differing)
    expect(card.locator(".strip-text")).to_contain_text(f"differs in {differing} of {BITS} bits")
    assert card.locator(".strip-text b").all_inner_texts() == most_said(phone, card)
    phone.context.close()
