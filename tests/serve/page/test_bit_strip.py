"""The bits in which a result differs, and the attributes they say most about."""

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.serve.page.conftest import ATTRIBUTES, BITS, COUNT
from tests.serve.page.helpers import CARDS, ids


def expected_attributes(page: Page, card: Locator) -> list[str]:
    """Returns the four attributes that the differing bits say most about, from the API."""
    root = f"{page.url.partition('#')[0]}api/v1"
    answer = page.request.post(f"{root}/search", data={"id": 4, "k": COUNT}).json()
    number = int(card.get_attribute("data-id"))
    differing = next(hit["differing"] for hit in answer["hits"] if hit["id"] == number)
    attributions = page.request.get(f"{root}/bits").json()["bits"]
    totals = dict.fromkeys(ATTRIBUTES, 0.0)
    for bit in np.flatnonzero(np.unpackbits(np.frombuffer(bytes.fromhex(differing), np.uint8))):
        for each in attributions[bit]:
            totals[each["name"]] += abs(each["attribution"])
    return sorted(totals, key=totals.__getitem__, reverse=True)[:4]


def test_pointing_at_a_result_marks_the_bits_that_differ(page: Page, address: str):
    page.goto(f"{address}#id=4")
    ids(page)
    card = page.locator(CARDS).nth(5)
    differing = int(card.locator(".distance").inner_text().split(" / ")[0])
    card.hover()
    expect(page.locator(".bit.differs")).to_have_count(differing)
    expect(page.locator("#strip-text")).to_contain_text(f"differs in {differing} of {BITS} bits")
    assert page.locator("#strip-text b").all_inner_texts() == expected_attributes(page, card)
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
    assert card.locator(".strip-text b").all_inner_texts() == expected_attributes(phone, card)
    phone.context.close()
