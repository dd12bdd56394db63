"""Metrics in Prometheus' text format."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper ends of the latency buckets."""

BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64)
"""Upper ends of the buckets for searches that are answered together."""

METHODS = ("GET", "POST", "OPTIONS")
"""Methods with a time series of their own."""


class Metrics:
    """The metrics of one server."""

    def __init__(self) -> None:
        """Starts all metrics at zero."""
        self._registry = registry = CollectorRegistry()
        self.requests = Counter(
            "dualhash_requests",
            "Requests answered, by route, method and status.",
            ["route", "method", "status"],
            registry=registry,
        )
        self.search_seconds = Histogram(
            "dualhash_search_seconds",
            "Seconds to answer a search, including time in queues, by task and kind of query.",
            ["task", "query"],
            buckets=SECONDS,
            registry=registry,
        )
        self.batch_size = Histogram(
            "dualhash_search_batch_size",
            "Searches that were answered together.",
            buckets=BATCH_SIZES,
            registry=registry,
        )
        self.items = Gauge("dualhash_index_items", "Items in the index.", registry=registry)
        self.generation = Gauge(
            "dualhash_index_generation",
            "Number of index files served since the start.",
            registry=registry,
        )
        self.waiting = Gauge(
            "dualhash_waiting_requests", "Requests in a queue.", ["work"], registry=registry
        )

    def text(self) -> bytes:
        """Returns all metrics in Prometheus' text format."""
        return generate_latest(self._registry)


class CountRequests:
    """Middleware that counts requests by the template of their route.

    Paths and methods that the API does not have are counted as `other`, so that clients cannot
    create time series.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, routes: Iterable[BaseRoute]) -> None:
        """Wraps `app`. Requests that are refused before routing count for the matching route."""
        self._app, self._metrics = app, metrics
        self._routes = [route for route in routes if isinstance(route, Route)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles a request and counts it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        finally:
            method = scope["method"] if scope["method"] in METHODS else "other"
            self._metrics.requests.labels(self._route(scope), method, status).inc()

    def _route(self, scope: Scope) -> str:
        if path := getattr(scope.get("route"), "path", None):
            return str(path)
        matching = (route for route in self._routes if route.matches(scope)[0] is not Match.NONE)
        return next((route.path for route in matching), "other")
