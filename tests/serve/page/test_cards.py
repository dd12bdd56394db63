"""The cards of results: picture, verdict, names, labels and links."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.serve.page.conftest import BITS, COUNT, PORTRAIT, PORTRAIT_SIZE
from tests.serve.page.helpers import CARDS, ids, search, settle

VERDICTS = {
    "right": ("✓", "solid"),
    "half": ("½", "double"),
    "wrong": ("✕", "dashed"),
    "unknown": ("?", "dotted"),
}
BOTH = "#id=4&task=combined&want=round&without=colour%3Dred"


@pytest.mark.parametrize("size", [(1280, 900), (390, 844)])
def test_portrait_photos_are_shown_whole(page: Page, address: str, size: tuple[int, int]):
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.goto(f"{address}#id=4&filter=season%3Dsummer")
    ids(page)
    page.evaluate("document.querySelectorAll('img').forEach(img => (img.loading = 'eager'))")
    card = page.locator(f".card[data-id='{PORTRAIT}']")
    page.wait_for_function("img => img.complete", arg=card.locator("img").element_handle())
    natural = card.locator("img").evaluate("img => [img.naturalHeight, img.naturalWidth]")
    assert tuple(natural) == PORTRAIT_SIZE
    image, frame = (card.locator(each).bounding_box() for each in ("img", ".frame"))
    assert image is not None
    assert frame is not None
    assert frame["width"] == pytest.approx(frame["height"], abs=1)
    assert image["y"] >= frame["y"]
    assert image["y"] + image["height"] <= frame["y"] + frame["height"]
    assert image["x"] >= frame["x"]
    assert image["x"] + image["width"] <= frame["x"] + frame["width"]


def test_a_card_shows_name_file_and_id(page: Page, address: str):
    page.goto(f"{address}#id=4")
    shown = ids(page)
    for item in shown[:6]:
        card = page.locator(f".card[data-id='{item}']")
        expect(card.locator(".name")).to_have_text([] if int(item) % 3 else [f"Thing {item}"])
        expect(card.locator(".file-name")).to_have_text(f"{item}.png")
        link = card.locator(".item-link")
        expect(link).to_have_text(f"id {item}")
        stored = page.request.get(f"{address}{link.get_attribute('href')}").json()
        assert stored["id"] == int(item)
    named = page.get_by_role("link", name=re.compile(r"rank \d+: Thing \d+, "))
    expect(named).to_have_count(sum(int(item) % 3 == 0 for item in shown))


def test_a_long_file_name_stays_inside_its_card(page: Page, address: str):
    page.goto(f"{address}#id=4")
    ids(page)
    card = page.locator(CARDS).first
    card.locator(".file-name").evaluate("name => (name.textContent = 'IMG-0001'.repeat(12))")
    name, frame = (card.locator(each).bounding_box() for each in (".file-name", ".frame"))
    assert name is not None
    assert frame is not None
    assert name["x"] + name["width"] <= frame["x"] + frame["width"]


def test_samples_show_file_and_id(page: Page, address: str):
    page.goto(address)
    expect(page.locator(f"{CARDS} img")).to_have_count(12)
    (name, link) = (page.locator(f"{CARDS} {each}").first for each in (".file-name", ".item-link"))
    assert name.inner_text() == link.inner_text().replace("id ", "") + ".png"


def test_a_card_links_to_the_search_from_its_item(page: Page, address: str):
    page.goto(f"{address}#id=4&task=combined&want=round")
    item = ids(page)[0]
    link = page.locator(".from").first
    assert link.get_attribute("href") == f"#id={item}&task=combined&want=round"
    with page.context.expect_page() as opened:
        link.click(modifiers=["ControlOrMeta"])
    expect(opened.value.locator(f"{CARDS}[data-id]").first).to_be_visible()
    assert opened.value.url == f"{address}#id={item}&task=combined&want=round"
    assert "#id=4&" in page.url


def test_frames_show_verdicts_by_line_and_sign(page: Page, address: str):
    page.goto(address + BOTH)
    ids(page)
    page.get_by_text("rank lower").click()
    expect(page.locator("#figure-matches")).to_have_text(str(COUNT - 1))
    page.get_by_role("button", name="Show more").click()
    expect(page.locator(CARDS)).to_have_count(48)
    answer = search(
        page, address, id=4, task="weighted", want=["round"], without=["colour=red"], k=48
    )
    expected = {str(hit["id"]): hit["verdict"] for hit in answer["hits"]}
    assert set(expected.values()) == set(VERDICTS)
    for item, verdict in expected.items():
        card = page.locator(f".card[data-id='{item}']")
        expect(card).to_have_class(re.compile(rf"\b{verdict}\b"))
    for verdict, (sign, line) in VERDICTS.items():
        card = page.locator(f"{CARDS}.{verdict}").first
        expect(card.locator(".badge")).to_contain_text(sign)
        expect(card.locator(".frame")).to_have_css("border-top-style", line)
        expect(card.locator(".badge")).to_contain_text(answer["verdicts"][verdict])
    expect(page.locator(CARDS).first.locator(".distance")).to_have_text(
        re.compile(rf"^\d+ / {BITS} bits$")
    )


def test_a_legend_says_what_the_frames_mean(page: Page, address: str):
    legend = page.get_by_role("list", name="Meaning of the frames")
    page.goto(f"{address}#id=4")
    ids(page)
    expect(legend.get_by_role("listitem")).to_have_text(
        ["✓right same category", "✕wrong another category", "?unknown category label missing"]
    )
    page.goto(address + BOTH)
    expect(legend.locator(".half")).to_have_text("½half right only one of the two")
    expect(legend.locator(".half .swatch")).to_have_css("border-top-style", "double")
    page.goto(f"{address}#id=99999")
    settle(page)
    expect(legend).to_be_hidden()


def test_results_of_an_upload_are_unknown(page: Page, address: str, picture):
    page.goto(address)
    page.set_input_files("#file", picture)
    found = ids(page)
    expect(page.locator("#query-labels .query-category h3")).to_contain_text("predicted")
    expect(page.locator(f"{CARDS}.unknown")).to_have_count(len(found))
    expect(page.locator("#legend li")).to_have_text(
        ["?unknown the query has no category label to compare with"]
    )


def test_a_label_that_contradicts_a_wanted_attribute_is_marked(page: Page, address: str):
    answer = search(page, address, id=4, task="combined", want=["colour=red"], k=COUNT)
    labels = {hit["id"]: hit["labels"].get("colour=red") for hit in answer["hits"]}
    page.goto(f"{address}#id=4&task=combined&want=colour%3Dred")
    shown = [int(item) for item in ids(page)]
    assert {labels[item] for item in shown} == {True, False, None}
    for item in shown:
        card = page.locator(f".card[data-id='{item}'] .readings")
        marks = card.locator(".mark.contradicts")
        expect(marks).to_have_text(["✕ labelled no"] if labels[item] is False else [])
        expect(card.locator(".mark")).to_have_count(int(labels[item] is not None))


def test_the_form_says_what_the_task_finds(page: Page, address: str):
    page.goto(f"{address}#id=4&task=combined&want=round")
    ids(page)
    text = page.locator("#task-text")
    expect(text).to_have_text(
        "Images of the same kind as yours that have the attributes you choose."
    )
    page.get_by_text("rank lower").click()
    expect(text).to_have_text(
        "Images of the same kind as yours; those with the attributes you choose rank higher."
    )
