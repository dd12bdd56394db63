"""What a card says of a result."""

import json
import re
from urllib.request import Request, urlopen

from playwright.sync_api import Page, expect

from tests.serve.page.conftest import COUNT
from tests.serve.page.test_page import ids


def test_a_card_says_what_the_item_is_called(page: Page, address: str):
    page.goto(f"{address}#id=4")
    found = ids(page)
    names = page.locator(".card").evaluate_all(
        "cards => cards.map(card => card.querySelector('.name')?.textContent ?? '')"
    )
    assert names == ["" if int(item) % 3 else f"Thing {item}" for item in found]
    named = page.get_by_role("button", name=re.compile(r"rank \d+: Thing \d+, "))
    expect(named).to_have_count(sum(map(bool, names)))


def test_a_wish_that_a_label_denies_is_marked(page: Page, address: str):
    search = {"id": 4, "task": "combined", "want": ["colour=red"], "k": COUNT}
    kind = {"Content-Type": "application/json"}
    with urlopen(Request(f"{address}api/v1/search", json.dumps(search).encode(), kind)) as answered:
        labels = {hit["id"]: hit["labels"].get("colour=red") for hit in json.load(answered)["hits"]}
    page.goto(f"{address}#id=4&task=combined&want=colour%3Dred")
    shown = [int(item) for item in ids(page)]
    assert {labels[item] for item in shown} == {True, False, None}
    for item in shown:
        card = page.locator(f".card[data-id='{item}'] .readings")
        denied = card.locator(".mark.denied")
        expect(denied).to_have_text(["✕ labelled no"] if labels[item] is False else [])
        expect(card.locator(".mark")).to_have_count(int(labels[item] is not None))


def test_what_is_asked_for_is_said_as_it_is_meant(page: Page, address: str):
    page.goto(f"{address}#id=4&task=combined&want=round")
    ids(page)
    words = page.locator("#task-words")
    expect(words).to_have_text("Pictures of the same kind as yours that have what you choose.")
    page.get_by_text("rank lower").click()
    expect(words).to_have_text(
        "Pictures of the same kind as yours, those first that have what you choose."
    )
