"""Middleware: security headers, and access checks before a request is handled."""

import asyncio
import hmac
import socket
from ipaddress import ip_address
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import URL, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dualhash.serve.http.errors import ProblemError
from dualhash.serve.http.limits import BoundedQueue, RateLimiter
from dualhash.serve.settings import Settings

COOKIE = "dualhash_token"
"""Name of the token cookie, without the port. Browsers share cookies between ports of a host, so
each server adds its port."""

PROBES = frozenset({"/healthz", "/readyz"})
"""Health checks. They reveal nothing, so they need no token and have no rate limit."""

SEARCH_PATH = "/api/v1/search"

DELAY_SECONDS = 0.25
"""Delay of 429 and 503 responses. It slows down clients that retry at once."""

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob: data:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class SecurityHeaders:
    """Adds security headers to every response."""

    def __init__(self, app: ASGIApp, cors: bool) -> None:
        """Wraps `app`. With `cors`, pages of other origins may embed responses."""
        self._app = app
        self._headers = dict(SECURITY_HEADERS)
        if cors:
            del self._headers["Cross-Origin-Resource-Policy"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles a request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)


class AccessControl:
    """Refuses requests with a wrong host name or token, too many requests, and a full queue.

    The files of the page are public: they contain nothing of the index.
    """

    def __init__(self, app: ASGIApp, settings: Settings, search_queue: BoundedQueue) -> None:
        """Wraps `app`; refuses searches before their body is read if `search_queue` is full."""
        self._app, self._token, self._search_queue = app, settings.token, search_queue
        names = ("localhost", socket.gethostname(), settings.host, *settings.trusted_hosts)
        self._names = {name.lower() for name in names}
        self._rate = RateLimiter(settings.rate, settings.burst)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles a request, or refuses it."""
        response: Response | None = None
        if scope["type"] == "http":
            try:
                response = self._check(HTTPConnection(scope))
            except ProblemError as problem:
                response = problem.response()
        if response and response.status_code in (429, 503):
            await asyncio.sleep(DELAY_SECONDS)
        await (response or self._app)(scope, receive, send)

    def _check(self, request: HTTPConnection) -> Response | None:
        """Returns a response that replaces the app's, or None.

        Raises:
            ProblemError: The request is refused.
        """
        path = request.scope["path"]
        _check_transfer_encoding(request)
        self._check_host(request, required=path not in PROBES)
        if path in PROBES:
            return None
        if not self._rate.allows(request.client.host if request.client else ""):
            raise ProblemError("too-many-requests", "Too many requests; wait a moment.")
        if self._token and "token" in request.query_params:
            return self._set_cookie(request)
        if self._token and (path.startswith("/api/") or path == "/metrics"):
            self._check_token(request)
        if path == SEARCH_PATH:
            self._search_queue.check_capacity()
        return None

    def _check_host(self, request: HTTPConnection, *, required: bool) -> None:
        hosts = request.headers.getlist("host")
        if len(hosts) > 1:
            raise ProblemError("bad-request", "The request has several Host headers; send one.")
        if not hosts and not required:
            return
        name = host_name(hosts[0] if hosts else "")
        if name not in self._names and not _is_ip_address(name):
            raise ProblemError(
                "unknown-host",
                f"The server does not know the host name {name!r}; add it with --trusted-host.",
            )

    def _check_token(self, request: HTTPConnection) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            token = request.cookies.get(cookie_name(request), "")
        if not self._is_token(token.strip()):
            raise ProblemError(
                "token-needed",
                "Send the token as `Authorization: Bearer TOKEN`; in a browser, add ?token=TOKEN "
                "to the address.",
            )

    def _set_cookie(self, request: HTTPConnection) -> Response:
        """Moves the token of a browser from the address to a cookie."""
        if not self._is_token(request.query_params["token"]):
            raise ProblemError("token-needed", "The token in the address is wrong.")
        query = [pair for pair in parse_qsl(request.url.query) if pair[0] != "token"]
        target = URL(path="/" + request.url.path.lstrip("/"), query=urlencode(query))
        response = RedirectResponse(str(target), 303)
        response.set_cookie(
            cookie_name(request),
            self._token or "",
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return response

    def _is_token(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(), (self._token or "").encode())


def _check_transfer_encoding(request: HTTPConnection) -> None:
    codings = ",".join(request.headers.getlist("transfer-encoding")).strip().lower()
    if codings not in ("", "chunked"):
        raise ProblemError(
            "unsupported-transfer-encoding",
            "The only transfer encoding is chunked; send the body uncompressed.",
        )


def cookie_name(request: HTTPConnection) -> str:
    """Returns the name of the token cookie of this server."""
    _, port = request.scope.get("server") or ("", None)
    return f"{COOKIE}_{port}"


def host_name(host: str) -> str:
    """Returns the name or address in a Host header without its port, in lower case."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower().rstrip(".")


def _is_ip_address(name: str) -> bool:
    """Whether a host is an IP address; an attacker's page cannot have one as its host name."""
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
