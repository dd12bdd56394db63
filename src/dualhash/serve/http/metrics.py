"""What is measured, for Prometheus."""

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper ends of the buckets of latencies."""


class Metrics:
    """Counters of one server."""

    def __init__(self) -> None:
        """All of them at zero."""
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "dualhash_requests",
            "Requests answered, by route, method and status.",
            ["route", "method", "status"],
            registry=self._registry,
        )
        self._latency = Histogram(
            "dualhash_search_seconds",
            "Time to answer a search, waiting included, by task and kind of query.",
            ["task", "query"],
            buckets=SECONDS,
            registry=self._registry,
        )
        self._items = Gauge("dualhash_index_items", "Items in the index.", registry=self._registry)
        self._generation = Gauge(
            "dualhash_index_generation",
            "Files that have been served as the index.",
            registry=self._registry,
        )
        self._waiting = Gauge(
            "dualhash_waiting_requests",
            "Requests that wait for a kind of work.",
            ["work"],
            registry=self._registry,
        )

    def answered(self, route: str, method: str, status: int) -> None:
        """Counts a request."""
        self._requests.labels(route, method, status).inc()

    def searched(self, task: str, query: str, seconds: float) -> None:
        """Counts a search."""
        self._latency.labels(task, query).observe(seconds)

    def holds(self, items: int, generation: int) -> None:
        """Notes what the index holds."""
        self._items.set(items)
        self._generation.set(generation)

    def waits(self, queues: Iterable[tuple[str, Callable[[], int]]]) -> None:
        """Watches how many wait for each kind of work."""
        for work, count in queues:
            self._waiting.labels(work).set_function(count)

    def text(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self._registry)


class Counted:
    """Counts what an app answers, by the template of its route, so that ids make no new series."""

    def __init__(self, app: ASGIApp, metrics: Metrics, routes: Iterable[BaseRoute]) -> None:
        """Counts for `app`; what is refused before it gets to one of the `routes` counts there."""
        self._app, self._metrics = app, metrics
        self._routes = [route for route in routes if isinstance(route, Route)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            self._metrics.answered(self._route(scope), _known(scope["method"]), status)

    def _route(self, scope: Scope) -> str:
        if path := getattr(scope.get("route"), "path", None):
            return str(path)
        reached = (route for route in self._routes if route.matches(scope)[0] is not Match.NONE)
        return next((route.path for route in reached), "other")


def _known(method: str) -> str:
    return method if method in ("GET", "POST", "OPTIONS") else "other"
