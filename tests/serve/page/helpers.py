"""What the tests of the page share: finding results, holding back answers, waiting."""

import contextlib
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Error, Locator, Page, Route, expect

CARDS = "#grid > .card:not(.skeleton)"


def ids(page: Page) -> list[str]:
    """Waits for the results and returns their ids in order."""
    expect(page.locator("#results")).not_to_have_attribute("aria-busy", "true")
    expect(page.locator(f"{CARDS}[data-id]").first).to_be_visible()
    return page.locator(CARDS).evaluate_all("cards => cards.map(card => card.dataset.id)")


def search(page: Page, address: str, **body: Any) -> dict[str, Any]:
    """Returns an answer of the API."""
    return page.request.post(f"{address}api/v1/search", data=body).json()


def chip(page: Page, name: str) -> Locator:
    """Returns the button of an attribute."""
    return page.locator(f'.chip[data-name="{name}"]')


def settle(page: Page) -> None:
    """Waits until the answer for the address is shown."""
    expect(page.locator("#results-title")).not_to_have_text("Results")
    expect(page.locator("#results")).not_to_have_attribute("aria-busy", "true")
    expect(page.locator(".skeleton")).to_have_count(0)


def hold(page: Page, part: str) -> Callable[[], None]:
    """Holds back the answers of a part of the API; returns the function that releases them."""
    routes: list[Route] = []
    pattern = f"**/api/v1/{part}"
    page.route(pattern, lambda route: routes.append(route))  # noqa: PLW0108 - it must be a function

    def release() -> None:
        page.unroute(pattern)
        for route in routes:
            with contextlib.suppress(Error):  # the page has aborted the request
                route.continue_()

    return release
